"""Serving is who takes from each queue, as the workers' own answers say. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Serving:
    """How many online workers consume from a queue, and how many tasks they run at once.

    `slots` is None where one of them did not say.
    """

    workers: int = 0
    slots: int | None = 0


def serving(
    records: Mapping[str, Mapping[str, Any]], online: Collection[str]
) -> dict[str, Serving] | None:
    """Read the Inspector's records of those that are online; None where none of them told."""
    told = [records[name] for name in online if "active_queues" in records.get(name, {})]
    found: dict[str, Serving] = {}
    for record in told:
        size = slots(mapping(mapping(record.get("stats")).get("pool")))
        for name in queues_of(record):
            found[name] = _with(found.get(name, Serving()), size)
    return found if told else None


def queues_of(record: Mapping[str, Any]) -> list[str]:
    """Return the names of the queues that a worker told of."""
    queues = record.get("active_queues")
    told = map(mapping, queues if isinstance(queues, list) else ())
    return [str(queue["name"]) for queue in told if queue.get("name")]


def mapping(value: object) -> Mapping[str, Any]:
    """Return a part of an answer; empty where it is none, workers may answer anything."""
    return value if isinstance(value, Mapping) else {}


def slots(pool: Mapping[str, Any]) -> int | None:
    """How many tasks run at once: processes where the pool lists them, else its bound.

    `max-concurrency` does not move when a prefork pool grows.
    """
    processes, bound = pool.get("processes"), pool.get("max-concurrency")
    if isinstance(processes, list) and processes:
        return len(processes)
    return bound if isinstance(bound, int) else None


def _with(one: Serving, size: int | None) -> Serving:
    known = None if one.slots is None or size is None else one.slots + size
    return Serving(one.workers + 1, known)
