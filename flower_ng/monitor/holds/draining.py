"""Draining has a worker finish what it holds and take nothing new; it can be undone.

On the loop; calls never overlap (see keeper).
"""

import logging
from collections.abc import Iterable

import msgspec

from flower_ng.errors import AnswerError, NotFound, NotSent
from flower_ng.monitor.holds.board import Board
from flower_ng.monitor.holds.crew import Crew
from flower_ng.monitor.holds.pausing import AGAIN_S, Settlement, is_open
from flower_ng.monitor.holds.records import DrainedWorker, Left, Stage
from flower_ng.monitor.remote.commands import add_consumer, cancel_consumer, shutdown
from flower_ng.monitor.remote.many import WorkerOutcome, words_of

log = logging.getLogger(__name__)

#: A worker is empty when it has said so as often: a message may be on its way.
TIMES_EMPTY = 2
#: For so long it is told of a drain whose worker has gone.
TOLD_S = 3600.0


class Draining:
    """Drains workers and undoes it; `left` is what each of them said to hold last."""

    def __init__(self, board: Board, crew: Crew) -> None:
        self.left: dict[str, Left] = {}
        self._board, self._crew = board, crew
        self._empty: dict[str, int] = {}
        self._tried: dict[str, float] = {}

    async def drain(self, drain: DrainedWorker) -> dict[str, WorkerOutcome]:
        """Take all queues from a worker; return what came of it by queue.

        NotSent where it does not tell what it consumes from.
        """
        asked_at = self._crew.clock()
        await self._crew.ask(drain.worker)
        queues, before = self._crew.queues(drain.worker), self._board.drains.get(drain.worker)
        if queues is None or not self._crew.told_since(drain.worker, asked_at):
            raise NotSent(f"'{drain.worker}' does not tell what it consumes from: nothing was done")
        pid = self._crew.pid(drain.worker)
        is_same = before is not None and before.pid == pid and before.stage != "ended"
        taken = before.taken if before is not None and is_same else ()
        drain = msgspec.structs.replace(drain, pid=pid, taken=tuple(dict.fromkeys(taken + queues)))
        self._empty.pop(drain.worker, None)
        self._board.put(drain)
        await self._board.settled()
        return await self._take(drain, queues)

    async def undo(self, worker: str) -> Settlement:
        """Give a worker its queues back; NotFound where it is not drained."""
        drain = self._board.drains.get(worker)
        if drain is None:
            raise NotFound(f"'{worker}' is not drained")
        if drain.stage == "ended":
            self._forget(drain)
            return Settlement(gone={worker: "it has gone"})
        drain = self._at(drain, "undoing")
        await self._board.settled()
        return await self._give_back(drain)

    async def ask(self, worker: str) -> Left | None:
        """Ask a worker what it holds; None where it does not tell."""
        left = await self._crew.held_by(worker)
        if left is not None:
            self.left[worker] = left
        return left

    async def keep(self, worker: str) -> None:
        """Look how far a worker is, and go on."""
        drain = self._board.drains.get(worker)
        if drain is None:
            return
        if drain.stage == "ended":
            if self._crew.clock() - drain.stage_at > TOLD_S:
                self._forget(drain)
        elif self._crew.standing(drain.worker) in ("left", "gone", "purged"):
            self._at(drain, "ended")
        elif self._has_restarted(drain):
            log.info("%s has restarted, so it is drained no longer", drain.worker)
            self._forget(drain)
        elif drain.stage == "undoing":
            if self._is_due(drain):
                await self._give_back(drain)
        else:
            await self._go_on(drain)

    async def _go_on(self, drain: DrainedWorker) -> None:
        queues = self._crew.queues(drain.worker) or ()
        if queues and self._is_due(drain):
            taken = tuple(dict.fromkeys((*drain.taken, *queues)))
            drain = msgspec.structs.replace(drain, taken=taken)
            await self._take(drain, queues)
            drain = self._board.drains[drain.worker]
        left = await self.ask(drain.worker)
        is_empty = left is not None and left.is_empty(awaits_eta=drain.awaits_eta)
        if not is_empty or self._crew.queues(drain.worker):
            self._empty[drain.worker] = 0
            self._check_time(drain)
            return
        self._empty[drain.worker] = self._empty.get(drain.worker, 0) + 1
        if self._empty[drain.worker] >= TIMES_EMPTY and drain.stage in ("draining", "timed out"):
            drain = self._at(drain, "empty")
        if drain.stage == "empty" and drain.shuts_down:
            await self._shut_down(drain)

    async def _shut_down(self, drain: DrainedWorker) -> None:
        try:
            await self._crew.control.command(drain.worker, shutdown())
        except AnswerError as error:
            self._board.put(msgspec.structs.replace(drain, trouble=error.message))
        else:
            self._at(drain, "stopping")

    def _check_time(self, drain: DrainedWorker) -> None:
        now = self._crew.clock()
        if drain.stage == "empty":
            self._at(drain, "draining")
        elif drain.stage == "draining" and drain.until is not None and now >= drain.until:
            self._at(msgspec.structs.replace(drain, shuts_down=False), "timed out")

    async def _take(self, drain: DrainedWorker, queues: Iterable[str]) -> dict[str, WorkerOutcome]:
        outcomes: dict[str, WorkerOutcome] = {}
        for queue in queues:
            outcomes[queue] = await self._crew.tell(drain.worker, cancel_consumer(queue))
        self._note(drain, outcomes)
        return outcomes

    async def _give_back(self, drain: DrainedWorker) -> Settlement:
        outcomes: dict[str, WorkerOutcome] = {}
        held = []
        for queue in drain.taken:
            pause = self._board.pause_of(queue)
            if pause is None:
                outcomes[queue] = await self._crew.tell(drain.worker, add_consumer(queue))
            else:
                taken = {**pause.taken, drain.worker: drain.pid}
                self._board.put(msgspec.structs.replace(pause, taken=taken))
                held.append(queue)
        rest = tuple(queue for queue, one in outcomes.items() if is_open(one))
        if rest:
            self._note(msgspec.structs.replace(drain, taken=rest), outcomes)
        else:
            self._forget(drain)
        return Settlement(outcomes, held=tuple(held))

    def _note(self, drain: DrainedWorker, outcomes: dict[str, WorkerOutcome]) -> None:
        self._tried[drain.worker] = self._crew.clock()
        troubles = words_of(outcomes)
        trouble = "; ".join(f"{queue}: {why}" for queue, why in troubles.items())
        self._board.put(msgspec.structs.replace(drain, trouble=trouble))

    def _at(self, drain: DrainedWorker, stage: Stage) -> DrainedWorker:
        """Keep the stage that it has come to."""
        at = self._crew.clock()
        drain = msgspec.structs.replace(drain, stage=stage, stage_at=at, trouble="")
        self._board.put(drain)
        return drain

    def _forget(self, drain: DrainedWorker) -> None:
        self._board.drop(drain)
        for kept in (self.left, self._empty, self._tried):
            kept.pop(drain.worker, None)

    def _has_restarted(self, drain: DrainedWorker) -> bool:
        pid = self._crew.pid(drain.worker)
        return None not in (drain.pid, pid) and drain.pid != pid

    def _is_due(self, drain: DrainedWorker) -> bool:
        tried = self._tried.get(drain.worker)
        if tried is None or self._crew.clock() - tried >= AGAIN_S:
            return True
        return drain.is_on and self._crew.told_since(drain.worker, tried)
