"""The review of a command to a worker, from what the worker last told; on the loop, cheap."""

from collections.abc import Iterator

from flower_ng.cluster import Cluster
from flower_ng.monitor.remote import command_list as listed
from flower_ng.monitor.remote.commands import CommandCall
from flower_ng.monitor.remote.pools import inability, pool_name
from flower_ng.monitor.remote.worker_answer import NO_ANSWER, WorkerAnswer
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.review import Review
from flower_ng.web.ui.worker_answers import unable

#: What a worker's page calls the ability that a command needs.
NEEDED = {
    listed.POOL_GROW.name: "resize",
    listed.POOL_SHRINK.name: "resize",
    listed.POOL_RESTART.name: "restart",
    listed.AUTOSCALE.name: "autoscale",
}


def command_review(cluster: Cluster, worker: str, call: CommandCall) -> Review:
    """Return what a command will do to a worker; nobody is asked for it."""
    told = cluster.inspector.told.get(worker, NO_ANSWER)
    return Review(
        call.command,
        call.target(worker),
        call.effect(worker),
        refusals=tuple(_refusals(call, told)),
        cautions=tuple(_cautions(cluster, worker, call, told)),
        unknowns=tuple(_unknowns(cluster, worker, call, told)),
        details=tuple(_details(call, told)),
        facts=_facts(cluster, worker, call, told),
    )


def _refusals(call: CommandCall, told: WorkerAnswer) -> Iterator[str]:
    whole = unable(told).get(NEEDED.get(call.command.name, ""), "")
    if whole:
        yield whole
        return
    for ability in call.needs:
        if why := inability(told.pool, ability):
            yield fmt.sentence(why)
    if why := emptying(call, told):
        yield why


def emptying(call: CommandCall, told: WorkerAnswer) -> str:
    """Say why a pool is not shrunk by so many; empty where some processes stay, or may stay."""
    n, size = call.arguments.get("n", 0), told.slots
    if call.command is not listed.POOL_SHRINK or size is None or n < size:
        return ""
    return (
        f"Its pool has {fmt.counted(size, 'process', 'processes')} by its last answer, and at least"
        " one must stay: without any, it takes messages and runs none of them. To have it take"
        " nothing, drain it."
    )


def _details(call: CommandCall, told: WorkerAnswer) -> Iterator[str]:
    """Say how large the pool is, and will be."""
    change = {listed.POOL_GROW.name: 1, listed.POOL_SHRINK.name: -1}.get(call.command.name)
    if change is not None and told.slots is not None:
        then = max(0, told.slots + change * call.arguments["n"])
        yield f"Now {fmt.counted(told.slots, 'process', 'processes')}, then {then:,}."


def _cautions(
    cluster: Cluster, worker: str, call: CommandCall, told: WorkerAnswer
) -> Iterator[str]:
    heard = cluster.state.workers.get(worker)
    if heard is None or not cluster.presence.is_online(heard):
        yield "It is not known to be online: a worker that does not answer is sent nothing."
    elif heard.active and call.command in (listed.SHUTDOWN, listed.POOL_RESTART):
        yield f"It runs {fmt.counted(heard.active, 'task')} now, by its last heartbeat."
    yield from _queue_cautions(cluster, worker, call, told)


def _queue_cautions(
    cluster: Cluster, worker: str, call: CommandCall, told: WorkerAnswer
) -> Iterator[str]:
    queue = call.arguments.get("queue")
    if call.command is listed.CANCEL_CONSUMER:
        if told.queues is not None and queue not in told.queues:
            yield f"It does not consume from {queue}, by its own last answer."
        if not other_consumers(cluster, worker, queue):
            yield f"No other online worker has told that it consumes from {queue}."
    if call.command is listed.SHUTDOWN:
        lonely = [name for name in told.queues or () if not other_consumers(cluster, worker, name)]
        if lonely:
            yield f"No other online worker has told that it consumes from {', '.join(lonely)}."


def _unknowns(
    cluster: Cluster, worker: str, call: CommandCall, told: WorkerAnswer
) -> Iterator[str]:
    if not told.has_stats:
        yield "It has not told its pool: whether that can do this is known when it answers."
    if call.command is listed.POOL_RESTART and told.may_restart is None:
        yield "It has not told whether worker_pool_restarts is set."
    age_s = cluster.inspector.ages(worker).get("stats")
    if told.has_stats and age_s is not None:
        yield f"What is said of its pool, it answered {fmt.age(age_s)}."


def _facts(cluster: Cluster, worker: str, call: CommandCall, told: WorkerAnswer) -> dict[str, str]:
    """What a command rests on; numbers that change by themselves are not among it."""
    heard = cluster.state.workers.get(worker)
    facts = {"process id": fmt.text(heard.pid) if heard else "unknown"}
    if call.command.needs is not None:
        facts["pool"] = pool_name(told.pool) or told.pool or "unknown"
        facts["processes"] = "unknown" if told.slots is None else str(told.slots)
    queue = call.arguments.get("queue")
    if queue is not None:
        if told.queues is not None:
            facts[f"consumes from {queue}"] = "yes" if queue in told.queues else "no"
        facts["other consumers"] = ", ".join(other_consumers(cluster, worker, queue)) or "none"
    return facts


def other_consumers(cluster: Cluster, worker: str, queue: str | None) -> list[str]:
    """Return the other online workers that told that they consume from a queue."""
    told = cluster.inspector.told
    online = sorted(one.hostname for one in cluster.presence.online())
    return [
        name
        for name in online
        if name != worker and queue in (told.get(name, NO_ANSWER).queues or ())
    ]
