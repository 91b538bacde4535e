"""Queue lengths and consumers, from the broker's and the workers' answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.brokers import QueueNumbers
from flower_ng.brokers.base import numbers
from flower_ng.cluster import Cluster
from flower_ng.errors import AnswerError
from flower_ng.monitor.remote.worker_answer import NO_ANSWER
from flower_ng.web.ui.links import Links

#: More queues than this are not listed: the broker is asked for each.
MOST: Final = 500


#: Lengths that are older are told with their age.
FRESH_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Consumer:
    """A worker that told that it consumes from a queue; `slots` is None where it did not say."""

    name: str
    url: str
    slots: int | None


def queue_names(cluster: Cluster) -> list[str]:
    """Return every queue that is known: those that workers consume from, and what was looked at.

    Among them are queues of settings, routes and sends, and those that the broker lists itself.
    """
    return sorted({*cluster.queue_names(), *cluster.poll.last})


@dataclass(frozen=True, slots=True)
class Lengths:
    """What the broker last told of each queue, and why that is not all; empty when it is.

    `age_s` is how old it is where the broker does not answer any more, else None.
    """

    numbers: Mapping[str, QueueNumbers]
    trouble: str = ""
    age_s: float | None = None


async def lengths(cluster: Cluster, now: float) -> Lengths:
    """Return what the broker last told of all queues.

    It is asked in the background; a request waits for that no longer than a moment.
    """
    poll = cluster.poll
    await poll.news()
    facts, told_at = poll.facts, poll.told_at
    if facts is None:
        return Lengths({}, "The broker was not heard of yet")
    is_old = facts.away_since is not None or now - (told_at or now) > FRESH_S
    age_s = now - told_at if is_old and told_at is not None else None
    return Lengths(poll.last, facts.trouble, age_s)


async def length_now(cluster: Cluster, name: str, now: float) -> Lengths:
    """Return what the broker tells of one queue now; if it does not, what it told last."""
    try:
        rows = await cluster.broker.queues([name])
    except AnswerError:
        return await lengths(cluster, now)
    return Lengths({str(row["name"]): numbers(row) for row in rows})


def consumers(cluster: Cluster, links: Links) -> Mapping[str, Sequence[Consumer]]:
    """Return the online workers that consume from each queue, as they themselves told."""
    found: dict[str, list[Consumer]] = {}
    for name in sorted(worker.hostname for worker in cluster.presence.online()):
        told = cluster.inspector.told.get(name, NO_ANSWER)
        for queue in told.queues or ():
            found.setdefault(queue, []).append(Consumer(name, links.worker(name), told.slots))
    return found
