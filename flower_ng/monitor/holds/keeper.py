"""Holds pauses queues and drains workers, and keeps them so. On the loop."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, ParamSpec, TypeVar

from flower_ng.audit_record import AuditEntry
from flower_ng.errors import AnswerError
from flower_ng.monitor.holds.board import Board
from flower_ng.monitor.holds.crew import Crew
from flower_ng.monitor.holds.draining import Draining
from flower_ng.monitor.holds.ownership import Ownership, SharedHoldStore
from flower_ng.monitor.holds.pausing import Pausing, Settlement
from flower_ng.monitor.holds.records import DrainedWorker, Left, PausedQueue, RollingDrain
from flower_ng.monitor.holds.revoking import Revoked, RevokeStore, Revoking, Stamps
from flower_ng.monitor.holds.rolling import Rolling
from flower_ng.monitor.remote.commands import CommandCall
from flower_ng.monitor.remote.many import WorkerOutcome
from flower_ng.records import Task

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

#: How often it is looked whether all is as wanted.
INTERVAL_S: Final = 2.0
#: Who resumes a queue at the time that was given.
BY_ITSELF: Final = "flower_ng"


class Holds:
    """The pauses, drains and revokes of one cluster; `pauses` by queue, `drains` by worker.

    What is wanted is written before anything is sent, so that it holds after a kill -9.
    """

    def __init__(
        self,
        crew: Crew,
        notebook: SharedHoldStore,
        revokes: RevokeStore,
        record: Callable[[AuditEntry], None],
        tasks: Callable[[], Mapping[str, Task]],
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._board, self._crew, self._record = Board(notebook), crew, record
        self._ownership = Ownership(self._board, notebook, crew.clock)
        self._pausing = Pausing(self._board, crew)
        self._draining = Draining(self._board, crew)
        self._rolling = Rolling(self._board, crew, self._draining)
        self._revoking = Revoking(crew, tasks, revokes, is_shared=notebook.is_shared)
        self._interval_s, self._is_shared = interval_s, notebook.is_shared
        self._turn, self._telling = asyncio.Lock(), asyncio.Lock()
        self._work: asyncio.Task[None] | None = None

    @property
    def pauses(self) -> dict[str, PausedQueue]:
        """Queues that are paused, or whose consumers are not all given back."""
        return self._board.pauses

    @property
    def drains(self) -> dict[str, DrainedWorker]:
        """Workers that are being drained, have been lately, or get their queues back."""
        return self._board.drains

    @property
    def roll(self) -> RollingDrain | None:
        """The newest rolling drain, None where none goes on or has ended lately."""
        return self._board.roll

    @property
    def present_drains(self) -> tuple[DrainedWorker, ...]:
        """The drains of workers that have not gone."""
        return tuple(one for one in self.drains.values() if one.stage != "ended")

    @property
    def left(self) -> dict[str, Left]:
        """What the workers that are being drained said to hold last."""
        return self._draining.left

    @property
    def revoked(self) -> Mapping[str, Revoked]:
        """The tasks that workers which join are told not to run, by id."""
        return self._revoking.revoked

    async def revoke(
        self, uuid: str, who: str, eta_s: float | None = None
    ) -> dict[str, WorkerOutcome]:
        """Have all workers acknowledge that a task is revoked, and those that join."""
        async with self._telling:
            return await self._revoking.tell(uuid, who, eta_s)

    async def revoke_stamped(
        self, stamps: Stamps, who: str, order: CommandCall
    ) -> dict[str, WorkerOutcome]:
        """Have all workers acknowledge that tasks with some stamps are revoked; also who joins.

        `order` tells it those that are there.
        """
        async with self._telling:
            return await self._revoking.tell_stamps(stamps, who, order)

    def is_paused(self, queue: str) -> bool:
        """Whether a queue is to have no consumers now."""
        return self._board.pause_of(queue) is not None

    def paused_by(self, queue: str) -> str:
        """Return who has paused a queue; empty where it is not paused."""
        pause = self._board.pause_of(queue)
        return "" if pause is None else pause.who

    def consumers(self, queue: str) -> list[str]:
        """Return the workers that told that they consume from a queue, and that may be there."""
        return sorted(self._crew.consumers(queue))

    def start(self) -> None:
        """Continue with what was wanted in the run before; the store has started."""
        self._board.restore()
        self._revoking.restore()
        self._work = asyncio.get_running_loop().create_task(self._keep_on())

    def stop(self) -> None:
        """Stop; what is wanted is gone on with after a restart."""
        if self._work is not None:
            self._work.cancel()
        self._ownership.release()

    def rewrite(self) -> None:
        """Have all of it written, to a history of our own that may have been begun anew."""
        if not self._is_shared:
            self._board.rewrite()
            self._revoking.rewrite()

    def follow_clock(self, step_s: float) -> None:
        """Keep for how long all is to last, where the system's clock was moved."""
        self._board.follow_clock(step_s)

    async def pause(
        self, queue: str, who: str, reason: str = "", for_s: float | None = None
    ) -> dict[str, WorkerOutcome]:
        """Pause a queue, for a time or until it is resumed; return what came of it by worker."""
        now = self._crew.clock()
        until = None if for_s is None else now + for_s
        return await self._acting(self._pausing.pause, PausedQueue(queue, who, reason, now, until))

    async def resume(self, queue: str, who: str) -> Settlement:
        """Give the queue back to those that consumed from it; NotFound where it is not paused."""
        return await self._acting(self._pausing.resume, queue, who)

    async def drain(
        self,
        worker: str,
        who: str,
        reason: str = "",
        for_s: float | None = None,
        *,
        shuts_down: bool = False,
        awaits_eta: bool = False,
    ) -> dict[str, WorkerOutcome]:
        """Drain a worker; return what came of it by queue. NotSent where it does not answer."""
        now = self._crew.clock()
        until = None if for_s is None else now + for_s
        drain = DrainedWorker(
            worker,
            who,
            reason,
            now,
            until=until,
            shuts_down=shuts_down,
            awaits_eta=awaits_eta,
            stage_at=now,
        )
        return await self._acting(self._draining.drain, drain)

    async def undo(self, worker: str) -> Settlement:
        """Give a worker its queues back; NotFound where it is not drained."""
        return await self._acting(self._draining.undo, worker)

    async def roll_over(self, roll: RollingDrain) -> None:
        """Begin a rolling drain; Conflict where one goes on already."""
        await self._acting(self._rolling.begin, roll)
        await self._alone(self._rolling.drain_next)

    async def stop_roll(self, who: str) -> None:
        """Drain no more workers; those that are away go on. NotFound where none goes on."""
        await self._acting(self._rolling.stop, who)

    async def undo_roll(self, who: str) -> dict[str, Settlement]:
        """Stop, and give those that are still there their queues back; return it by worker."""
        return await self._acting(self._rolling.undo, who)

    async def look(self) -> None:
        """Look once whether all is as wanted, and see to it, where no other dashboard does."""
        await self._alone(self._ownership.follow)
        if self._ownership.is_ours:
            await self._see_to_it()
        else:
            for drain in self.present_drains:
                await self._alone(self._draining.ask, drain.worker)
        await self._revoking.follow()
        async with self._telling:
            await self._revoking.keep()

    async def _see_to_it(self) -> None:
        for queue in tuple(self.pauses):
            await self._alone(self._keep_paused, queue)
        for worker in tuple(self.drains):
            await self._alone(self._draining.keep, worker)
        await self._alone(self._rolling.look)
        while await self._alone(self._rolling.drain_next):
            pass

    async def _keep_paused(self, queue: str) -> None:
        pause, now = self._board.pause_of(queue), self._crew.clock()
        if pause is None or pause.until is None or now < pause.until:
            await self._pausing.keep(queue)
            return
        await self._pausing.resume(queue, BY_ITSELF)
        log.info("%s is resumed: its pause by %s has ended", queue, pause.who)
        at = self._crew.clock()
        self._record(AuditEntry(at, BY_ITSELF, "timer", "", "queue/resume", queue))

    async def _keep_on(self) -> None:
        while True:
            began = time.monotonic()
            try:
                await self.look()
            except AnswerError as error:
                log.warning("Pauses and drains could not be seen to: %s", error)
            except Exception:  # the border: what fails once must not end the pauses
                log.exception("Pauses and drains could not be seen to")
            await asyncio.sleep(max(0.0, self._interval_s - (time.monotonic() - began)))

    async def _acting(
        self, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do what somebody wants; from then on it is this dashboard that sees to the holds."""
        async with self._turn:
            await self._ownership.own()
            return await work(*args, **kwargs)

    async def _alone(self, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        async with self._turn:
            return await work(*args, **kwargs)
