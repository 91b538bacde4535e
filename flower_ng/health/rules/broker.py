"""Rules about the broker itself: memory, disk, nodes, replicas, leftover queues. Pure."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from flower_ng.brokers.condition import BrokerFacts, RabbitNode
from flower_ng.health.facts.records import LOSS_S, Facts, UnackedTask
from flower_ng.health.problem import Evidence
from flower_ng.health.rules.rule import Find, Finding, Rule

#: Older broker facts say nothing about now: the rules are then undecided.
MAX_AGE_S: Final = 300.0
#: A test of the broker's own facts with a threshold.
BrokerTest: TypeAlias = Callable[[BrokerFacts, float], Iterator[Finding]]


def from_broker_facts(
    test: BrokerTest, tells: Callable[[BrokerFacts], bool] = lambda _: True
) -> Find:
    """Apply `test` to the broker's facts; None where there are none, or only old ones.

    What finds nothing is undecided too unless the broker `tells` all that it needs.
    """

    def find(facts: Facts, threshold: float) -> Iterable[Finding] | None:
        broker = facts.broker
        has_facts = broker is not None and (broker.rabbit or broker.redis)
        if broker is None or not has_facts or facts.now - broker.at > MAX_AGE_S:
            return None
        found = list(test(broker, threshold))
        return found if found or tells(broker) else None

    return find


def _tells_alarms(broker: BrokerFacts) -> bool:
    return broker.tells_alarms


def _tells_partitions(broker: BrokerFacts) -> bool:
    return broker.rabbit is None or broker.rabbit.tells_partitions


def _tells_sizes(broker: BrokerFacts) -> bool:
    """Whether RabbitMQ tells the memory and disk of its nodes; what is down uses none."""
    if broker.rabbit is None:
        return True
    nodes = broker.rabbit.nodes
    running = [node for node in nodes or () if node.is_running is not False]
    told = ((one.memory_bytes, one.memory_limit_bytes, one.disk_free_bytes) for one in running)
    return nodes is not None and all(None not in sizes for sizes in told)


def _nodes(broker: BrokerFacts) -> tuple[RabbitNode, ...]:
    return (broker.rabbit and broker.rabbit.nodes) or ()


def blocking(broker: BrokerFacts, _: float) -> Iterator[Finding]:
    """Nobody can publish."""
    if broker.blocks_publishers:
        blocked = broker.rabbit.blocked if broker.rabbit else None
        count: Evidence = {} if blocked is None else {"connections blocked": len(blocked)}
        yield Finding("", {"reason": broker.blocks_publishers, **count})


def broken(broker: BrokerFacts, _: float) -> Iterator[Finding]:
    """A node is not running, or a network partition separates it from others."""
    for node in _nodes(broker):
        if node.is_running is False:
            yield Finding(node.name, {"node": node.name, "state": "not running"})
        elif node.partitions:
            others = ", ".join(node.partitions)
            yield Finding(node.name, {"node": node.name, "cut off from": others})


def full(broker: BrokerFacts, share: float) -> Iterator[Finding]:
    """Memory is nearly used up."""
    redis = broker.redis
    if redis and (used := redis.memory_share) is not None and used >= share:
        yield Finding("", {"used_share": used, "limit_bytes": redis.memory_limit_bytes or 0})
    for node in _nodes(broker):
        if node.memory_bytes and node.memory_limit_bytes:
            used = node.memory_bytes / node.memory_limit_bytes
            if used >= share:
                yield Finding(
                    node.name, {"used_share": used, "limit_bytes": node.memory_limit_bytes}
                )


def short_of_disk(broker: BrokerFacts, factor: float) -> Iterator[Finding]:
    """Free disk space is near the limit at which RabbitMQ raises its alarm."""
    for node in _nodes(broker):
        if _is_short(node, factor):
            sizes = {"free_bytes": node.disk_free_bytes or 0}
            yield Finding(node.name, {**sizes, "alarm below_bytes": node.disk_limit_bytes or 0})


def _is_short(node: RabbitNode, factor: float) -> bool:
    free, limit = node.disk_free_bytes, node.disk_limit_bytes
    return free is not None and bool(limit) and free < factor * (limit or 0)


def evicting(broker: BrokerFacts, _: float) -> Iterator[Finding]:
    """The eviction policy of Redis allows it to delete queues and messages."""
    redis = broker.redis
    if redis and redis.may_evict:
        evicted: Evidence = {} if redis.evicted is None else {"keys evicted": redis.evicted}
        yield Finding("", {"policy": redis.policy, **evicted})


def behind(broker: BrokerFacts, _: float) -> Iterator[Finding]:
    """A replica lags behind its master, or has lost the connection to it."""
    redis = broker.redis
    if redis and redis.link_down_s is not None:
        yield Finding("", {"replica without its master_s": redis.link_down_s})
    elif redis and redis.replicas_behind:
        yield Finding("", {"replicas behind": redis.replicas_behind})


def stale(broker: BrokerFacts, minimum: float) -> Iterator[Finding]:
    """Control and event queues are left over from workers that no longer exist."""
    queues = broker.rabbit.stale if broker.rabbit else ()
    if queues and len(queues) >= minimum:
        waiting = sum(queue.messages or 0 for queue in queues)
        yield Finding("", {"queues": len(queues), "messages": waiting, "one": queues[0].name})


def unanswering(facts: Facts, threshold_s: float) -> Iterable[Finding] | None:
    """The broker answers no status request, though events may still arrive."""
    broker = facts.broker
    if broker is None or broker.away_since is None:
        return None if broker is None else []
    away_s = facts.now - broker.away_since
    return (
        [Finding("", {"reason": broker.trouble, "away_s": away_s})] if away_s > threshold_s else []
    )


def cut_off(facts: Facts, minimum: float) -> Iterable[Finding] | None:
    """Redis disconnected clients that read too slowly, or flower_ng's connection for events.

    Versions before 7 don't count the former.
    """
    own, closed = facts.ingest.cuts, facts.cut_off
    if max(own, closed) >= minimum:
        ours: Evidence = {"event connection closed": own} if own else {}
        return [Finding("", {**ours, **({"connections closed": closed} if closed else {})})]
    return None if facts.broker is None or facts.broker.redis is None else []


def redelivering(facts: Facts, share: float) -> Iterable[Finding] | None:
    """Messages are, or will be, unacknowledged for nearly as long as the broker allows."""
    limit_s = _redelivery_after_s(facts.broker)
    if limit_s is None or not facts.can_hear:
        return None
    longest: dict[str, UnackedTask] = {}
    for task in sorted(_unacked(facts), key=lambda task: task.total_s):
        if task.total_s >= share * limit_s:
            longest[task.type] = task
    return [
        Finding(type_, {"held_task": task.uuid, **_times(task), "limit_s": limit_s})
        for type_, task in longest.items()
    ]


def _times(task: UnackedTask) -> Evidence:
    until_eta: Evidence = {} if task.until_eta_s is None else {"until its ETA_s": task.until_eta_s}
    return {"held_s": task.held_s, **until_eta}


def _unacked(facts: Facts) -> Iterator[UnackedTask]:
    yield from facts.waiting_for_eta
    for task in facts.running:
        if task.is_held and task.is_worker_online:
            yield UnackedTask(task.uuid, task.type, task.runs_s)


def _redelivery_after_s(broker: BrokerFacts | None) -> float | None:
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
        "The broker blocks publishers",
        "Workers look connected but nothing runs, inspections time out and senders hang. Give the"
        " broker more memory or disk space, or purge messages. RabbitMQ then continues by itself.",
        from_broker_facts(blocking, _tells_alarms),
        lasting=True,
    ),
    Rule(
        "broker-broken",
        "broker",
        "error",
        "A broker node is down or partitioned",
        "Start the node, or repair the network between the nodes; after a partition, one side"
        " must be restarted. Until then, queues without replicas on other nodes are unavailable.",
        from_broker_facts(broken, _tells_partitions),
        lasting=True,
    ),
    Rule(
        "broker-unanswering",
        "broker",
        "warning",
        "Broker status unavailable",
        "Queue lengths and the state of the broker are unknown. See the reason; for RabbitMQ,"
        " check broker_api and its user.",
        unanswering,
    ),
    Rule(
        "broker-memory",
        "broker",
        "warning",
        "Broker memory nearly full",
        "Give the broker more memory, or reduce what waits in its queues: at its limit it refuses"
        " or deletes messages.",
        from_broker_facts(full, _tells_sizes),
    ),
    Rule(
        "broker-disk",
        "broker",
        "warning",
        "Broker disk nearly full",
        "Free disk space: below its limit RabbitMQ blocks all publishers.",
        from_broker_facts(short_of_disk, _tells_sizes),
    ),
    Rule(
        "broker-evicts",
        "broker",
        "warning",
        "Redis may delete messages",
        "Set maxmemory-policy noeviction: with any other policy, Redis silently deletes queues"
        " when memory runs short.",
        from_broker_facts(evicting),
        lasting=True,
    ),
    Rule(
        "broker-replica",
        "broker",
        "warning",
        "Redis replica is behind",
        "Check the network and the load of both servers: what the replica lacks is lost in a"
        " failover.",
        from_broker_facts(behind),
        lasting=True,
    ),
    Rule(
        "broker-cut-off",
        "broker",
        "warning",
        "Redis disconnected clients",
        "Events may be missing; they are if flower_ng's event connection was closed. Redis closes"
        " connections that are read too slowly: raise client-output-buffer-limit pubsub, and make"
        " sure that flower_ng gets enough CPU.",
        cut_off,
        needs_s=lambda _: LOSS_S,
    ),
    Rule(
        "broker-redelivers",
        "type",
        "warning",
        "Tasks may be delivered twice",
        "The broker delivers a message again if it is not acknowledged in time: the ETA of this"
        " task is too far away, or, with acks_late, it runs too long. Raise visibility_timeout"
        " (Redis) or consumer_timeout (RabbitMQ), send the task later, or split it into smaller"
        " ones.",
        redelivering,
    ),
    Rule(
        "broker-stale",
        "broker",
        "warning",
        "Leftover worker queues",
        "The workers of these queues no longer exist. Delete the queues: each command or event"
        " that is broadcast piles up in them. The Queues page lists them.",
        from_broker_facts(stale),
    ),
)
