"""Serving is who takes from each queue, as the workers' own answers say. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec


class Offer(msgspec.Struct, frozen=True, gc=False):
    """What a worker told of what it takes on: `slots` tasks at once, from these `queues`.

    Either is None where it did not say.
    """

    slots: int | None = None
    queues: tuple[str, ...] | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Offer":
        """Read a record of the Inspector."""
        told = "active_queues" in record
        return cls(
            slots(mapping(record.get("stats"))),
            tuple(queues_of(record)) if told else None,
        )


#: Of a worker that told nothing.
NO_OFFER: Final = Offer()


@dataclass(frozen=True, slots=True)
class Serving:
    """How many online workers consume from a queue, and how many tasks they run at once.

    `slots` is None where one of them did not say.
    """

    workers: int = 0
    slots: int | None = 0

    @classmethod
    def by(cls, sizes: Sequence[int | None]) -> "Serving":
        """Count workers of these sizes."""
        return cls(len(sizes), None if None in sizes else sum(size or 0 for size in sizes))


def serving(offers: Mapping[str, Offer], online: Iterable[str]) -> dict[str, Serving] | None:
    """Add up the offers of those that are online; None where none of them told its queues."""
    told: dict[str, list[int | None]] = {}
    has_told = False
    for worker in online:
        offer = offers.get(worker)
        if offer is not None and offer.queues is not None:
            has_told = True
            for queue in offer.queues:
                told.setdefault(queue, []).append(offer.slots)
    return {name: Serving.by(sizes) for name, sizes in told.items()} if has_told else None


def queues_of(record: Mapping[str, Any]) -> list[str]:
    """Return the names of the queues that a worker told of."""
    queues = record.get("active_queues")
    told = map(mapping, queues if isinstance(queues, list) else ())
    return [str(queue["name"]) for queue in told if queue.get("name")]


def mapping(value: object) -> Mapping[str, Any]:
    """Return a part of an answer; empty where it is none, workers may answer anything."""
    return value if isinstance(value, (dict, Mapping)) else {}  # a dict is seen in half the time


def slots(stats: Mapping[str, Any]) -> int | None:
    """How many tasks a worker runs at once: the processes that its pool lists, else its bound.

    `max-concurrency` does not move when a prefork pool grows; a pool that was shrunk to nothing
    lists no process. With an autoscaler it is as many as that lets the pool grow to.
    """
    pool, most = mapping(stats.get("pool")), mapping(stats.get("autoscaler")).get("max")
    processes, bound = pool.get("processes"), pool.get("max-concurrency")
    listed = len(processes) if isinstance(processes, list) else bound
    known = [one for one in (listed, most) if isinstance(one, int)]
    return max(known, default=None) if isinstance(listed, int) else None


def fitting(slots: int | None, active: int | None) -> int | None:
    """Return the slots that were told, unless more tasks run: then the pool has grown since."""
    return None if slots is not None and active is not None and active > slots else slots
