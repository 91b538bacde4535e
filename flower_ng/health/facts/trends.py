"""Trends keeps the newest sample of each queue, and how long it has been growing. On the loop."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from flower_ng.health.facts.records import QueueFacts, WorkerFacts
from flower_ng.monitor.state.sent_tasks import Oldest

#: Older samples are ignored.
GOOD_S: Final = 180.0
#: Growth is that of the minimum length in each minute: single lengths vary too much.
MINUTE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Trend:
    """The newest sample of a queue, and its growth: since when, and from which least length.

    `least` is that of the minute under way, which began at `minute_at`; `before` that of the one
    before it.
    """

    at: float
    length: int | None
    oldest: Oldest | None
    consumers: int | None
    since: float
    base: int
    minute_at: float
    least: int
    before: int


class Trends:
    """Samples of queues, as they come in with `note`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._trends: dict[str, Trend] = {}

    def note(
        self, name: str, length: int | None, oldest: Oldest | None, consumers: int | None = None
    ) -> None:
        """Take a sample: what is not known is None."""
        now, before = self._clock(), self._trends.get(name)
        if before is None or length is None or before.length is None:
            least = length or 0
            self._trends[name] = Trend(
                now, length, oldest, consumers, now, least, now, least, least
            )
        else:
            grown = _grown(before, length, now)
            self._trends[name] = replace(
                grown, at=now, length=length, oldest=oldest, consumers=consumers
            )

    def facts(
        self,
        workers: Iterable[WorkerFacts],
        now: float,
        paused_by: Callable[[str], str] = lambda _: "",
    ) -> list[QueueFacts] | None:
        """Return the queues that were sampled lately; None where none was."""
        self._trends = {name: one for name, one in self._trends.items() if now - one.at < GOOD_S}
        if not self._trends:
            return None
        told = [one.told.queues or () for one in workers if one.is_online and one.told is not None]
        serving = Counter(chain.from_iterable(map(frozenset, told)))
        return [
            QueueFacts(
                name,
                one.length,
                None if one.oldest is None else one.oldest.waits_s,
                one.consumers,
                serving[name] if told else None,
                one.at - one.since,
                (one.length or 0) - one.base,
                is_oldest_least=one.oldest is not None and one.oldest.is_least,
                paused_by=paused_by(name),
            )
            for name, one in self._trends.items()
        ]


def _grown(trend: Trend, length: int, now: float) -> Trend:
    """Return a trend with one more length: it grows no more when a minute's least is less."""
    if now - trend.minute_at < MINUTE_S:
        return replace(trend, least=min(trend.least, length))
    if trend.least < trend.before:
        trend = replace(trend, since=trend.minute_at, base=trend.least)
    return replace(trend, minute_at=now, before=trend.least, least=length)
