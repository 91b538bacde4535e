"""BeatSchedule tells when each entry of beat's schedule was sent, is due, and is overdue.

It looks from time to time; evaluating a crontab is slow, so that is done in the pool. On the loop.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from math import inf
from typing import Final

from flower_ng.errors import AnswerError
from flower_ng.health.facts.records import EntryFacts
from flower_ng.health.facts.task_observer import TaskObserver
from flower_ng.schedule.due import due_after
from flower_ng.schedule.entry import BeatEntry, Kind, Sign
from flower_ng.schedule.timetable import Timetable

log = logging.getLogger(__name__)

#: A task that is sent before so much of the time to the next has passed is not beat's.
EARLY_SHARE: Final = 0.75
#: One that is sent later than this, and so many seconds, does not come when beat would send it.
LATE_SHARE: Final = 1.25
LATE_S: Final = 5.0
#: By how much what RedBeat notes may be before the time of a clock.
WHOLE_S: Final = 2.0
#: Who sent as often when beat would have is taken for beat.
RHYTHM: Final = 2


class BeatSchedule:
    """`facts` are those of the entries that beat is to send, by place and name.

    `entries` are the same for the rules: None where there are none, and before the first look. It
    looks each `every_s`. `sightings` tells when the newest tasks with a sign were first heard of,
    by who sent them; nothing was before `heard_since`, which is None while nothing can be.
    """

    def __init__(
        self,
        timetable: Timetable,
        sightings: TaskObserver,
        heard_since: Callable[[], float | None],
        every_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.timetable = timetable
        self.facts: dict[tuple[Kind, str], EntryFacts] = {}
        self._sightings, self._clock = sightings, clock
        self._heard_since, self._every_s = heard_since, every_s
        self._wanted_since: dict[Sign, float] = {}
        self._work: asyncio.Task[None] | None = None

    @property
    def entries(self) -> tuple[EntryFacts, ...] | None:
        """What is known of each entry; None where nothing is, or nothing can be heard."""
        return (tuple(self.facts.values()) or None) if self.is_hearing else None

    @property
    def is_hearing(self) -> bool:
        """Whether events can arrive: without them only what stores tell can be overdue."""
        return self._heard_since() is not None

    def start(self) -> None:
        """Start, on the running loop."""
        self._work = asyncio.get_running_loop().create_task(self._keep_looking())

    def stop(self) -> None:
        """End."""
        if self._work is not None:
            self._work.cancel()

    async def look(self) -> None:
        """Read the schedule, and judge it; Unavailable where that takes too long."""
        await self.timetable.look()
        self._want()
        since = self._heard_since()
        since = self._clock() if since is None else since
        seen = {
            sign: {name: tuple(times) for name, times in sends.items() if times}
            for sign, sends in self._sightings.seen.items()
        }
        found = await self.timetable.run(lambda: dict(self._judged(since, seen)))
        self.facts = found

    def _want(self) -> None:
        """Have tasks noted that are like those of the schedule; what is not any more is dropped."""
        is_first = not self._wanted_since
        signs = {self.timetable.sign(one) for one in self.timetable.entries if one.schedule}
        since = 0.0 if is_first else self._clock()
        self._wanted_since = {sign: self._wanted_since.get(sign, since) for sign in signs}
        self._sightings.want(frozenset(signs))

    async def _keep_looking(self) -> None:
        while True:
            try:
                await self.look()
            except AnswerError as error:
                log.warning("The beat schedule could not be judged: %s", error)
                self.facts = {}
            await asyncio.sleep(self._every_s)

    def _judged(
        self, since: float, seen: Mapping[Sign, Mapping[str, Sequence[float]]]
    ) -> Iterator[tuple[tuple[Kind, str], EntryFacts]]:
        entries = [one for one in self.timetable.entries if one.is_expected]
        shared = Counter(map(self.timetable.sign, entries))
        names = Counter(entry.name for entry in entries)
        for entry in entries:
            sign = self.timetable.sign(entry)
            sends = seen.get(sign, {})
            since_then = max(since, self._wanted_since.get(sign, 0.0))
            name = entry.name if names[entry.name] == 1 else f"{entry.name} ({entry.kind.value})"
            try:
                found = self._facts(entry, name, sends, since_then, is_shared=shared[sign] > 1)
            except Exception as error:  # noqa: BLE001 - the border: schedules may be the app's own
                log.warning("When '%s' is due is not known: %r", entry.name, error)
            else:
                yield (entry.kind, entry.name), found

    def _facts(
        self,
        entry: BeatEntry,
        name: str,
        sends: Mapping[str, Sequence[float]],
        since: float,
        *,
        is_shared: bool,
    ) -> EntryFacts:
        now = self._clock()
        if is_shared:  # beat sends it in no rhythm of one entry
            last = max(chain.from_iterable(sends.values()), default=None)
        else:
            last = last_of_beat(sends, partial(self._due_at, entry, now=now))
        last = max((at for at in (last, entry.last_run_at) if at is not None), default=None)
        if entry.due_at is not None:  # RedBeat says so itself, in whole seconds
            overdue_s = max(0.0, now - entry.due_at)
            exactly = self._due_at(entry, entry.due_at - WHOLE_S, now=now)
            is_same = entry.is_by_clock and abs(exactly - entry.due_at) <= WHOLE_S
            due_at = exactly if is_same else entry.due_at
            return EntryFacts(name, entry.task, last, overdue_s, due_at)
        if last is None and entry.kind is not Kind.SETTINGS:
            # Whether any beat works with that store, and from when it counts, nothing tells.
            due_at = self._due_at(entry, now, now=now) if entry.is_by_clock else inf
            return EntryFacts(name, entry.task, None, 0.0, due_at)
        # What was sent while nothing could be heard is not missed.
        judged_at = self._due_at(entry, max(last or since, since), now=now)
        by_last = judged_at if last is None else self._due_at(entry, last, now=now)
        due_at = by_last if by_last > now else judged_at
        is_counted = last is not None and (due_at == by_last or last >= since)
        is_latest = not (is_counted or entry.is_by_clock)
        overdue_s = max(0.0, now - judged_at)
        return EntryFacts(name, entry.task, last, overdue_s, due_at, is_latest=is_latest)

    def _due_at(self, entry: BeatEntry, after: float, *, now: float) -> float:
        """Return when an entry is due that was last sent then; the end of all time for never."""
        found = due_after(entry.schedule, after, now) if entry.schedule else None
        return inf if found is None else found


def last_of_beat(
    sends: Mapping[str, Sequence[float]], due_at: Callable[[float], float]
) -> float | None:
    """Return when beat sent a task last, as far as senders can be told apart; None if it never did.

    `sends` are times by sender, "" for those of whom nobody told; `due_at` is when the next is due.
    Who mostly sends before it is due is not beat. Who keeps the rhythm is: then others count only
    where they began afterwards, as a beat does that was started anew.
    """
    rhythms = {name: _rhythm(times, due_at) for name, times in sends.items() if name}
    beats = [sends[name][-1] for name, one in rhythms.items() if one.is_kept]
    others = [
        (name, times) for name, times in sends.items() if not name or not rhythms[name].is_early
    ]
    if not beats:
        return max((times[-1] for _, times in others), default=None)
    last = max(beats)
    return max([last, *(times[-1] for name, times in others if name and times[0] > last)])


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a sender sent before the next was due, when it was, and how often in all."""

    early: int
    right: int
    steps: int

    @property
    def is_early(self) -> bool:
        """Whether it mostly sends too early for a beat."""
        return 2 * self.early > self.steps

    @property
    def is_kept(self) -> bool:
        """Whether it mostly sends when beat would."""
        return self.right >= RHYTHM and 2 * self.right > self.steps


def _rhythm(times: Sequence[float], due_at: Callable[[float], float]) -> Rhythm:
    shares = [((at - before), max(0.0, due_at(before) - before)) for before, at in pairwise(times)]
    early = sum(passed < EARLY_SHARE * gap for passed, gap in shares)
    late = sum(passed > LATE_SHARE * gap + LATE_S for passed, gap in shares)
    return Rhythm(early, len(shares) - early - late, len(shares))
