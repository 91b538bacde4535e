"""Keeps sampled lengths and totals of each queue for some minutes. On the loop."""

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


#: A rate is of the last minute, and of no less than this.
RATE_S: Final = 65.0
LEAST_RATE_S: Final = 10.0


class TotalSample(NamedTuple):
    """How many messages were published and acknowledged up to a time, UTC seconds."""

    at: float
    published: int | None
    acknowledged: int | None


class RecentTotals:
    """Rates of what the broker counts of each queue; its own are 0 between two of its samples."""

    def __init__(self) -> None:
        self._samples: dict[str, list[TotalSample]] = {}

    def note(self, totals: Mapping[str, tuple[int | None, int | None]], now: float) -> None:
        """Take the totals of one poll."""
        self._samples = {
            name: [*self._kept(name, now), TotalSample(now, *told)] for name, told in totals.items()
        }

    def of(self, name: str) -> tuple[float | None, float | None]:
        """Return how many were published and acknowledged in a second; None for unknown.

        Where looks are seldom it is since the one before.
        """
        samples = self._samples.get(name)
        if not samples or samples[-1].at - samples[0].at < LEAST_RATE_S:
            return None, None
        first, last = samples[0], samples[-1]
        past_s = last.at - first.at
        return (
            _per_s(first.published, last.published, past_s),
            _per_s(first.acknowledged, last.acknowledged, past_s),
        )

    def _kept(self, name: str, now: float) -> list[TotalSample]:
        samples = self._samples.get(name, [])
        return [one for one in samples if one.at >= now - RATE_S] or samples[-1:]


def _per_s(before: int | None, now: int | None, past_s: float) -> float | None:
    """Return a rate; None where the broker began to count anew, or does not tell."""
    return None if before is None or now is None or now < before else (now - before) / past_s
