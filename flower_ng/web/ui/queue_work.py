"""What waits in a queue and what its tasks took, by type and by producer. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flower_ng.store import QueueTask, QueueTasks

#: So many types and producers are told by name.
FIRST: Final = 10


@dataclass(frozen=True, slots=True)
class Share:
    """What is of one type, or of one producer; empty where no event told its name.

    `waiting` tasks were sent and not received; `runs` ended and took `run_s` seconds in all.
    """

    name: str
    waiting: int = 0
    runs: int = 0
    run_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Shares:
    """The first shares, those that took longest before those that wait; `more` are left out."""

    first: tuple[Share, ...]
    more: int


@dataclass(frozen=True, slots=True)
class QueueWork:
    """The work of a queue from `since` on (UTC seconds), by the events of its tasks.

    With `is_cut` there was more of all queues than is looked at, so that it begins later than
    asked for.
    """

    since: float
    is_cut: bool
    whole: Share
    types: Shares
    producers: Shares

    @property
    def mean_run_s(self) -> float | None:
        """How long a run takes; None where none has ended."""
        return self.whole.run_s / self.whole.runs if self.whole.runs else None


def work_of(found: QueueTasks) -> QueueWork:
    """Return what waits and what the runs that ended took."""
    tasks = found.tasks
    return QueueWork(
        since=found.since,
        is_cut=found.is_cut,
        whole=_added("", tasks),
        types=_shares(tasks, lambda task: task.name),
        producers=_shares(tasks, lambda task: task.client),
    )


def _shares(tasks: Sequence[QueueTask], key: Callable[[QueueTask], str | None]) -> Shares:
    groups: dict[str, list[QueueTask]] = {}
    for task in tasks:
        groups.setdefault(key(task) or "", []).append(task)
    every = (_added(name, group) for name, group in groups.items())
    told = [one for one in every if one.waiting or one.runs]
    told.sort(key=lambda one: (-one.run_s, -one.waiting, one.name))
    return Shares(tuple(told[:FIRST]), max(0, len(told) - FIRST))


def _added(name: str, tasks: Iterable[QueueTask]) -> Share:
    waiting, runs, run_s = 0, 0, 0.0
    for task in tasks:
        if task.is_waiting:
            waiting += 1
        elif (took_s := task.run_s) is not None:
            runs, run_s = runs + 1, run_s + max(0.0, took_s)
    return replace(Share(name), waiting=waiting, runs=runs, run_s=run_s)
