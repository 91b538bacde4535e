"""Checks whether the workers of each queue register the same tasks. Pure."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from flower_ng.doctor.check import Check, CheckMark
from flower_ng.doctor.survey import Survey

#: The registered tasks of each worker, by its name.
TasksByWorker = Mapping[str, AbstractSet[str]]


def same_tasks(survey: Survey) -> Iterator[Check]:
    """Compare the registered tasks of the workers of each queue."""
    by_queue: dict[str, dict[str, AbstractSet[str]]] = {}
    for one in survey.workers:
        if tasks := one.registered.keys():
            for queue in one.answer.queues or ():
                by_queue.setdefault(queue, {})[one.name] = tasks
    for queue, known in sorted(by_queue.items()):
        yield same(queue, known)


def same(queue: str, known: TasksByWorker) -> Check:
    """Say which tasks only some workers of a queue register: the others discard them."""
    every: set[str] = set().union(*known.values())
    missing = {name: sorted(every - tasks) for name, tasks in known.items() if every - tasks}
    if not missing:
        said = f"{len(known)} workers register the same {len(every)} tasks"
        said = said if len(known) > 1 else f"one worker, {len(every)} tasks"
        return Check("Queues", "Same tasks", CheckMark.OK, said, "", (queue,))
    name, lacks = next(iter(missing.items()))
    more = f" and {len(lacks) - 1} more" if len(lacks) > 1 else ""
    others = f", {len(missing) - 1} more workers lack some" if len(missing) > 1 else ""
    said = f"{name} does not register {lacks[0]}{more}{others}: it discards them"
    return Check("Queues", "Same tasks", CheckMark.ATTENTION, said, "imports, include", (queue,))
