"""Judges the queues: whether their workers know the same tasks. Pure."""

from collections.abc import Iterator

from flower_ng.doctor.check import Check, Mark
from flower_ng.doctor.told import Told, WorkerTold


def same_tasks(told: Told) -> Iterator[Check]:
    """Compare the registered tasks of the workers of each queue."""
    by_queue: dict[str, list[WorkerTold]] = {}
    for one in told.workers:
        for queue in one.queues if one.registered else ():
            by_queue.setdefault(queue, []).append(one)
    for queue, several in sorted(by_queue.items()):
        yield same(queue, several)


def same(queue: str, several: list[WorkerTold]) -> Check:
    """Say which tasks only some workers of a queue know: the others discard them."""
    every: set[str] = set().union(*(one.registered for one in several))
    missing = {
        one.name: sorted(every - one.registered.keys())
        for one in several
        if every - one.registered.keys()
    }
    if not missing:
        said = f"{len(several)} of its workers know the same {len(every)} tasks"
        said = said if len(several) > 1 else f"one worker, {len(every)} tasks"
        return Check("Queues", "Same tasks", Mark.OK, said, "", (queue,))
    name, lacks = next(iter(missing.items()))
    more = f" and {len(lacks) - 1} more" if len(lacks) > 1 else ""
    others = f", {len(missing) - 1} more workers lack some" if len(missing) > 1 else ""
    said = f"{name} does not know {lacks[0]}{more}{others}: what reaches it there is discarded"
    return Check("Queues", "Same tasks", Mark.ATTENTION, said, "imports, include", (queue,))
