"""Draining several workers in turn, stopping that, and undoing it. On the loop."""

from typing import Any

from flower_ng.errors import BadRequest
from flower_ng.monitor.holds.records import RollingDrain
from flower_ng.monitor.remote.hold_actions import ROLL, STOP_ROLL, UNDO_ROLL, UNITS
from flower_ng.web.api.holds import REASON_LENGTH, back, checked_span, told_back
from flower_ng.web.api.write import Plan, ReviewedWrite
from flower_ng.web.lookups.roll_review import roll_review, workers_for
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.review import Review

PAGE = "/workers/drain"


class WorkersDrain(ReviewedWrite):
    """Drain several workers in turn, so that only a few are away at once."""

    action = ROLL

    async def plan(self) -> Plan:
        """Take which workers, how many may be away, and how each is drained."""
        roll = self._roll()

        async def begin() -> dict[str, Any]:
            await self.cluster.holds.roll_over(roll)
            self.leads_to = PAGE
            count = len(roll.workers)
            words = f"Began to drain {fmt.counted(count, 'worker')} in turn"
            return {"message": words, "workers": list(roll.workers)}

        return Plan(lambda: roll_review(self.cluster, roll), begin)

    def _roll(self) -> RollingDrain:
        declared = {one.name: one for one in ROLL.arguments}

        def given(name: str) -> Any:
            one = declared[name]
            value = self.get_argument(name, default=one.default, type=one.type)
            return one.checked(value)

        by, for_s = given("by"), given("for")
        if by not in UNITS:
            raise BadRequest(f"by must be one of {', '.join(UNITS)}, not '{by}'")
        checked_span(for_s)
        return RollingDrain(
            self.identity.name,
            self.reason()[:REASON_LENGTH],
            self.services.clock(),
            workers_for(
                self.cluster,
                self.get_arguments("worker"),
                given("host") or "",
                given("queue") or "",
                is_all=given("all"),
            ),
            by,
            given("away"),
            for_s,
            given("shutdown"),
            given("eta"),
            given("back"),
        )


class RollWrite(ReviewedWrite):
    """Something that is done to the rolling drain that goes on."""

    async def plan(self) -> Plan:
        """Take nothing; NotFound where none goes on."""
        return Plan(self._review, self.do)

    def _review(self) -> Review:
        roll = self.cluster.holds.roll
        is_on = roll is not None and roll.is_on
        return Review(
            self.action,
            fmt.counted(len(roll.workers) if roll else 0, "worker"),
            self.action.effect,
            count=len(roll.workers) if roll else 0,
            refusals=() if is_on else ("No rolling drain goes on.",),
            details=tuple(f"{name} is away." for name in (roll.away if roll and is_on else ())),
            facts={"goes on": "yes" if is_on else "no"},
        )

    async def do(self) -> dict[str, Any]:
        """Do it."""
        raise NotImplementedError


class WorkersStopDrain(RollWrite):
    """Drain no further worker."""

    action = STOP_ROLL

    async def do(self) -> dict[str, Any]:
        """Those that are away go on."""
        await self.cluster.holds.stop_roll(self.identity.name)
        return {"message": "The rolling drain is stopped: no further worker is drained"}


class WorkersUndrain(RollWrite):
    """Drain no further worker, and give those that are away their queues back."""

    action = UNDO_ROLL

    async def do(self) -> dict[str, Any]:
        """Answer what came of giving back, by worker."""
        settled = await self.cluster.holds.undo_roll(self.identity.name)
        told = [f"{worker}: {told_back(one)}" for worker, one in settled.items()]
        words = " ".join(("The rolling drain is stopped.", *told))
        return {"message": words, "workers": {name: back(one) for name, one in settled.items()}}
