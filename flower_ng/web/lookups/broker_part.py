"""How the broker is and what it counts, as of the newest look at it. On the loop."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flower_ng.brokers import BrokerFacts, QueueNumbers, RabbitFacts, RabbitNode, RedisFacts
from flower_ng.brokers.condition import StaleQueue
from flower_ng.brokers.explained import Explained, explained
from flower_ng.cluster import Cluster
from flower_ng.web.lookups.purge_review import stale_queues
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.facts import Fact
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.problem_rows import ProblemRow, marks

HEADINGS: Final = ("Messages", "Unacked", "Ready", "Consumers", "Idle since")
#: Queues that are listed, and stale ones.
MOST: Final = 500
MOST_STALE: Final = 50
TRANSIENT: Final = (
    "This version refuses queues that are neither durable nor exclusive, unless told to permit"
    " transient_nonexcl_queues. Older Celery makes such queues for control and events: there, set"
    " control_queue_exclusive and event_queue_exclusive."
)


@dataclass(frozen=True, slots=True)
class QueueDetails:
    """One queue; a dash stands for what this broker does not tell."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BrokerPart:
    """The broker and its queues; `trouble` is why there are none, or not all, `why` what from.

    `blocked` says why nobody can publish. `stale` may be deleted, `deaf` belong to workers that are
    online and don't listen.
    """

    url: str
    told_at: float | None
    headings: tuple[str, ...]
    queues: tuple[QueueDetails, ...]
    left_out: int
    names: tuple[str, ...]
    trouble: str
    why: Explained | None
    blocked: str
    facts: tuple[Fact, ...]
    nodes: tuple[RabbitNode, ...]
    problems: tuple[ProblemRow, ...]
    stale: tuple[StaleQueue, ...]
    stale_count: int
    deaf: tuple[StaleQueue, ...]
    clean_url: str


async def broker_part(cluster: Cluster, links: Links) -> BrokerPart:
    """Return the newest look; one that is due is waited for a moment."""
    await cluster.poll.news()
    told, facts = cluster.poll.numbers, cluster.poll.facts
    trouble = "No answer yet" if facts is None else facts.trouble
    online = {worker.hostname for worker in cluster.presence.online()}
    unheard = stale_queues(facts)
    stale = [one for one in unheard if one.owner not in online]
    return BrokerPart(
        url=cluster.broker_url,
        told_at=cluster.poll.told_at,
        headings=HEADINGS,
        queues=tuple(map(_queue, sorted(told.values(), key=lambda one: one.name)[:MOST])),
        left_out=max(0, len(told) - MOST),
        names=tuple(cluster.queue_names()),
        trouble=trouble,
        why=explained(trouble, cluster.transport) if trouble else None,
        blocked="" if facts is None else facts.blocks_publishers,
        facts=tuple(_facts(facts)),
        nodes=(facts and facts.rabbit and facts.rabbit.nodes) or (),
        problems=marks(cluster.problems.about("broker"), links),
        stale=tuple(stale[:MOST_STALE]),
        stale_count=len(stale),
        deaf=tuple(one for one in unheard if one.owner in online),
        clean_url=links.action("queues/clean"),
    )


def _queue(queue: QueueNumbers) -> QueueDetails:
    counts = (queue.messages, queue.unacked, queue.ready, queue.consumers)
    return QueueDetails(queue.name, (*map(fmt.number, counts), fmt.text(queue.idle_since or None)))


def _facts(facts: BrokerFacts | None) -> Iterator[Fact]:
    if facts is not None and facts.redis is not None:
        yield from _redis(facts.redis)
    if facts is not None and facts.rabbit is not None:
        yield from _rabbit(facts.rabbit)


def _redis(redis: RedisFacts) -> Iterator[Fact]:
    limit = fmt.size(redis.memory_limit_bytes) if redis.memory_limit_bytes else "no limit"
    yield Fact("Redis", redis.version)
    yield Fact("Memory", f"{fmt.size(redis.memory_bytes)} of {limit}")
    yield Fact("When memory is full", redis.policy or fmt.DASH)
    yield Fact("Evicted keys", fmt.number(redis.evicted))
    yield Fact("Unacknowledged", fmt.number(redis.unacked))
    yield Fact("Visibility timeout", fmt.span(redis.visibility_timeout_s))
    yield Fact("Clients", fmt.number(redis.clients))
    yield Fact("Role", redis.role or fmt.DASH)
    if redis.replicas:
        yield Fact("Replicas", f"{redis.replicas}, {redis.replicas_behind or 0} not in step")


def _rabbit(rabbit: RabbitFacts) -> Iterator[Fact]:
    yield Fact("RabbitMQ", rabbit.version)
    if rabbit.refuses_transient:
        yield Fact("What that means", TRANSIENT)
    if rabbit.blocked is not None:
        yield Fact("Blocked connections", fmt.number(len(rabbit.blocked)))
    if rabbit.ack_timeout_s is not None:
        usual = " (RabbitMQ's default)" if rabbit.is_ack_timeout_usual else ""
        yield Fact("Acknowledge within", f"{fmt.span(rabbit.ack_timeout_s)}{usual}")
    if rabbit.delayed is not None:
        yield Fact("Delayed until their ETA", fmt.number(rabbit.delayed))
