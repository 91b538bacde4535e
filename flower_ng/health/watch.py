"""ProblemWatch checks for problems every few seconds and keeps them. On the loop."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

import msgspec

from flower_ng.health.engine import Engine, ProblemChanges
from flower_ng.health.facts.records import Facts
from flower_ng.health.problem import Mute, Problem, told_once

log = logging.getLogger(__name__)

#: Past problems and mutes that are kept.
MOST_PAST: Final = 500
MOST_MUTES: Final = 1000
PROBLEM, MUTE = "problem", "mute"

_problem = msgspec.json.Decoder(Problem)
_mute = msgspec.json.Decoder(Mute)


class NoteStore(Protocol):
    """Keeps small records over restarts."""

    def read(self, kind: str, /) -> dict[str, str]:
        """Return the newest records of a kind by key; blocks."""

    def put(self, kind: str, key: str, record: str | None, at: float, /) -> None:
        """Have a record written; None deletes it."""


Listener = Callable[[ProblemChanges], None]


class ProblemWatch:
    """The problems of one cluster: `now` are the open ones, `past` the cleared ones, newest first.

    `pending` are findings that have not lasted long enough to be raised. `looked_at` is when the
    last check ran, None before the first; `took_s` is how long it kept the loop busy.
    """

    def __init__(
        self,
        engine: Engine,
        gather: Callable[[], Awaitable[Facts]],
        notebook: NoteStore,
        *,
        interval_s: float,
        clock: Callable[[], float] = time.time,
        mutes_elsewhere: Callable[[str], Awaitable[Mapping[str, str] | None]] | None = None,
    ) -> None:
        self.engine = engine
        self.now: tuple[Problem, ...] = ()
        self.pending: tuple[Problem, ...] = ()
        self.past: deque[Problem] = deque(maxlen=MOST_PAST)
        self.mutes: dict[tuple[str, str], Mute] = {}
        self.looked_at: float | None = None
        self.took_s = 0.0
        self._gather = gather
        self._notebook = notebook
        self._interval_s = interval_s
        self._clock = clock
        self._listeners: list[Listener] = []
        self._work: asyncio.Task[None] | None = None
        self._mutes_elsewhere, self._changes = mutes_elsewhere, 0

    def add_listener(self, listener: Listener) -> None:
        """Call the listener with each problem that is raised or cleared."""
        self._listeners.append(listener)

    def restore(self) -> None:
        """Continue with the problems and mutes of the previous run; blocks."""
        noted = self._notebook.read(PROBLEM).values()
        found = told_once(_problem.decode(text) for text in noted)
        self.engine.adopt(one for one in found if one.cleared is None)
        ended = sorted((one for one in found if one.cleared is not None), key=_when_cleared)
        self.past.extendleft(ended)
        self.mutes |= _decoded(self._notebook.read(MUTE))
        self._show()

    def start(self) -> None:
        """Start, on the running loop."""
        self._work = asyncio.get_running_loop().create_task(self._keep_looking())

    def stop(self) -> None:
        """Stop; open problems are restored after a restart."""
        if self._work is not None:
            self._work.cancel()

    async def look(self) -> None:
        """Check once: collect the facts, then apply the rules one by one, yielding to the loop."""
        await self._follow()
        facts = await self._gather()
        self.took_s = 0.0
        for rule in self.engine.rules:
            began = time.perf_counter()
            self._take(self.engine.judge(rule, facts))
            self.took_s += time.perf_counter() - began
            await asyncio.sleep(0)
        self._expire(facts.now)
        self._show()
        self.looked_at = facts.now

    def holds(self, rule: str) -> bool:
        """Whether a rule applies to anything, raised or pending, muted or not."""
        return any(one.rule == rule for one in (*self.now, *self.pending))

    def about(self, about: str, subject: str | None = None) -> tuple[Problem, ...]:
        """Return the open problems of one worker, queue or task type; None for any."""
        named = (one for one in self.now if one.about == about)
        return tuple(one for one in named if subject is None or one.subject == subject)

    def mute(self, mute: Mute) -> None:
        """Mute a problem, open or not, until the time in `mute`."""
        while len(self.mutes) >= MOST_MUTES:
            self.unmute(*next(iter(self.mutes)))
        self.mutes[mute.rule, mute.subject] = mute
        self._changes += 1
        self._notebook.put(MUTE, _key(mute.rule, mute.subject), _json(mute), self._clock())
        self._show()

    def unmute(self, rule: str, subject: str) -> bool:
        """Unmute a problem; False where it was not muted."""
        was_muted = self.mutes.pop((rule, subject), None) is not None
        self._changes += 1
        self._notebook.put(MUTE, _key(rule, subject), None, self._clock())
        self._show()
        return was_muted

    async def _follow(self) -> None:
        """Learn which problems were muted at other dashboards of the same history."""
        if self._mutes_elsewhere is None:
            return
        before = self._changes
        found = await self._mutes_elsewhere(MUTE)
        if found is not None and before == self._changes:
            self.mutes = _decoded(found)

    async def _keep_looking(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:  # the border: a rule that fails must not end the watch
                log.exception("The check for problems failed")
            await asyncio.sleep(self._interval_s)

    def _take(self, verdict: ProblemChanges) -> None:
        for problem in verdict.raised:
            log.warning("Problem: %s %s", problem.title, problem.subject)
            self._write(problem)
        for problem in verdict.cleared:
            log.info("%s: %s %s", problem.end, problem.title, problem.subject)
            self.past.appendleft(problem)
            self._write(problem)
        if verdict.raised or verdict.cleared:
            muted = ProblemChanges(
                self._with_mutes(verdict.raised), self._with_mutes(verdict.cleared)
            )
            for listener in self._listeners:
                listener(muted)

    def _write(self, problem: Problem) -> None:
        key = _key(*problem.key, repr(problem.raised))
        self._notebook.put(PROBLEM, key, _json(problem), problem.cleared or problem.raised)

    def _show(self) -> None:
        self.now = self._with_mutes(self.engine.problems())
        self.pending = self._with_mutes(self.engine.pending())

    def _with_mutes(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        return tuple(replace(one, mute=self.mutes.get(one.key)) for one in problems)

    def _expire(self, now: float) -> None:
        for rule, subject in [key for key, mute in self.mutes.items() if mute.until <= now]:
            self.unmute(rule, subject)


def _decoded(records: Mapping[str, str]) -> dict[tuple[str, str], Mute]:
    mutes = map(_mute.decode, records.values())
    return {(mute.rule, mute.subject): mute for mute in mutes}


def _when_cleared(problem: Problem) -> float:
    return problem.cleared or 0.0


def _key(*parts: str) -> str:
    return msgspec.json.encode(parts).decode()


def _json(record: Problem | Mute) -> str:
    return msgspec.json.encode(record).decode()


def unmuted(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return the problems that are not muted."""
    return tuple(one for one in problems if one.mute is None)
