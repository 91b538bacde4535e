"""Pausing queues and draining workers: read the arguments, review, do it, answer. On the loop."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import msgspec

from flower_ng.errors import BadRequest
from flower_ng.monitor.holds.pausing import Settlement
from flower_ng.monitor.holds.records import Left
from flower_ng.monitor.remote.hold_actions import DRAIN, LONGEST_S, PAUSE, RESUME, UNDRAIN
from flower_ng.monitor.remote.many import WorkerOutcome
from flower_ng.web.api.write import Plan, ReviewedWrite
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.lookups.glimpse import require_queue
from flower_ng.web.lookups.hold_review import (
    drain_review,
    pause_review,
    resume_review,
    undrain_review,
)
from flower_ng.web.lookups.roll_review import roll_told
from flower_ng.web.ui import format as fmt

#: Characters of a reason.
REASON_LENGTH: Final = 300
AGAIN: Final = "told again until it does"


class ShowHolds(Endpoint):
    """The queues that are paused and the workers that are drained."""

    path = r"/api/holds"
    need = Need.READ
    methods = ("GET",)
    summary = "Tell which queues are paused, which workers are drained, and how far they are"

    async def get(self) -> None:
        """Answer `{"queues": {name: pause}, "workers": {name: drain}, "rolling": …}`.

        Times are UTC seconds; `rolling` is the newest rolling drain, null for none.
        """
        holds = self.cluster.holds
        drains = {
            name: {**msgspec.to_builtins(one), "left": _left(holds.left.get(name))}
            for name, one in holds.drains.items()
        }
        self.write_json(
            {
                "queues": msgspec.to_builtins(holds.pauses),
                "workers": drains,
                "rolling": roll_told(self.cluster, holds.roll),
            }
        )


class QueuePause(ReviewedWrite):
    """Pause a queue, for a time or until it is resumed."""

    action = PAUSE

    async def plan(self, name: str) -> Plan:
        """Take `for` in seconds; 404 for a queue that nobody names."""
        require_queue(self.cluster, name)
        (for_s,) = self.argument_values()
        checked_span(for_s)

        async def pause() -> dict[str, Any]:
            outcomes = await self.cluster.holds.pause(
                name, self.identity.name, self.reason()[:REASON_LENGTH], for_s
            )
            return {"message": f"'{name}' is paused. {told(outcomes)}", **listed(outcomes)}

        return Plan(lambda: pause_review(self.cluster, name, for_s), pause)


class QueueResume(ReviewedWrite):
    """Give a paused queue back to the workers that consumed from it."""

    action = RESUME

    async def plan(self, name: str) -> Plan:
        """Take nothing; 404 where the queue is not paused."""

        async def resume() -> dict[str, Any]:
            settled = await self.cluster.holds.resume(name, self.identity.name)
            return {"message": f"'{name}' is resumed. {told_back(settled)}", **back(settled)}

        return Plan(lambda: resume_review(self.cluster, name), resume)


class WorkerDrain(ReviewedWrite):
    """Have a worker finish what it holds, and take nothing new."""

    action = DRAIN

    async def plan(self, worker: str) -> Plan:
        """Take `shutdown`, `eta`, and `for` in seconds."""
        self.require_worker(worker)
        shuts_down, awaits_eta, for_s = self.argument_values()
        checked_span(for_s)

        async def drain() -> dict[str, Any]:
            outcomes = await self.cluster.holds.drain(
                worker,
                self.identity.name,
                self.reason()[:REASON_LENGTH],
                for_s,
                shuts_down=shuts_down,
                awaits_eta=awaits_eta,
            )
            return {"message": f"'{worker}' is drained. {told(outcomes)}", **listed(outcomes)}

        end = "Then it shuts down." if shuts_down else "Then it waits."
        effect = f"{DRAIN.effect} {end}"
        return Plan(lambda: drain_review(self.cluster, worker, effect), drain)


class WorkerUndrain(ReviewedWrite):
    """Give a drained worker its queues back."""

    action = UNDRAIN

    async def plan(self, worker: str) -> Plan:
        """Take nothing; 404 where the worker is not drained."""

        async def undo() -> dict[str, Any]:
            settled = await self.cluster.holds.undo(worker)
            words = f"'{worker}' is drained no longer. {told_back(settled)}"
            return {"message": words, **back(settled)}

        return Plan(lambda: undrain_review(self.cluster, worker), undo)


def _left(left: Left | None) -> dict[str, Any] | None:
    return None if left is None else asdict(left)


def checked_span(for_s: float | None) -> None:
    """BadRequest for a time that no pause can last."""
    if for_s is not None and not 1 <= for_s <= LONGEST_S:
        raise BadRequest(f"for must be from 1 to {LONGEST_S} seconds, not {for_s:.15g}")


def told(outcomes: Mapping[str, WorkerOutcome]) -> str:
    """Say what came of taking consumers away."""
    if not outcomes:
        return "Nothing was consumed from it."
    done = sum(one.word == "done" for one in outcomes.values())
    return " ".join(
        (f"{done} of {fmt.counted(len(outcomes), 'consumer')} stopped.", *rest(outcomes))
    )


def told_back(settled: Settlement) -> str:
    """Say what came of giving consumers back."""
    done = sum(one.word == "done" for one in settled.outcomes.values())
    parts = [f"{fmt.counted(done, 'consumer')} given back.", *rest(settled.outcomes)]
    parts += [f"{name} gets none back: {why}." for name, why in settled.gone.items()]
    if settled.held:
        parts.append(f"{', '.join(settled.held)}: when the other pause or drain ends.")
    return " ".join(parts)


def rest(outcomes: Mapping[str, WorkerOutcome]) -> list[str]:
    """Say what was not done; it is tried again."""
    return [
        f"{name}: {one.word} ({one.words.rstrip('.')}), {AGAIN}."
        if one.word != "refused"
        else f"{name}: refused ({one.words.rstrip('.')})."
        for name, one in outcomes.items()
        if one.word != "done"
    ]


def listed(outcomes: Mapping[str, WorkerOutcome]) -> dict[str, Any]:
    """Return outcomes as the API answers them."""
    return {
        "outcomes": {
            name: {"outcome": one.word, "message": one.words} for name, one in outcomes.items()
        }
    }


def back(settled: Settlement) -> dict[str, Any]:
    """Return what came of giving back, as the API answers it."""
    return {**listed(settled.outcomes), "gone": settled.gone, "held": list(settled.held)}
