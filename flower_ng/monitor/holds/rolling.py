"""Rolling drains several workers one after the other, so that only a few are away at once.

Each is drained as by itself (see draining). On the loop; calls never overlap (see keeper).
"""

import logging

import msgspec

from flower_ng.errors import AnswerError, Conflict, NotFound
from flower_ng.monitor.holds.board import Board
from flower_ng.monitor.holds.crew import Crew
from flower_ng.monitor.holds.draining import TOLD_S, Draining
from flower_ng.monitor.holds.pausing import AGAIN_S, Settlement
from flower_ng.monitor.holds.records import DrainedWorker, RollingDrain, Turn
from flower_ng.monitor.state.presence import OFFLINE

log = logging.getLogger(__name__)

#: Why a worker is left out.
OFFLINE_ALREADY = "it was not online when its turn came"


class Rolling:
    """Carries out the rolling drain of the board."""

    def __init__(self, board: Board, crew: Crew, draining: Draining) -> None:
        self._board, self._crew, self._draining = board, crew, draining
        self._tried: dict[str, float] = {}

    async def begin(self, roll: RollingDrain) -> None:
        """Begin one, in place of one that is over; Conflict where one goes on."""
        now = self._board.roll
        if now is not None and now.is_on:
            raise Conflict(f"A rolling drain by {now.who} goes on already: stop it first")
        self._tried.clear()
        queues = {name: self._crew.queues(name) or () for name in roll.workers}
        pids = {name: self._crew.pid(name) for name in roll.workers}
        self._board.put_roll(msgspec.structs.replace(roll, queues=queues, pids=pids))
        await self._board.settled()

    async def stop(self, who: str) -> None:
        """Drain no more of them; NotFound where none goes on."""
        self._put(ended_at=self._crew.clock(), ended_by=who, troubles={})
        await self._board.settled()

    async def undo(self, who: str) -> dict[str, Settlement]:
        """Stop, and give those that are still there their queues back; return what came of it."""
        away = self._now.away
        await self.stop(who)
        settled: dict[str, Settlement] = {}
        for worker in away:
            drain = self._board.drains.get(worker)
            if drain is not None and drain.is_on and drain.stage != "stopping":
                settled[worker] = await self._draining.undo(worker)
        return settled

    async def look(self) -> None:
        """See who is back, and whether all is done."""
        roll = self._board.roll
        if roll is None:
            return
        if roll.ended_at is not None and self._crew.clock() - roll.ended_at > TOLD_S:
            self._board.put_roll(None)
            return
        away = [one for one in roll.away if not self._has_returned(roll, one)]
        if roll.is_on and not roll.waiting and not away:
            log.info("The rolling drain of %s has ended", roll.who)
            self._put(ended_at=self._crew.clock())

    async def drain_next(self) -> bool:
        """Drain the next worker for which there is room; False where there is none."""
        roll = self._board.roll
        if roll is None or not roll.is_on:
            return False
        for worker in roll.waiting:
            if roll.may_go(worker) and self._is_due(worker):
                await self._drain(roll, worker)
                return True
        return False

    async def _drain(self, roll: RollingDrain, worker: str) -> None:
        self._tried[worker] = now = self._crew.clock()
        other = self._board.drain_of(worker)
        if other is not None and other.is_rolling:  # this dashboard ended when it had begun to
            self._turn(worker, "away", pid=other.pid)
            return
        if other is not None or self._crew.standing(worker) in OFFLINE:
            why = OFFLINE_ALREADY if other is None else f"{other.who} drains it already"
            self._turn(worker, "left out", why)
            return
        drain = DrainedWorker(
            worker,
            roll.who,
            roll.reason,
            now,
            until=None if roll.for_s is None else now + roll.for_s,
            shuts_down=roll.shuts_down,
            awaits_eta=roll.awaits_eta,
            stage_at=now,
            is_rolling=True,
        )
        try:
            await self._draining.drain(drain)
        except AnswerError as error:  # nothing was done: it may answer later
            self._put(troubles={**roll.troubles, worker: error.message})
        else:
            self._turn(worker, "away", pid=self._crew.pid(worker))

    def _has_returned(self, roll: RollingDrain, worker: str) -> bool:
        turn = self._returned(roll, worker)
        if turn is not None:
            self._turn(worker, turn)
        return turn is not None

    def _returned(self, roll: RollingDrain, worker: str) -> Turn | None:
        """Return how a worker that was away has come back, None where it has not."""
        drain, pid = self._board.drains.get(worker), self._crew.pid(worker)
        is_other = None not in (pid, roll.pids.get(worker)) and pid != roll.pids.get(worker)
        if is_other and self._crew.standing(worker) not in OFFLINE:
            return "back"
        if drain is None:
            return "given back"
        is_over = drain.stage == "ended" and not roll.awaits_return
        return "gone" if is_over else None

    def _is_due(self, worker: str) -> bool:
        return self._crew.clock() - self._tried.get(worker, 0.0) >= AGAIN_S

    @property
    def _now(self) -> RollingDrain:
        if self._board.roll is None or not self._board.roll.is_on:
            raise NotFound("No rolling drain goes on")
        return self._board.roll

    def _turn(self, worker: str, turn: Turn, why: str = "", pid: int | None = None) -> None:
        roll = self._board.roll
        if roll is None:
            return
        troubles = {name: one for name, one in roll.troubles.items() if name != worker}
        pids = roll.pids if pid is None else {**roll.pids, worker: pid}
        self._board.put_roll(
            msgspec.structs.replace(
                roll,
                turns={**roll.turns, worker: turn},
                troubles={**troubles, worker: why} if why else troubles,
                pids=pids,
            )
        )

    def _put(self, **changes: object) -> None:
        self._board.put_roll(msgspec.structs.replace(self._now, **changes))
