"""BeatSchedule is the app's beat schedule, and which of its entries are overdue.

Read in a thread from time to time: evaluating a crontab is slow. Begun and ended on the loop.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain, pairwise
from typing import Any, Final

from celery import Celery
from celery.beat import BeatLazyFunc
from celery.schedules import BaseSchedule, maybe_schedule
from celery.utils.saferepr import saferepr

from flower_ng.health.facts.records import EntryFacts
from flower_ng.health.facts.task_observer import Sends, Sign

log = logging.getLogger(__name__)

#: Entries that are looked at.
MOST: Final = 500
#: A task that is sent before so much of the time to the next has passed is not beat's.
EARLY_SHARE: Final = 0.75
#: One that is sent later than this, and so many seconds, does not come when beat would send it.
LATE_SHARE: Final = 1.25
LATE_S: Final = 5.0
#: Who sent as often when beat would have is taken for beat.
RHYTHM: Final = 2


class BeatSchedule:
    """`entries` is None where the app has no schedule, and before the first look.

    It looks each `every_s`. `seen` tells when the newest tasks with a sign were first heard of, by
    who sent them; nothing was before `heard_since`, which is None while nothing can be.
    """

    def __init__(
        self,
        capp: Celery,
        seen: Mapping[Sign, Sends],
        heard_since: Callable[[], float | None],
        every_s: float,
    ) -> None:
        self.entries: tuple[EntryFacts, ...] | None = None
        self._capp, self._seen = capp, seen
        self._heard_since, self._every_s = heard_since, every_s
        self._work: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start, on the running loop."""
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
        seen = {
            sign: {name: tuple(times) for name, times in sends.items() if times}
            for sign, sends in self._seen.items()
        }
        found = await asyncio.to_thread(lambda: tuple(self._entries(since, seen)))
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

    def _entries(
        self, since: float, seen: Mapping[Sign, Mapping[str, Sequence[float]]]
    ) -> Iterator[EntryFacts]:
        declared = self._declared()
        shared = Counter(self._sign(entry) for _, entry in declared)
        for name, entry in declared:
            kind, sign = str(entry.get("task")), self._sign(entry)
            schedule: Any = maybe_schedule(entry["schedule"], app=self._capp)
            sends = seen.get(sign, {})
            if shared[sign] > 1:  # beat sends it in no rhythm of one entry
                last = max(chain.from_iterable(sends.values()), default=None)
            else:
                last = last_of_beat(sends, partial(self._due_at, schedule))
            overdue_s = time.time() - self._due_at(schedule, max(last or since, since))
            yield EntryFacts(name, kind, last, max(0.0, overdue_s))

    def _due_at(self, schedule: BaseSchedule, after: float) -> float:
        """Return when a task is due that was last sent then."""
        sent = datetime.fromtimestamp(after, UTC).astimezone(self._capp.timezone)
        left: float = schedule.remaining_estimate(sent).total_seconds()
        return time.time() + left


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
