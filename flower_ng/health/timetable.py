"""Timetable is the app's beat schedule, and which of its entries should have been seen by now.

Read in a thread now and then: a crontab takes its time. Begun and ended on the loop.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from celery import Celery
from celery.schedules import maybe_schedule

from flower_ng.health.facts import EntryFacts

log = logging.getLogger(__name__)

#: Entries that are looked at.
MOST: Final = 500


class Timetable:
    """`entries` is None where the app has no schedule, and before the first look.

    It looks each `every_s`. `seen` tells when a type's newest task was first heard of; nothing was
    before `heard_since`, which is None while nothing can be.
    """

    def __init__(
        self,
        capp: Celery,
        seen: Mapping[str, float],
        heard_since: Callable[[], float | None],
        every_s: float,
    ) -> None:
        self.entries: tuple[EntryFacts, ...] | None = None
        self._capp, self._seen = capp, seen
        self._heard_since, self._every_s = heard_since, every_s
        self._work: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look, on the running loop."""
        self._work = asyncio.get_running_loop().create_task(self._keep_looking())

    def stop(self) -> None:
        """End."""
        if self._work is not None:
            self._work.cancel()

    async def look(self) -> None:
        """Look once."""
        since = self._heard_since()
        if since is None:
            self.entries = None
            return
        found = await asyncio.to_thread(lambda: tuple(self._entries(since, dict(self._seen))))
        self.entries = found or None

    def types(self) -> frozenset[str]:
        """Return the types that the schedule names."""
        return frozenset(str(entry.get("task")) for _, entry in self._declared())

    async def _keep_looking(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:  # the border: a schedule is any code of the app's
                log.exception("The beat schedule could not be read")
                self.entries = None
            await asyncio.sleep(self._every_s)

    def _declared(self) -> list[tuple[str, Mapping[str, Any]]]:
        declared = self._capp.conf.beat_schedule
        entries = declared.items() if isinstance(declared, Mapping) else ()
        return [(str(name), entry) for name, entry in entries if "schedule" in entry][:MOST]

    def _entries(self, since: float, seen: Mapping[str, float]) -> Iterator[EntryFacts]:
        for name, entry in self._declared():
            kind = str(entry.get("task"))
            schedule: Any = maybe_schedule(entry["schedule"], app=self._capp)
            last = seen.get(kind)
            after = datetime.fromtimestamp(max(last or since, since), UTC)
            left = schedule.remaining_estimate(after.astimezone(self._capp.timezone))
            yield EntryFacts(name, kind, last, max(0.0, -left.total_seconds()))
