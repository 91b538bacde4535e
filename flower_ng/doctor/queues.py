"""Judges the queues: whether their workers know the same tasks. Pure."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from flower_ng.doctor.check import Check, Mark
from flower_ng.doctor.told import Told

#: The tasks of each worker, by its name.
Known = Mapping[str, AbstractSet[str]]


def same_tasks(told: Told) -> Iterator[Check]:
    """Compare the registered tasks of the workers of each queue."""
    by_queue: dict[str, dict[str, AbstractSet[str]]] = {}
    for one in told.workers:
        if tasks := one.registered.keys():
            for queue in one.answer.queues or ():
                by_queue.setdefault(queue, {})[one.name] = tasks
    for queue, known in sorted(by_queue.items()):
        yield same(queue, known)


def same(queue: str, known: Known) -> Check:
    """Say which tasks only some workers of a queue know: the others discard them."""
    every: set[str] = set().union(*known.values())
    missing = {name: sorted(every - tasks) for name, tasks in known.items() if every - tasks}
    if not missing:
        said = f"{len(known)} of its workers know the same {len(every)} tasks"
        said = said if len(known) > 1 else f"one worker, {len(every)} tasks"
        return Check("Queues", "Same tasks", Mark.OK, said, "", (queue,))
    name, lacks = next(iter(missing.items()))
    more = f" and {len(lacks) - 1} more" if len(lacks) > 1 else ""
    others = f", {len(missing) - 1} more workers lack some" if len(missing) > 1 else ""
    said = f"{name} does not know {lacks[0]}{more}{others}: what reaches it there is discarded"
    return Check("Queues", "Same tasks", Mark.ATTENTION, said, "imports, include", (queue,))
