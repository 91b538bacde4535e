"""Baselines reads recent and usual counts of each task type from the history. On the loop."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final

from flower_ng.errors import AnswerError
from flower_ng.health.facts.records import Counts, TypeFacts
from flower_ng.store import SeriesPage, SeriesQuery, TaskPoint

log = logging.getLogger(__name__)

#: The recent period, and the period before it from which the baseline is taken.
LATELY_S: Final = 600.0
USUAL_S: Final = 86_400.0
HOUR_S: Final = 3600
MOST_TYPES: Final = 2000

Ask = Callable[[SeriesQuery], Awaitable[SeriesPage]]


class Baselines:
    """Reads the counts each `every_s`. `types` is the newest result; None while there is none."""

    def __init__(self, ask: Ask, clock: Callable[[], float], every_s: float) -> None:
        self.types: tuple[TypeFacts, ...] | None = None
        self._ask, self._every_s = ask, every_s
        self._clock = clock
        self._usual: tuple[float, Mapping[str, TaskPoint]] = (0.0, {})
        self._work: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start reading, on the running loop."""
        self._work = asyncio.get_running_loop().create_task(self._keep_asking())

    def stop(self) -> None:
        """End."""
        if self._work is not None:
            self._work.cancel()

    async def look(self) -> None:
        """Read the counts once."""
        now = self._clock()
        hour = (now - LATELY_S) // HOUR_S * HOUR_S
        try:
            recent = await self._counts(now - LATELY_S, now)
            if self._usual[0] != hour:  # the counts of past hours do not change
                self._usual = hour, await self._counts(max(0.0, hour - USUAL_S), hour)
        except AnswerError as error:
            log.debug("The usual counts could not be read: %s", error)
            self.types = None
            return
        self.types = tuple(_types(recent, self._usual[1]))

    async def _keep_asking(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._every_s)

    async def _counts(self, start: float, end: float) -> Mapping[str, TaskPoint]:
        query = SeriesQuery("task", None, start, end, None, percentiles=False)
        page = await self._ask(query)
        named = (one for one in page.series[:MOST_TYPES] if isinstance(one.whole, TaskPoint))
        return {one.name: one.whole for one in named if isinstance(one.whole, TaskPoint)}


def _types(recent: Mapping[str, TaskPoint], usual: Mapping[str, TaskPoint]) -> Iterator[TypeFacts]:
    for name in dict.fromkeys((*recent, *usual)):
        before = usual.get(name)
        run = None if before is None else before.run
        yield TypeFacts(
            name,
            _counts(recent.get(name), LATELY_S),
            _counts(before, USUAL_S),
            None if run is None else run.p99_s,
            0 if run is None else run.count,
        )


def _counts(point: TaskPoint | None, over_s: float) -> Counts:
    if point is None:
        return Counts(over_s)
    return Counts(
        over_s,
        received=point.received,
        succeeded=point.succeeded,
        failed=point.failed,
        retried=point.retried,
        sent=point.sent,
    )
