"""The review of revoking or terminating a task, from what is known of it; on the loop, cheap."""

from flower_ng.cluster import Cluster
from flower_ng.life.runs import is_running
from flower_ng.monitor.remote.pools import Ability, inability
from flower_ng.monitor.remote.task_actions import REVOKE
from flower_ng.monitor.remote.worker_answer import NO_ANSWER
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.review import Review


def inability_to_terminate(cluster: Cluster, task_id: str) -> str:
    """Say why the pool that runs a task can't end it, as far as both are known."""
    task = cluster.state.tasks.get(task_id)
    if task is None or task.worker is None or not is_running(task.state):
        return ""
    told = cluster.inspector.told.get(task.worker.hostname, NO_ANSWER)
    return inability(told.pool, Ability.TERMINATE)


def revoke_review(cluster: Cluster, task_id: str, signal: str, inability: str) -> Review:
    """Return what revoking will do; `signal` is empty unless the task is to be terminated.

    `inability` says why the pool that runs it can't terminate it.
    """
    task = cluster.state.tasks.get(task_id)
    effect = "All workers are told to discard the task instead of running it."
    if signal:
        effect = f"{effect} If it runs, its process is ended with {signal}."
    state = "unknown" if task is None else task.state
    cautions = []
    if task is not None and task.ready:
        cautions.append(f"It has ended already ({state}): revoking changes nothing.")
    elif task is not None and task.started and not signal:
        cautions.append("It runs already: without terminate it runs to its end.")
    unknowns = ["Workers don't answer this command: that one has heard of it is not known."]
    if task is None:
        unknowns.append("No task of this id is in memory: it may have ended long ago.")
    return Review(
        REVOKE,
        task_id,
        effect,
        refusals=(fmt.sentence(inability),) if inability else (),
        cautions=tuple(cautions),
        unknowns=tuple(unknowns),
        facts={"state": state},
    )
