"""Consuming is what waits in queues and who takes it, as the broker and the workers tell it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flower_ng.monitor.serving import NO_OFFER
from flower_ng.web.links import Links
from flower_ng.web.services import Cluster

#: More queues than this are not listed: the broker is asked for each.
MOST: Final = 500


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
    return sorted({*cluster.queue_names(), *cluster.poll.numbers})


async def lengths(
    cluster: Cluster, names: Sequence[str]
) -> tuple[Mapping[str, Mapping[str, Any]], str]:
    """Return what the broker last told of each queue, and why that is not all; empty when it is.

    It is asked in the background; a request waits for that no longer than a moment.
    """
    await cluster.poll.news()
    numbers, facts = cluster.poll.numbers, cluster.poll.facts
    told = {
        name: {"messages": numbers[name].length, "consumers": numbers[name].consumers}
        for name in names
        if name in numbers
    }
    return told, "The broker was not heard of yet" if facts is None else facts.trouble


def consumers(cluster: Cluster, links: Links) -> Mapping[str, Sequence[Consumer]]:
    """Return the online workers that consume from each queue, as they themselves told."""
    found: dict[str, list[Consumer]] = {}
    for name in sorted(worker.hostname for worker in cluster.presence.online()):
        offer = cluster.inspector.offers.get(name, NO_OFFER)
        for queue in offer.queues or ():
            found.setdefault(queue, []).append(Consumer(name, links.worker(name), offer.slots))
    return found


def deserted(length: int | None, counted: int | None, workers: Iterable[Consumer]) -> bool:
    """Say whether messages wait while neither the broker nor a worker knows of a consumer."""
    return bool(length) and not counted and not any(True for _ in workers)


def whole(value: object) -> int | None:
    """Return a count that a broker told, None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
