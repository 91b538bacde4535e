"""Verifier asks the result backend about tasks whose end is unknown or inferred. On the loop.

The reading runs in the pool, a few results at a time; the newest doubts come first. What is asked
is only how a task ended, never what it returned.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from enum import IntEnum
from functools import cache
from heapq import nsmallest
from itertools import chain
from typing import Final, Protocol, TypeVar

import msgspec

from flower_ng.errors import AnswerError
from flower_ng.life.runs import is_running
from flower_ng.monitor.state.backend_outcome import Outcome, is_of_this_try
from flower_ng.monitor.state.eta import eta_s
from flower_ng.monitor.state.state import ClusterState, has_ended
from flower_ng.records import Task
from flower_ng.reports import ProgressReport

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Results asked for in a second, at most, and by one call.
PER_S: Final = 50
TOGETHER: Final = 25
#: How often doubts are looked for; tasks looked at before the loop is given back.
LOOK_S: Final = 5.0
MOST: Final = int(PER_S * LOOK_S)
LEAST_S: Final = 1.0
SLICE: Final = 500
#: A task of which nothing was heard for so long is asked for; then after twice the time, up to
FIRST_S: Final = 30.0
#: this long; one whose worker is gone, or does not know of it, at once.
LAST_S: Final = 3600.0
#: An answer as new as that serves whoever looks at the task.
FRESH_S: Final = 3.0
#: After a failure nothing is asked for this long.
PAUSE_S: Final = 30.0
OLDER: Final = "what it holds is older than the task's newest start"


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What the result backend said of a task `at` a time (UTC seconds).

    `state` is Celery's, PENDING where it knows nothing of the task, and None where it could not be
    asked, for the reason `why`. `detail` came with a state of the app's own, and `report` is what
    of it says how far the task is.
    """

    at: float
    state: str | None = None
    why: str = ""
    detail: str | None = None
    report: ProgressReport | None = None


class Backend(Protocol):
    """The part of Results that is asked."""

    async def refusal(self) -> str:
        """Why it can't be asked at all, empty where it can."""

    async def outcomes(self, task_ids: Sequence[str]) -> Mapping[str, Outcome | AnswerError]:
        """What it has of each; those that it had no time for are left out."""


class _Cause(IntEnum):
    """Why a task is in doubt; a stronger cause has it asked for anew, and at once."""

    SILENCE = 0
    UNCLAIMED = 1
    GONE = 2


class _Doubt(msgspec.Struct, gc=False):
    """When to ask for a task in this `state`, and how often that was done."""

    state: str
    due_at: float
    cause: _Cause = _Cause.SILENCE
    asked: int = 0


class Verifier:
    """Looks for doubts in the state, has them answered, and lets the state learn of ends.

    `is_gone` says whether a worker, by its host name, is known to be offline. An ETA without an
    offset is of `timezone`.
    """

    def __init__(
        self,
        state: ClusterState,
        backend: Backend,
        is_gone: Callable[[str], bool],
        *,
        timezone: tzinfo = UTC,
        clock: Callable[[], float] = time.time,
    ) -> None:
        #: Why the result backend can't be asked at all; None before that was found out.
        self.refusal: str | None = None
        #: Ends learned of, by state, and the doubts that wait for their turn.
        self.learned: Counter[str] = Counter()
        self.waiting = 0
        self._state, self._backend, self._is_gone = state, backend, is_gone
        self._timezone, self._clock = timezone, clock
        self._doubts: dict[str, _Doubt] = {}
        self._answers: dict[str, Answer] = {}
        self._unknown: Counter[str] = Counter()
        self._paused_until = 0.0
        self._asking: dict[str, asyncio.Task[bool]] = {}
        self._looking: asyncio.Task[None] | None = None

    def answer(self, uuid: str) -> Answer | None:
        """Return what was answered of a task in its present state; None where nobody asked."""
        return self._answers.get(uuid)

    def lost(self, worker: str, running: int) -> int:
        """Return of how many of the tasks that a worker left running nobody can tell an end.

        They were asked for after it had gone; where nothing can be asked, it is all of them.
        """
        return running if self.refusal else min(running, self._unknown[worker])

    def is_settled(self, uuid: str, since: float) -> bool:
        """Whether nobody knew of a task's end at a later time than that, or nobody can be asked."""
        answer = self._answers.get(uuid)
        return bool(self.refusal) or (answer is not None and answer.at >= since)

    def doubt(self, uuid: str) -> None:
        """Have a task asked for at the next look: its worker does not know of it."""
        task, doubt = self._state.tasks.get(uuid), self._doubts.get(uuid)
        if task is not None and (doubt is None or doubt.cause < _Cause.UNCLAIMED):
            self._doubts[uuid] = _Doubt(task.state, self._clock(), _Cause.UNCLAIMED)

    async def ask(self, kept: Task, patience_s: float) -> Answer | None:
        """Return what the backend has of a task now, or what it had where that takes too long.

        `kept` is the task as the store has it: it may have left memory.
        """
        known = self._answers.get(kept.uuid)
        if known is None or self._clock() - known.at >= FRESH_S:
            await asyncio.wait([self._begin(kept)], timeout=patience_s)
        return self._answers.get(kept.uuid, known)

    def _begin(self, kept: Task) -> asyncio.Task[bool]:
        """Ask for one task, unless that is under way."""
        asking = self._asking.get(kept.uuid)
        if asking is None:
            loop = asyncio.get_running_loop()
            asking = self._asking[kept.uuid] = loop.create_task(self._ask([kept.uuid], kept))
            asking.add_done_callback(lambda _: self._asking.pop(kept.uuid, None))
        return asking

    def start(self) -> None:
        """Begin."""
        self._looking = asyncio.get_running_loop().create_task(self._go_on())

    def stop(self) -> None:
        """End."""
        for asking in (self._looking, *self._asking.values()):
            if asking is not None:
                asking.cancel()

    async def _go_on(self) -> None:
        while True:
            began = time.monotonic()
            try:
                await self.look()
            except Exception:
                log.exception("Could not ask the result backend about tasks with an unknown end")
            await asyncio.sleep(max(LEAST_S, LOOK_S - (time.monotonic() - began)))

    async def look(self) -> None:
        """Look for doubts once, and have the newest of them answered, as many as the time lets."""
        now = self._clock()
        if now >= self._paused_until:
            self.refusal = await self._refusal()
        due = await self._due(now)
        if self.refusal or now < self._paused_until:
            return
        for start in range(0, len(due), TOGETHER):
            some = due[start : start + TOGETHER]
            began = self._clock()
            if not await self._ask(some):
                self._paused_until = self._clock() + PAUSE_S
                return
            self.waiting = max(0, self.waiting - len(some))
            await asyncio.sleep(max(0.0, TOGETHER / PER_S - (self._clock() - began)))

    async def _refusal(self) -> str:
        try:
            return await self._backend.refusal()
        except AnswerError as error:
            return error.message

    async def _due(self, now: float) -> list[str]:
        """Return the tasks that are to be asked for, the newest doubt first."""
        unknown: Counter[str] = Counter()
        first: list[tuple[int, float, str]] = []
        waiting, is_gone = 0, cache(self._is_gone)
        for tasks in _slices(self._state.tasks.values()):
            due = []
            for task in tasks:
                if has_ended(task):
                    continue
                is_lost = task.worker is not None and is_gone(task.worker.hostname)
                doubt = self._doubt_of(task, now, is_gone=is_lost)
                if doubt.due_at <= now:
                    due.append((doubt.asked, -doubt.due_at, task.uuid))
                if doubt.asked and doubt.cause == _Cause.GONE and is_running(task.state):
                    unknown[task.worker.hostname if task.worker else ""] += 1
            waiting += len(due)
            first = nsmallest(MOST, chain(first, due))
            await asyncio.sleep(0)
        self._unknown, self.waiting = unknown, waiting
        await self._forget()
        return [uuid for _, _, uuid in first]

    def _doubt_of(self, task: Task, now: float, *, is_gone: bool) -> _Doubt:
        """Return the doubt about a task, a new one if its state or the cause is another."""
        doubt = self._doubts.get(task.uuid)
        if doubt is None or doubt.state != task.state:
            self._answers.pop(task.uuid, None)
            doubt = self._doubts[task.uuid] = _Doubt(task.state, self._first_at(task))
        if is_gone and doubt.cause < _Cause.GONE:
            doubt = self._doubts[task.uuid] = _Doubt(task.state, now, _Cause.GONE)
        return doubt

    async def _forget(self) -> None:
        """Forget the doubts about tasks that have ended, and what was answered of others."""
        for some in _slices(self._doubts):
            for uuid in some:
                task = self._state.tasks.get(uuid)
                if task is None or has_ended(task):
                    self._doubts.pop(uuid, None)
            await asyncio.sleep(0)
        for some in _slices(self._answers):
            for uuid in some:
                if uuid not in self._doubts:
                    self._answers.pop(uuid, None)
            await asyncio.sleep(0)

    def _first_at(self, task: Task) -> float:
        """Return when a task that is still silent is to be asked for."""
        eta = None if is_running(task.state) else eta_s(task.eta, self._timezone)
        return max(task.timestamp, eta or 0.0) + FIRST_S

    async def _ask(self, uuids: Iterable[str], kept: Task | None = None) -> bool:
        """Ask for some, in detail for one that is `kept`; return whether the backend answered."""
        uuids = list(uuids)
        try:
            found = await self._backend.outcomes(uuids)
        except AnswerError as error:
            found = dict.fromkeys(uuids, error)
        now = self._clock()
        for uuid, one in found.items():
            self._take(uuid, one, now, kept)
        return not found or not all(isinstance(one, AnswerError) for one in found.values())

    def _take(self, uuid: str, found: Outcome | AnswerError, now: float, kept: Task | None) -> None:
        if doubt := self._doubts.get(uuid):
            doubt.asked += 1
            doubt.due_at = now + min(FIRST_S * 2 ** min(doubt.asked, 10), LAST_S)
        self._answers[uuid] = self._answer(uuid, found, now, kept)

    def _answer(
        self, uuid: str, found: Outcome | AnswerError, now: float, kept: Task | None
    ) -> Answer:
        """Read what was answered; of an end the state learns."""
        if isinstance(found, AnswerError):
            return Answer(now, why=found.message)
        task = self._state.tasks.get(uuid, kept)
        if found.is_end and task is not None and not is_of_this_try(found, task):
            return Answer(now, why=OLDER)
        if found.is_end and self._state.learn(uuid, found, kept):
            self.learned[found.state] += 1
        if not kept:
            return Answer(now, found.state)
        return Answer(now, found.state, detail=found.detail, report=found.report)


def _slices(found: Iterable[T]) -> Iterator[list[T]]:
    """Yield what there is now, some at a time."""
    every = list(found)
    for start in range(0, len(every), SLICE):
        yield every[start : start + SLICE]
