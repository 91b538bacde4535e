"""Rules about the broker itself, as it told when it was last asked. Pure."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from flower_ng.brokers.condition import BrokerFacts, RabbitNode
from flower_ng.health.facts.records import LOSS_S, Facts, HeldTask
from flower_ng.health.problem import Evidence
from flower_ng.health.rules.rule import Find, Finding, Rule

#: What was told earlier says nothing about now.
GOOD_S: Final = 300.0
#: What is found in what the broker told.
Told: TypeAlias = Callable[[BrokerFacts, float], Iterator[Finding]]


def told(find: Told) -> Find:
    """Ask `find` of what the broker told; None where it told nothing, or nothing lately."""

    def ask(facts: Facts, threshold: float) -> Iterable[Finding] | None:
        broker = facts.broker
        has_told = broker is not None and (broker.rabbit or broker.redis)
        if broker is None or not has_told or facts.now - broker.at > GOOD_S:
            return None
        return list(find(broker, threshold))

    return ask


def blocking(broker: BrokerFacts, _: float) -> Iterator[Finding]:
    """Nobody can publish."""
    if broker.blocks_publishers:
        blocked = broker.rabbit.blocked if broker.rabbit else None
        count: Evidence = {} if blocked is None else {"connections blocked": len(blocked)}
        yield Finding("", {"reason": broker.blocks_publishers, **count})


def broken(broker: BrokerFacts, _: float) -> Iterator[Finding]:
    """A node does not run, or has lost touch with others."""
    for node in broker.rabbit.nodes if broker.rabbit else ():
        if not node.is_running:
            yield Finding(node.name, {"node": node.name, "state": "does not run"})
        elif node.partitions:
            others = ", ".join(node.partitions)
            yield Finding(node.name, {"node": node.name, "cut off from": others})


def full(broker: BrokerFacts, share: float) -> Iterator[Finding]:
    """Memory is nearly used up."""
    redis = broker.redis
    if redis and (used := redis.memory_share) is not None and used >= share:
        yield Finding("", {"used_share": used, "limit_bytes": redis.memory_limit_bytes or 0})
    for node in broker.rabbit.nodes if broker.rabbit else ():
        if node.memory_bytes and node.memory_limit_bytes:
            used = node.memory_bytes / node.memory_limit_bytes
            if used >= share:
                yield Finding(
                    node.name, {"used_share": used, "limit_bytes": node.memory_limit_bytes}
                )


def short_of_disk(broker: BrokerFacts, factor: float) -> Iterator[Finding]:
    """The free disk is near where an alarm begins."""
    for node in broker.rabbit.nodes if broker.rabbit else ():
        if _is_short(node, factor):
            sizes = {"free_bytes": node.disk_free_bytes or 0}
            yield Finding(node.name, {**sizes, "alarm below_bytes": node.disk_limit_bytes or 0})


def _is_short(node: RabbitNode, factor: float) -> bool:
    free, limit = node.disk_free_bytes, node.disk_limit_bytes
    return free is not None and bool(limit) and free < factor * (limit or 0)


def evicting(broker: BrokerFacts, _: float) -> Iterator[Finding]:
    """Redis may throw away queues and messages."""
    redis = broker.redis
    if redis and redis.may_evict:
        evicted: Evidence = {} if redis.evicted is None else {"keys evicted": redis.evicted}
        yield Finding("", {"policy": redis.policy, **evicted})


def behind(broker: BrokerFacts, _: float) -> Iterator[Finding]:
    """A replica is not in step."""
    redis = broker.redis
    if redis and redis.link_down_s is not None:
        yield Finding("", {"replica without its master_s": redis.link_down_s})
    elif redis and redis.replicas_behind:
        yield Finding("", {"replicas behind": redis.replicas_behind})


def stale(broker: BrokerFacts, least: float) -> Iterator[Finding]:
    """Queues of workers that are gone are still there."""
    queues = broker.rabbit.stale if broker.rabbit else ()
    if queues and len(queues) >= least:
        waiting = sum(queue.messages or 0 for queue in queues)
        yield Finding("", {"queues": len(queues), "messages": waiting, "one": queues[0].name})


def unanswering(facts: Facts, threshold_s: float) -> Iterable[Finding] | None:
    """It answers nothing of what it is asked, though events may come."""
    broker = facts.broker
    if broker is None or broker.away_since is None:
        return None if broker is None else []
    away_s = facts.now - broker.away_since
    return (
        [Finding("", {"reason": broker.trouble, "away_s": away_s})] if away_s > threshold_s else []
    )


def cut_off(facts: Facts, least: float) -> Iterable[Finding] | None:
    """Redis closed clients that read too slowly: event connections among them."""
    if facts.broker is None or facts.broker.redis is None:
        return None
    lost = facts.cut_off
    return [Finding("", {"connections closed": lost})] if lost >= least else []


def redelivering(facts: Facts, share: float) -> Iterable[Finding] | None:
    """Tasks are or will be held nearly as long as the broker allows: for their ETA, or running."""
    limit_s = _held_at_most_s(facts.broker)
    if limit_s is None or not facts.can_hear:
        return None
    found: dict[str, HeldTask] = {}
    for task in sorted(_held(facts), key=lambda one: one.most_s):
        if task.most_s >= share * limit_s:
            found[task.type] = task
    return [
        Finding(kind, {"held_task": one.uuid, **_times(one), "limit_s": limit_s})
        for kind, one in found.items()
    ]


def _times(task: HeldTask) -> Evidence:
    whole: Evidence = {} if task.whole_s is None else {"until its ETA_s": task.whole_s}
    return {"held_s": task.held_s, **whole}


def _held(facts: Facts) -> Iterator[HeldTask]:
    yield from facts.held
    for task in facts.running:
        if task.is_held and task.is_worker_online:
            yield HeldTask(task.uuid, task.type, task.runs_s)


def _held_at_most_s(broker: BrokerFacts | None) -> float | None:
    if broker is None:
        return None
    if broker.redis:
        return broker.redis.visibility_timeout_s
    return broker.rabbit.ack_timeout_s if broker.rabbit else None


RULES: Final = (
    Rule(
        "broker-blocks",
        "broker",
        "error",
        "The broker refuses what is published",
        "Workers look connected and nothing runs, inspections time out, senders hang: give the"
        " broker memory or disk, or purge what it holds. RabbitMQ goes on by itself then.",
        told(blocking),
        lasting=True,
    ),
    Rule(
        "broker-broken",
        "broker",
        "error",
        "A node of the broker is down or cut off",
        "Start the node, or mend the network between the nodes; a partition needs one side to be"
        " restarted. Queues without replicas on other nodes are away until then.",
        told(broken),
        lasting=True,
    ),
    Rule(
        "broker-unanswering",
        "broker",
        "warning",
        "The broker tells nothing",
        "Queue lengths and its state are not known. Look at the reason; for RabbitMQ, whether"
        " broker_api and its user are right.",
        unanswering,
    ),
    Rule(
        "broker-memory",
        "broker",
        "warning",
        "The broker's memory is nearly full",
        "Give it more, or see that less waits: at its limit it refuses, or throws away, messages.",
        told(full),
    ),
    Rule(
        "broker-disk",
        "broker",
        "warning",
        "The broker's disk is nearly full",
        "Free some: below its limit RabbitMQ blocks everyone who publishes.",
        told(short_of_disk),
    ),
    Rule(
        "broker-evicts",
        "broker",
        "warning",
        "The broker may throw messages away",
        "Set maxmemory-policy noeviction: with any other, Redis deletes queues when memory is"
        " short, and nobody is told.",
        told(evicting),
        lasting=True,
    ),
    Rule(
        "broker-replica",
        "broker",
        "warning",
        "A replica is behind",
        "Look at the network and the load of both: what the replica lacks is lost in a failover.",
        told(behind),
        lasting=True,
    ),
    Rule(
        "broker-cut-off",
        "broker",
        "warning",
        "The broker closed slow readers",
        "Events may be missing. Raise client-output-buffer-limit pubsub, and see that flower_ng has"
        " a processor to itself.",
        cut_off,
        needs_s=lambda _: LOSS_S,
    ),
    Rule(
        "broker-redelivers",
        "type",
        "warning",
        "A task may be delivered twice",
        "Its ETA is further away, or with acks_late it runs for longer, than the broker lets a"
        " message be held: raise visibility_timeout (Redis) or consumer_timeout (RabbitMQ), send it"
        " later, or make it smaller.",
        redelivering,
    ),
    Rule(
        "broker-stale",
        "broker",
        "warning",
        "Queues of workers that are gone",
        "Delete them: what is sent to all workers piles up in them. The page of the broker lists"
        " them.",
        told(stale),
    ),
)
