"""Revoking keeps tasks revoked: workers that join, or did not hear of it, are told of it too.

Celery's workers keep what is revoked in memory: a worker that restarts has forgotten it. On the
loop; calls never overlap (see keeper).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

import msgspec
from celery.states import READY_STATES, REVOKED

from flower_ng.monitor.holds.crew import Crew
from flower_ng.monitor.holds.pausing import AGAIN_S
from flower_ng.monitor.holds.records import Taken
from flower_ng.monitor.remote.commands import revoke
from flower_ng.monitor.remote.many import WorkerOutcome
from flower_ng.monitor.state.presence import OFFLINE
from flower_ng.records import Task

#: So many revokes are kept up, the newest; each for so long after its task's ETA.
MOST_REVOKED: Final = 1000
KEPT_UP_S: Final = 86_400.0


class HasState(Protocol):
    """A task as events or the result backend tell it."""

    @property
    def state(self) -> str:
        """Its state."""

    @property
    def state_source(self) -> str | None:
        """Who told it; None for the task's events."""


def has_ended(task: HasState) -> bool:
    """Whether no worker holds a task any more.

    Workers write into the result backend that it is revoked as soon as they are told so, long
    before they drop it.
    """
    is_only_marked = task.state == REVOKED and task.state_source is not None
    return task.state in READY_STATES and not is_only_marked


class RevokedTask(msgspec.Struct, frozen=True):
    """A task that nobody is to run: revoked by `who` at `at`, and told to workers until `until`.

    `told` are the workers that have acknowledged it, with the ids of their processes.
    """

    uuid: str
    who: str
    at: float
    until: float
    told: Taken = {}


class Revoking:
    """Tells workers what is revoked, in memory: a dashboard that restarts tells nobody any more."""

    def __init__(self, crew: Crew, tasks: Callable[[], Mapping[str, Task]]) -> None:
        self.revoked: dict[str, RevokedTask] = {}
        self._crew, self._tasks = crew, tasks
        self._tried: dict[str, float] = {}

    async def tell(self, uuid: str, who: str, eta_s: float | None) -> dict[str, WorkerOutcome]:
        """Have the workers acknowledge that a task is revoked; return what came of it at each."""
        now = self._crew.clock()
        self.revoked.pop(uuid, None)
        while len(self.revoked) >= MOST_REVOKED:
            del self.revoked[next(iter(self.revoked))]
        self.revoked[uuid] = RevokedTask(uuid, who, now, max(now, eta_s or now) + KEPT_UP_S)
        return await self._tell(self._present(), [uuid])

    async def keep(self) -> None:
        """Tell those that have not acknowledged all of it; forget what is over."""
        now, tasks = self._crew.clock(), self._tasks()
        for uuid, one in tuple(self.revoked.items()):
            task = tasks.get(uuid)
            if now >= one.until or (task is not None and has_ended(task)):
                del self.revoked[uuid]
        if not self.revoked:
            self._tried.clear()
            return
        for worker in self._present():
            missing = [one.uuid for one in self.revoked.values() if not self._knows(worker, one)]
            if missing and now - self._tried.get(worker, 0.0) >= AGAIN_S:
                await self._tell([worker], missing)

    def _knows(self, worker: str, one: RevokedTask) -> bool:
        return worker in one.told and one.told[worker] == self._crew.pid(worker)

    def _present(self) -> list[str]:
        heard = self._crew.heard()
        return [name for name in heard if self._crew.standing(name) not in OFFLINE]

    async def _tell(self, workers: Iterable[str], uuids: list[str]) -> dict[str, WorkerOutcome]:
        names, now = list(workers), self._crew.clock()
        pids = {name: self._crew.pid(name) for name in names}
        self._tried |= dict.fromkeys(names, now)
        outcomes = await self._crew.send(names, revoke(uuids))
        told = {name: pids[name] for name, one in outcomes.items() if one.word == "done"}
        for uuid in uuids:
            if uuid in self.revoked:
                one = self.revoked[uuid]
                self.revoked[uuid] = msgspec.structs.replace(one, told={**one.told, **told})
        return outcomes
