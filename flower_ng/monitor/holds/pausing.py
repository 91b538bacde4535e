"""Pausing takes a queue from all workers, and from those that join, and gives it back.

On the loop; calls never overlap (see keeper).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from flower_ng.errors import NotFound
from flower_ng.monitor.holds.board import Board
from flower_ng.monitor.holds.crew import Crew
from flower_ng.monitor.holds.records import PausedQueue
from flower_ng.monitor.remote.commands import add_consumer, cancel_consumer
from flower_ng.monitor.remote.many import WorkerOutcome, words_of
from flower_ng.monitor.state.presence import OFFLINE

#: A worker that did not do as it was told is told again after so long, or when it answers.
AGAIN_S = 15.0
#: A worker that is silent when its queue is resumed is waited for so long.
WAITED_S = 3600.0


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of giving consumers back.

    `outcomes` by worker or queue; `gone` are workers that got none back and why; `held` are those
    that get them back later, when another pause or drain ends.
    """

    outcomes: dict[str, WorkerOutcome] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    held: tuple[str, ...] = ()

    @property
    def waiting(self) -> list[str]:
        """Those that are told again."""
        return [name for name, one in self.outcomes.items() if is_open(one)]


def is_open(outcome: WorkerOutcome) -> bool:
    """Whether a command is to be sent again."""
    return outcome.word in ("not sent", "unknown")


class Pausing:
    """Pauses queues and resumes them."""

    def __init__(self, board: Board, crew: Crew) -> None:
        self._board, self._crew = board, crew
        self._tried: dict[tuple[str, str], float] = {}

    async def pause(self, pause: PausedQueue) -> dict[str, WorkerOutcome]:
        """Pause a queue, or pause it on other terms; return what came of it at each consumer."""
        await self._crew.ask()
        before = self._board.pauses.get(pause.queue)
        taken = {**(before.taken if before else {}), **self._crew.consumers(pause.queue)}
        pause = msgspec.structs.replace(pause, taken=taken)
        self._board.put(pause)
        await self._board.settled()
        return await self._take(pause, self._crew.consumers(pause.queue))

    async def resume(self, queue: str, who: str) -> Settlement:
        """Resume a queue; NotFound where it is not paused."""
        pause = self._board.pauses.get(queue)
        if pause is None:
            raise NotFound(f"'{queue}' is not paused")
        if pause.is_on:
            pause = msgspec.structs.replace(
                pause, resumed_by=who, resumed_at=self._crew.clock(), troubles={}
            )
            self._board.put(pause)
            await self._board.settled()
        return await self._give_back(pause)

    async def keep(self, queue: str) -> None:
        """Take the queue from those that consume from it again; or give back what is left."""
        pause = self._board.pauses.get(queue)
        if pause is None:
            return
        if pause.is_on:
            joined = [one for one in self._crew.consumers(pause.queue) if self._is_due(pause, one)]
            if joined:
                await self._take(pause, joined)
        elif any(self._is_due(pause, worker) for worker in pause.taken):
            await self._give_back(pause)

    async def _take(self, pause: PausedQueue, workers: Iterable[str]) -> dict[str, WorkerOutcome]:
        """Cancel the consumers; they are noted before, so that they get them back in any case."""
        pids = {name: self._crew.pid(name) for name in workers}
        pause = msgspec.structs.replace(pause, taken={**pause.taken, **pids})
        self._board.put(pause)
        await self._board.settled()
        outcomes = await self._crew.send(pids, cancel_consumer(pause.queue))
        self._note(pause, outcomes)
        kept = {name: why for name, why in pause.troubles.items() if name not in outcomes}
        self._board.put(msgspec.structs.replace(pause, troubles={**kept, **words_of(outcomes)}))
        if outcomes:
            await self._crew.ask()
        return outcomes

    async def _give_back(self, pause: PausedQueue) -> Settlement:
        gone: dict[str, str] = {}
        held, wanted = [], []
        for worker, pid in pause.taken.items():
            drain = self._board.drain_of(worker)
            if why := self._gone(pause, worker, pid):
                gone[worker] = why
            elif drain is not None:
                taken = tuple(dict.fromkeys((*drain.taken, pause.queue)))
                self._board.put(msgspec.structs.replace(drain, taken=taken))
                held.append(worker)
            else:
                wanted.append(worker)
        outcomes = await self._crew.send(wanted, add_consumer(pause.queue))
        self._note(pause, outcomes)
        settled = Settlement(outcomes, gone, tuple(held))
        rest = {name: pause.taken[name] for name in settled.waiting}
        if rest:
            troubles = words_of(outcomes)
            self._board.put(msgspec.structs.replace(pause, taken=rest, troubles=troubles))
        else:
            self._board.drop(pause)
            self._tried = {key: at for key, at in self._tried.items() if key[0] != pause.queue}
        if outcomes:
            await self._crew.ask()
        return settled

    def _gone(self, pause: PausedQueue, worker: str, pid: int | None) -> str:
        """Say why a worker gets its consumer back no more; empty where it does."""
        status, now_pid = self._crew.standing(worker), self._crew.pid(worker)
        is_late = self._crew.clock() - pause.resumed_at > WAITED_S
        if status in OFFLINE - {"silent"}:
            return "it has gone"
        if status in ("silent", "unknown") and is_late:
            return "it was not heard of for an hour"
        if None not in (pid, now_pid) and pid != now_pid:
            return "it has restarted since, with the queues of its own start"
        return ""

    def _note(self, pause: PausedQueue, workers: Iterable[str]) -> None:
        now = self._crew.clock()
        self._tried |= {(pause.queue, name): now for name in workers}

    def _is_due(self, pause: PausedQueue, worker: str) -> bool:
        """Whether to tell a worker (again): it is new, has answered since, or it is long ago."""
        tried = self._tried.get((pause.queue, worker))
        if tried is None or self._crew.clock() - tried >= AGAIN_S:
            return True
        return pause.is_on and self._crew.told_since(worker, tried)
