"""What a batch does to each of its tasks: the same as the action on one task. On the loop."""

from collections.abc import Callable
from typing import Final

from flower_ng.batch_record import BatchRecord
from flower_ng.batches import ItemAction, Step, Unsure
from flower_ng.cluster import Cluster
from flower_ng.errors import Conflict, NotFound, Refused
from flower_ng.monitor.remote.batch_actions import RERUN_MANY, REVOKE_MANY, TERMINATE_MANY
from flower_ng.web.lookups.rerun import GivenArguments, rerun_of, send_again
from flower_ng.web.lookups.task_review import acknowledged, inability_to_terminate
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.phases import OVER

NOBODY: Final = "No worker has acknowledged it; those that join, or answer again, are told"


def item_action_of(cluster: Cluster, batch: BatchRecord) -> ItemAction:
    """Return what a batch does to each task; Conflict for an action of another version."""
    if batch.action not in _ITEM_ACTIONS:
        raise Conflict(f"This version can't {batch.action} in a batch")
    return _ITEM_ACTIONS[batch.action](cluster, batch)


def _rerun(cluster: Cluster, _batch: BatchRecord) -> ItemAction:
    async def plan(task_id: str) -> Step:
        again = await rerun_of(cluster, task_id, GivenArguments())
        again.check()

        async def send(new_id: str) -> str:
            await send_again(cluster, again, task_id, new_id)
            return ""

        return Step(send, str(again.options.get("queue") or ""), sends_task=True)

    return plan


def _revoke(cluster: Cluster, batch: BatchRecord) -> ItemAction:
    terminates = batch.action == TERMINATE_MANY.name
    signal = batch.parameters.get("signal", "SIGTERM")

    async def plan(task_id: str) -> Step:
        row = await cluster.store.task(task_id)
        if row is None:
            raise NotFound("No task of this id is known any more")
        if row.state in OVER:
            raise Conflict(f"It has ended already ({row.state})")
        if terminates and (why := inability_to_terminate(cluster, task_id)):
            raise Refused(fmt.sentence(why))
        runs_on = row.is_running and not terminates

        async def tell(_new_id: str) -> str:
            await cluster.control.task_revoke(task_id, terminates, signal)
            told = await acknowledged(cluster, task_id, batch.who)
            if not told.workers:
                raise Unsure(NOBODY)
            words = ["It runs already: it runs to its end"] if runs_on else []
            return "; ".join(filter(None, (*words, told.trouble)))

        return Step(tell)

    return plan


_ITEM_ACTIONS: Final[dict[str, Callable[[Cluster, BatchRecord], ItemAction]]] = {
    RERUN_MANY.name: _rerun,
    REVOKE_MANY.name: _revoke,
    TERMINATE_MANY.name: _revoke,
}
