"""Capacity is how many workers consume from each queue, and with how many slots. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flower_ng.monitor.remote.worker_answer import WorkerAnswer


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many online workers consume from a queue, and how many tasks they run at once.

    `slots` is None where one of them did not say.
    """

    workers: int = 0
    slots: int | None = 0

    @classmethod
    def by(cls, sizes: Sequence[int | None]) -> "Capacity":
        """Count workers of these sizes."""
        return cls(len(sizes), None if None in sizes else sum(size or 0 for size in sizes))


def serving(
    answers: Mapping[str, WorkerAnswer], online: Iterable[str]
) -> dict[str, Capacity] | None:
    """Add up the slots of those that are online; None where none of them told its queues."""
    told: dict[str, list[int | None]] = {}
    has_told = False
    for worker in online:
        answer = answers.get(worker)
        if answer is not None and answer.queues is not None:
            has_told = True
            for queue in answer.queues:
                told.setdefault(queue, []).append(answer.slots)
    return {name: Capacity.by(sizes) for name, sizes in told.items()} if has_told else None


def fitting(slots: int | None, active: int | None) -> int | None:
    """Return the slots that were told, unless more tasks run: then the pool has grown since."""
    return None if slots is not None and active is not None and active > slots else slots
