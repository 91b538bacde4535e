"""Timetable reads beat's entries from all places that have some, and changes them. On the loop.

Each place is asked in the pool, with a limit of time; what it told before stays, with its age.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

from celery import Celery

from flower_ng.errors import Conflict, Unavailable
from flower_ng.monitor.remote.bounded_calls import UNAVAILABLE, BoundedCalls, reason
from flower_ng.redaction import Redactor
from flower_ng.schedule import django_source
from flower_ng.schedule.entry import BeatEntry, Kind, Sign, sign_of
from flower_ng.schedule.redbeat_source import RedBeatSource
from flower_ng.schedule.settings_source import MOST, declared, settings_entries

log = logging.getLogger(__name__)
T = TypeVar("T")

#: No place is waited for any longer, and so many are asked at once.
LIMIT_S: Final = 8.0
AT_ONCE: Final = 4
#: What is no older is not read again for a page.
FRESH_S: Final = 3.0
NO_DJANGO: Final = (
    "beat_scheduler names django-celery-beat, and Django is not set up in this process: start"
    " flower_ng with the app of your Django project (celery -A project flower_ng), with"
    " DJANGO_SETTINGS_MODULE set"
)
NO_REDIS: Final = (
    "The settings name RedBeat, and its Redis is not one that can be read here: set"
    " redbeat_redis_url to a redis:// or rediss:// URL"
)


@dataclass(frozen=True, slots=True)
class Place:
    """One place that keeps entries: what it told `at` (UTC seconds), None while it has not.

    `problem` is why it can't be read now, in one sentence. `is_complete` is False where it has
    more than are read. `has_beat` is that a beat runs, as its lock tells, None where none tells.
    """

    kind: Kind
    entries: tuple[BeatEntry, ...] = ()
    at: float | None = None
    problem: str = ""
    has_beat: bool | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all of its entries were read."""
        return len(self.entries) < MOST


class Timetable:
    """`entries` are those of all `places`, as they were told last; empty before the first look."""

    def __init__(
        self, capp: Celery, pool: Executor, redactor: Redactor, clock: Callable[[], float]
    ) -> None:
        self.places: dict[Kind, Place] = {}
        self.entries: tuple[BeatEntry, ...] = ()
        self.looked_at: float | None = None
        self._capp, self._redactor, self._clock = capp, redactor, clock
        self._calls = BoundedCalls(pool, AT_ONCE, LIMIT_S)
        self._redbeat = RedBeatSource(capp, pool)
        self._looking: asyncio.Task[None] | None = None

    async def look(self) -> None:
        """Read all places once; who asks meanwhile waits for the same look."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        await asyncio.shield(self._looking)

    def is_fresh(self) -> bool:
        """Whether what is known is new enough for a page."""
        return self.looked_at is not None and self._clock() - self.looked_at < FRESH_S

    async def run(self, work: Callable[[], T]) -> T:
        """Reckon in the pool; Unavailable where that takes too long."""
        return await self._calls.run(work)

    async def set_enabled(self, entry: BeatEntry, *, wanted: bool) -> None:
        """Enable or disable an entry in its store, and read that again.

        Conflict where its place has no such thing, Unavailable where its store fails.
        """
        if entry.kind is Kind.SETTINGS:
            raise Conflict(
                f"'{entry.name}' is set in the app's beat_schedule, which knows no disabled entries"
            )
        change = (
            django_source.set_enabled if entry.kind is Kind.DJANGO else self._redbeat.set_enabled
        )
        await self.run(partial(change, entry.name, wanted=wanted))
        await self._look()

    def sign(self, entry: BeatEntry) -> Sign:
        """Return what tells the tasks of an entry from others."""
        return sign_of(entry, self._capp.amqp.argsrepr_maxsize, self._redactor)

    async def _look(self) -> None:
        asked = [
            self._asked(Kind.SETTINGS, lambda: Place(Kind.SETTINGS, settings_entries(self._capp))),
            self._asked(Kind.DJANGO, self._django),
            self._asked(Kind.REDBEAT, self._of_redbeat),
        ]
        found = [place for place in await asyncio.gather(*asked) if place is not None]
        self.places = {place.kind: place for place in found}
        self.entries = tuple(self._merged())
        self.looked_at = self._clock()

    async def _asked(self, kind: Kind, read: Callable[[], Place | None]) -> Place | None:
        before = self.places.get(kind, Place(kind))
        try:
            place = await self._calls.run(read)
        except Unavailable as error:
            words = reason(error) if error.message == UNAVAILABLE else error.message
            return replace(before, problem=self._redactor.text(words), has_beat=None)
        except Exception as error:  # the border: settings, models and libraries of the app's own
            log.exception("The schedule of %s could not be read", kind.value)
            return replace(before, problem=self._redactor.text(f"It can't be read: {error}"))
        if place is None:
            return None
        return place if place.problem else replace(place, at=self._clock())

    def _django(self) -> Place | None:
        if django_source.is_installed():
            return Place(Kind.DJANGO, django_source.django_entries(self._capp, self._clock()))
        is_named = "django_celery_beat" in str(self._capp.conf.beat_scheduler)
        return Place(Kind.DJANGO, problem=NO_DJANGO) if is_named else None

    def _of_redbeat(self) -> Place | None:
        if not self._redbeat.is_reachable():
            return Place(Kind.REDBEAT, problem=NO_REDIS) if self._redbeat.is_named else None
        look = self._redbeat.look()
        if not (look.entries or look.has_lock or self._redbeat.is_named):
            return None
        return Place(Kind.REDBEAT, look.entries, has_beat=look.has_lock)

    def _merged(self) -> list[BeatEntry]:
        """Return the entries of all places: a store has those of the settings, once beat ran."""
        stored = [
            entry
            for kind in (Kind.DJANGO, Kind.REDBEAT)
            if kind in self.places
            for entry in self.places[kind].entries
        ]
        names, keeper = {entry.name for entry in stored}, self._keeper()
        why = f"{keeper} does not have it yet: beat adds it when it starts." if keeper else ""
        place = self.places.get(Kind.SETTINGS)
        rest = (one for one in (place.entries if place else ()) if one.name not in names)
        return [*(replace(entry, rests=why) for entry in rest), *stored]

    def _keeper(self) -> str:
        """Return the store that beat works with, as the settings say and as it was read."""
        named = str(self._capp.conf.beat_scheduler)
        words = {"django_celery_beat": Kind.DJANGO, "redbeat": Kind.REDBEAT}
        kind = next((kind for word, kind in words.items() if word in named), None)
        place = None if kind is None else self.places.get(kind)
        return place.kind.value if place is not None and place.at is not None else ""

    def is_in_settings(self, entry: BeatEntry) -> bool:
        """Whether the settings have an entry of this name, which beat writes as it starts."""
        return entry.name in declared(self._capp)
