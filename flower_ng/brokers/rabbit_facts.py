"""Parses answers of RabbitMQ's management API into RabbitFacts. Pure.

What an answer lacks is None or left out: older versions tell less, and users may be allowed less.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from flower_ng.brokers.base import count
from flower_ng.brokers.condition import (
    ACK_TIMEOUT_S,
    ACK_TIMEOUT_SINCE,
    RabbitFacts,
    RabbitNode,
    StaleQueue,
    parsed,
)

#: Connections that are named.
MOST: Final = 100
PIDBOX: Final = ".celery.pidbox"
REPLIES: Final = ".reply.celery.pidbox"
#: Queues that a client made for itself: of events and control, of results, named by the server.
_PRIVATE: Final = re.compile(
    r"celeryev\.|.*\.pidbox$|amq\.gen-|[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$"
)

#: With native delayed delivery (quorum queues), a level each (kombu.transport).
_DELAYING: Final = re.compile(r"(?:.+_)?celery_delayed_(?:1?\d|2[0-7])\Z")

Objects = Sequence[Mapping[str, Any]]


def rabbit_facts(
    overview: Mapping[str, Any],
    nodes: Objects | None,
    connections: Objects | None,
    queues: Objects,
    stale: Sequence[StaleQueue],
) -> RabbitFacts:
    """Read `overview`, `nodes`, `connections` and `queues`; None is what could not be asked."""
    version = str(overview.get("rabbitmq_version", ""))
    own_s = ack_timeout_s(queues)
    usual_s = ACK_TIMEOUT_S if parsed(version) >= ACK_TIMEOUT_SINCE else None
    return RabbitFacts(
        version=version,
        nodes=None if nodes is None else tuple(map(node, nodes)),
        blocked=in_state("blocked", connections),
        blocking=in_state("blocking", connections),
        ack_timeout_s=usual_s if own_s is None else own_s,
        is_ack_timeout_usual=own_s is None,
        stale=tuple(stale),
        delayed=delayed(queues),
    )


def node(told: Mapping[str, Any]) -> RabbitNode:
    """Read one of `nodes`; one that is down, or has just started, tells little but its name."""
    partitions = told.get("partitions")
    return RabbitNode(
        name=str(told.get("name", "")),
        is_running=_flag(told.get("running")),
        has_memory_alarm=_flag(told.get("mem_alarm")),
        has_disk_alarm=_flag(told.get("disk_free_alarm")),
        memory_bytes=count(told.get("mem_used")),
        memory_limit_bytes=count(told.get("mem_limit")),
        disk_free_bytes=count(told.get("disk_free")),
        disk_limit_bytes=count(told.get("disk_free_limit")),
        partitions=tuple(map(str, partitions)) if isinstance(partitions, list) else None,
    )


def _flag(value: object) -> bool | None:
    """Return yes or no; None for what the statistics do not hold (yet)."""
    return value if isinstance(value, bool) else None


def in_state(state: str, connections: Objects | None) -> tuple[str, ...] | None:
    """Return the names of the connections in a state, some of them.

    None without an answer, or while the states of some are not in the statistics yet.
    """
    if connections is None or not all(one.get("state") for one in connections):
        return None
    return tuple(str(one.get("name")) for one in connections if one.get("state") == state)[:MOST]


def ack_timeout_s(queues: Objects) -> float | None:
    """Return the least timeout that a queue or a policy sets, None where none does."""
    return min((ms / 1000 for queue in queues for ms in timeouts_ms(queue)), default=None)


def timeouts_ms(queue: Mapping[str, Any]) -> Iterator[int]:
    """Yield the acknowledgement timeouts of a queue, from its arguments and its policy."""
    for place, key in (
        ("arguments", "x-consumer-timeout"),
        ("effective_policy_definition", "consumer-timeout"),
    ):
        settings = queue.get(place)
        value = count(settings.get(key)) if isinstance(settings, Mapping) else None
        if value is not None:
            yield value


def is_private(name: str) -> bool:
    """Say whether a queue's name is one that a client gave to a queue for itself."""
    return _PRIVATE.match(name) is not None


def is_delaying(name: str) -> bool:
    """Say whether a queue is one of the 28 in which Celery has tasks wait for their ETA."""
    return _DELAYING.match(name) is not None


def delayed(queues: Objects) -> int | None:
    """Return how many tasks wait for their ETA; None without queues for that, or their lengths."""
    told = [
        count(queue.get("messages")) for queue in queues if is_delaying(str(queue.get("name", "")))
    ]
    known = [messages for messages in told if messages is not None]
    return sum(known) if told and len(known) == len(told) else None


def unheard(queues: Objects) -> Iterator[StaleQueue]:
    """Yield the queues for control and events from which nobody consumes.

    An exclusive queue goes with the connection that made it: its owner is there.
    """
    for queue in queues:
        name = str(queue.get("name", ""))
        is_ours = name.startswith("celeryev.") or name.endswith(PIDBOX)
        if is_ours and queue.get("consumers") == 0 and not queue.get("exclusive"):
            yield StaleQueue(name, owner(name), count(queue.get("messages")))


def owner(name: str) -> str:
    """Return whose control queue this is: a worker's host name, or empty."""
    is_workers = name.endswith(PIDBOX) and not name.endswith(REPLIES)
    return name.removesuffix(PIDBOX) if is_workers else ""


def named(queues: Objects, names: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the queues of these names, and those that are for tasks as far as names tell."""
    wanted = set(names)
    for queue in queues:
        name = queue.get("name")
        if not isinstance(name, str) or is_delaying(name):
            continue
        if name in wanted or not is_private(name):
            yield queue
