"""Trends is what the queues were when they were last sampled, and for how long they grow. Loop."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from flower_ng.health.facts import QueueFacts, WorkerFacts

#: A sample that is older says nothing about now.
GOOD_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class Trend:
    """The newest sample of a queue; `since` and `base` are when its growth began and from where."""

    at: float
    length: int | None
    oldest_s: float | None
    consumers: int | None
    since: float
    base: int


class Trends:
    """Samples of queues, as they come in with `note`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._trends: dict[str, Trend] = {}

    def note(
        self, name: str, length: int | None, oldest_s: float | None, consumers: int | None = None
    ) -> None:
        """Take a sample: what is not known is None."""
        now, before = self._clock(), self._trends.get(name)
        if before is None or length is None or before.length is None or length < before.length:
            since, base = now, length or 0
        else:
            since, base = before.since, before.base
        self._trends[name] = Trend(now, length, oldest_s, consumers, since, base)

    def facts(self, workers: Iterable[WorkerFacts], now: float) -> list[QueueFacts] | None:
        """Return the queues that were sampled lately; None where none was."""
        self._trends = {name: one for name, one in self._trends.items() if now - one.at < GOOD_S}
        if not self._trends:
            return None
        told = [one.told for one in workers if one.is_online and one.told is not None]
        return [
            QueueFacts(
                name,
                one.length,
                one.oldest_s,
                one.consumers,
                sum(name in answer.queues for answer in told) if told else None,
                one.at - one.since,
                (one.length or 0) - one.base,
            )
            for name, one in self._trends.items()
        ]
