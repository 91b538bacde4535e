"""Timetable is the app's beat schedule, and which of its entries should have been seen by now.

Read in a thread now and then: a crontab takes its time. Begun and ended on the loop.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from celery import Celery
from celery.beat import BeatLazyFunc
from celery.schedules import maybe_schedule
from celery.utils.saferepr import saferepr

from flower_ng.health.facts import EntryFacts
from flower_ng.health.sightings import Sign

log = logging.getLogger(__name__)

#: Entries that are looked at.
MOST: Final = 500


class Timetable:
    """`entries` is None where the app has no schedule, and before the first look.

    It looks each `every_s`. `seen` tells when the newest task with a sign was first heard of;
    nothing was before `heard_since`, which is None while nothing can be.
    """

    def __init__(
        self,
        capp: Celery,
        seen: Mapping[Sign, float],
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

    def signs(self) -> frozenset[Sign]:
        """Return what tells the tasks of the schedule from others."""
        return frozenset(self._sign(entry) for _, entry in self._declared())

    def _sign(self, entry: Mapping[str, Any]) -> Sign:
        """Return the type and arguments of an entry as its events tell them (celery.beat)."""
        kind, args, kwargs = str(entry.get("task")), entry.get("args"), entry.get("kwargs")
        options = entry.get("options") or {}
        values = [*(args or ()), *(kwargs or {}).values()]
        if any(isinstance(value, BeatLazyFunc) for value in values):
            return kind, None, None  # they are made when it is sent
        length = self._capp.amqp.argsrepr_maxsize
        args_text = options.get("argsrepr") or saferepr(list(args) if args else (), length)
        kwargs_text = options.get("kwargsrepr") or saferepr(dict(kwargs or {}), length)
        return kind, args_text, kwargs_text

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

    def _entries(self, since: float, seen: Mapping[Sign, float]) -> Iterator[EntryFacts]:
        for name, entry in self._declared():
            kind = str(entry.get("task"))
            schedule: Any = maybe_schedule(entry["schedule"], app=self._capp)
            last = seen.get(self._sign(entry))
            after = datetime.fromtimestamp(max(last or since, since), UTC)
            left = schedule.remaining_estimate(after.astimezone(self._capp.timezone))
            yield EntryFacts(name, kind, last, max(0.0, -left.total_seconds()))
