"""The state of a broker at the last check: frozen records. Pure.

`Poll.facts` holds the newest BrokerFacts. None means that the broker does not report a value, never
0 or "all is well"; times are UTC seconds by our own clock.
"""

import re
from dataclasses import dataclass

#: From here on RabbitMQ refuses queues that are neither durable nor exclusive, as Celery's control
#: and event queues were before `control_queue_exclusive` (its release notes of 4.3.0).
NO_TRANSIENT = (4, 3)
#: Since 3.8.17 a delivery that is not acknowledged for half an hour ends the channel.
ACK_TIMEOUT_S = 1800.0
ACK_TIMEOUT_SINCE = (3, 8, 17)
VERSION = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True, slots=True)
class RabbitNode:
    """One node of RabbitMQ. With an alarm it blocks every connection that publishes.

    `memory_limit_bytes` and `disk_limit_bytes` are where an alarm begins; `partitions` are the
    nodes that it has lost touch with. None is what its statistics do not hold, or not yet.
    """

    name: str
    is_running: bool | None
    has_memory_alarm: bool | None = None
    has_disk_alarm: bool | None = None
    memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    disk_free_bytes: int | None = None
    disk_limit_bytes: int | None = None
    partitions: tuple[str, ...] | None = None

    @property
    def has_alarm(self) -> bool:
        """Whether it is known to be short of memory or of disk."""
        return bool(self.has_memory_alarm or self.has_disk_alarm)

    @property
    def tells_alarms(self) -> bool:
        """Whether it is known if it has an alarm: one that is down has none."""
        told = (self.is_running, self.has_memory_alarm, self.has_disk_alarm)
        return self.is_running is False or None not in told

    @property
    def tells_partitions(self) -> bool:
        """Whether it is known if it runs, and what it has lost touch with."""
        told = (self.is_running, self.partitions)
        return self.is_running is False or None not in told


@dataclass(frozen=True, slots=True)
class StaleQueue:
    """A queue for control or events whose owner is gone; nobody consumes from it.

    `owner` is the worker's host name where the queue's name tells it, else empty. `messages` wait
    in it for nobody.
    """

    name: str
    owner: str
    messages: int | None


@dataclass(frozen=True, slots=True)
class RabbitFacts:
    """RabbitMQ, as its management API tells. Empty tuples are what it told; None is not told.

    `blocked` names the connections that are blocked (they published under an alarm), `blocking`
    those that will be with their next message. `ack_timeout_s` is the least that a queue of ours
    sets for itself, or RabbitMQ's default where `is_ack_timeout_usual`; None: there is none.
    `delayed` tasks wait for their ETA in the queues that Celery makes for that; None: there are no
    such queues, or their lengths are not told.
    """

    version: str
    nodes: tuple[RabbitNode, ...] | None = None
    blocked: tuple[str, ...] | None = None
    blocking: tuple[str, ...] | None = None
    ack_timeout_s: float | None = None
    is_ack_timeout_usual: bool = True
    stale: tuple[StaleQueue, ...] = ()
    delayed: int | None = None

    @property
    def alarmed(self) -> tuple[RabbitNode, ...]:
        """The nodes that are known to have an alarm."""
        return tuple(node for node in self.nodes or () if node.has_alarm)

    @property
    def tells_alarms(self) -> bool:
        """Whether it is known of every node if it has an alarm."""
        return bool(self.nodes) and all(node.tells_alarms for node in self.nodes or ())

    @property
    def tells_partitions(self) -> bool:
        """Whether it is known of every node if it runs, and what it has lost touch with."""
        return bool(self.nodes) and all(node.tells_partitions for node in self.nodes or ())

    @property
    def down(self) -> tuple[str, ...]:
        """The names of the nodes that belong to the cluster and do not run."""
        return tuple(node.name for node in self.nodes or () if node.is_running is False)

    @property
    def refuses_transient(self) -> bool:
        """Whether its version refuses transient queues that are not exclusive, unless permitted."""
        return parsed(self.version)[:2] >= NO_TRANSIENT


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """Redis, as its INFO tells; counters are since its start.

    `memory_limit_bytes` is `maxmemory`, 0 without one. `link_down_s` is for how long a replica has
    lost its master, None where it is a master or has not; `replicas` are those connected, and
    `replicas_behind` those among them that are not in step. `saves_fail` is that the newest
    snapshot failed, after which Redis refuses writes unless told otherwise. `unacked` counts what
    workers of this app hold and have not acknowledged; after `visibility_timeout_s` it is delivered
    once more.
    `cut_off` is how many clients were closed because they read too slowly, None where this version
    does not count them. `stale` are answers to commands that nobody waited for.
    """

    version: str
    memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    policy: str = ""
    evicted: int | None = None
    rejected: int | None = None
    clients: int | None = None
    cut_off: int | None = None
    role: str = ""
    link_down_s: float | None = None
    replicas: int | None = None
    replicas_behind: int | None = None
    saves_fail: bool = False
    unacked: int | None = None
    visibility_timeout_s: float = 3600.0
    stale: tuple[StaleQueue, ...] = ()

    @property
    def may_evict(self) -> bool:
        """Whether it throws keys away when memory is short: queues and messages among them."""
        return bool(self.memory_limit_bytes) and self.policy not in {"", "noeviction"}

    @property
    def memory_share(self) -> float | None:
        """How much of `maxmemory` is used; None without a limit."""
        if not self.memory_limit_bytes or self.memory_bytes is None:
            return None
        return self.memory_bytes / self.memory_limit_bytes


@dataclass(frozen=True, slots=True)
class BrokerFacts:
    """What is known of the broker at `at`; at most one of `rabbit` and `redis` is there.

    `trouble` is why it could not be asked, or not for all, empty where it could. `away_since` is
    since when it answers nothing, None when it answered the last time.
    """

    at: float
    transport: str
    trouble: str = ""
    away_since: float | None = None
    rabbit: RabbitFacts | None = None
    redis: RedisFacts | None = None

    @property
    def delayed(self) -> int | None:
        """How many tasks the broker holds until their ETA; None where it does not tell."""
        return None if self.rabbit is None else self.rabbit.delayed

    @property
    def tells_alarms(self) -> bool:
        """Whether it is known if anybody can publish now."""
        return self.redis is not None or (self.rabbit is not None and self.rabbit.tells_alarms)

    @property
    def blocks_publishers(self) -> str:
        """Why nobody can publish now, in words; empty where nothing says so.

        Tasks can't be sent then, workers can't answer, and consumers go on as if all were well.
        """
        if self.rabbit is not None and self.rabbit.alarmed:
            return "; ".join(map(alarm, self.rabbit.alarmed))
        if self.redis is not None:
            return refusal(self.redis)
        return ""


def alarm(node: RabbitNode) -> str:
    """Return what a node is short of, in words."""
    short = [
        word
        for word, is_set in (("memory", node.has_memory_alarm), ("disk", node.has_disk_alarm))
        if is_set
    ]
    return f"{node.name} is short of {' and '.join(short)}"


def refusal(redis: RedisFacts) -> str:
    """Return why Redis refuses writes, empty where it does not."""
    if redis.role == "slave":
        return "it is a replica: replicas refuse writes"
    share = redis.memory_share
    if share is not None and share >= 1 and not redis.may_evict:
        return "its memory is full (maxmemory)"
    return "its snapshots fail (stop-writes-on-bgsave-error)" if redis.saves_fail else ""


def parsed(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, to compare: `3.13.7-rc.1` is (3, 13, 7)."""
    found = VERSION.match(version)
    return tuple(map(int, found[0].split("."))) if found else ()
