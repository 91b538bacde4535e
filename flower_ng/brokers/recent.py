"""RecentLengths keeps the sampled lengths of each queue for some minutes. On the loop."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

#: How long samples are kept: the last minute, and one sample before it if sampling is slow.
KEPT_S: Final = 180.0


class LengthSample(NamedTuple):
    """How many messages waited at a time, UTC seconds."""

    at: float
    length: int


class RecentLengths:
    """The samples of each queue, the oldest first; of equal ones in a row the outermost."""

    def __init__(self) -> None:
        self._samples: dict[str, list[LengthSample]] = {}

    def note(self, lengths: Mapping[str, int | None], now: float) -> None:
        """Take the lengths of one poll; queues without a length are dropped."""
        self._samples = {
            name: _with(self._samples.get(name, []), LengthSample(now, length))
            for name, length in lengths.items()
            if length is not None
        }

    def of(self, name: str) -> Sequence[LengthSample]:
        """Return the samples of a queue."""
        return self._samples.get(name, ())


def _with(samples: list[LengthSample], newest: LengthSample) -> list[LengthSample]:
    if len(samples) > 1 and samples[-1].length == samples[-2].length == newest.length:
        samples.pop()
    return [one for one in samples if one.at >= newest.at - KEPT_S] + [newest]
