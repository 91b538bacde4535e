"""LostTaskCheck asks workers whether they still run the tasks that they had started.

On the loop, in the background, a few workers at a time. The result backend is then asked about
tasks that their worker does not run (monitor/remote/verifying.py).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from flower_ng.health.facts.rounds import AskingRounds
from flower_ng.monitor.remote.worker_answer import NO_ANSWER
from flower_ng.records import Worker

#: Workers are asked about tasks that run for so long.
ASKED_AFTER_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Claim:
    """Whether a worker said that it runs a task.

    `is_held` is that the worker has not acknowledged its message yet, as with `acks_late`.
    """

    at: float
    claimed: bool
    is_held: bool = False


def is_idle_since(worker: Worker, started: float) -> bool:
    """Whether a worker's heartbeats say that it runs nothing, some time after a task's start there.

    Times are by its own clock; one heartbeat may have been lost.
    """
    return worker.active == 0 and (worker.timestamp or 0.0) > started + 2 * worker.freq


class ActiveTaskInspector(Protocol):
    """The part of the Inspector that asks."""

    def inspect(
        self, workername: str | None = None, methods: Iterable[str] | None = None
    ) -> Awaitable[Mapping[str, Mapping[str, Any]]]:
        """Ask one worker."""

    def failures(self, workername: str, /) -> Mapping[str, object]:
        """What it failed to answer since."""


class LostTaskCheck:
    """What workers say of started tasks; `doubt` is called with each that its worker denies."""

    def __init__(
        self,
        asked: ActiveTaskInspector,
        doubt: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        self._asked = asked
        self._doubt = doubt
        self._clock = clock
        self._claims: dict[str, Claim] = {}
        self._by_worker: dict[str, list[str]] = {}
        self._rounds = AskingRounds(self._ask, clock)

    def of(self, uuid: str) -> Claim | None:
        """Return what is known of a task; None where nobody was asked."""
        return self._claims.get(uuid)

    def check(self, tasks: Iterable[tuple[str, str]]) -> None:
        """Have the workers asked, unless that is under way; all other tasks are forgotten.

        A task is given as its worker and its id.
        """
        by_worker: dict[str, list[str]] = {}
        for worker, uuid in tasks:
            by_worker.setdefault(worker, []).append(uuid)
        known = {uuid for uuids in by_worker.values() for uuid in uuids}
        self._claims = {uuid: one for uuid, one in self._claims.items() if uuid in known}
        self._by_worker = by_worker
        self._rounds.begin(by_worker.keys())

    def stop(self) -> None:
        """End what is under way."""
        self._rounds.stop()

    async def _ask(self, name: str) -> None:
        """Ask one worker; who does not answer leaves its tasks unknown."""
        uuids = self._by_worker.get(name, ())
        records = await self._asked.inspect(name, ("active",))
        active = NO_ANSWER.taking("active", records.get(name, {}).get("active")).active
        if "active" in self._asked.failures(name) or active is None:
            return
        at = self._clock()
        running = {one.uuid: one.is_held for one in active}
        for uuid in uuids:
            self._claims[uuid] = Claim(at, uuid in running, is_held=running.get(uuid, False))
            if uuid not in running:
                self._doubt(uuid)
