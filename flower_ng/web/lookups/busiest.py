"""The busiest workers: what share of their slots is taken, and the longest task. On the loop."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.monitor.state.rows import worker_rows
from flower_ng.store import TaskRow
from flower_ng.web.ui.worker_answers import share
from flower_ng.web.ui.worker_rows import Member, natural

#: Running tasks that are looked at for the one that runs longest.
MOST_RUNNING: Final = 10_000


@dataclass(frozen=True, slots=True)
class BusyWorker:
    """A worker that runs tasks: how many, of how many slots, and what share of them, 0 to 100.

    `slots` and `share` are None where it did not tell. `longest` is the task that runs for
    `runs_s` seconds, longer than all others there, as `format_task` shows it; None where no event
    tells of any.
    """

    name: str
    active: int
    slots: int | None
    share: int | None
    longest: TaskRow | None
    runs_s: float | None


@dataclass(frozen=True, slots=True)
class Busiest:
    """The workers that run tasks, those with the largest share first, then those of unknown share.

    `left_out` more run some; of `unknown` nobody can know how many they run.
    """

    workers: tuple[BusyWorker, ...]
    left_out: int
    unknown: int


def busiest(cluster: Cluster, most: int, now: float) -> Busiest:
    """Return the `most` busiest workers."""
    crew = [Member(row, cluster.inspector) for row in worker_rows(cluster.state, cluster.presence)]
    working = sorted((one for one in crew if one.active), key=_place)
    first = working[:most]
    longest = _longest(cluster, {one.name for one in first})
    return Busiest(
        tuple(_busy(one, longest.get(one.name), cluster, now) for one in first),
        len(working) - len(first),
        sum(one.active is None and one.row.status in {"online", "busy"} for one in crew),
    )


def _place(member: Member) -> tuple[bool, int, int, tuple[str | int, ...]]:
    taken = share(member.active, member.slots)
    return taken is None, -(taken or 0), -(member.active or 0), natural(member.name)


def _busy(
    member: Member, longest: tuple[float, str] | None, cluster: Cluster, now: float
) -> BusyWorker:
    task = None if longest is None else cluster.state.tasks.get(longest[1])
    return BusyWorker(
        member.name,
        member.active or 0,
        member.slots,
        share(member.active, member.slots),
        None if task is None else cluster.format_task(TaskRow(task.uuid, task.name, task.state)),
        None if task is None or longest is None else max(0.0, now - longest[0]),
    )


def _longest(cluster: Cluster, names: Collection[str]) -> Mapping[str, tuple[float, str]]:
    """Return when the oldest running task of each of these workers started, and its id."""
    found: dict[str, tuple[float, str]] = {}
    for task in cluster.task_observer.running(cluster.state, MOST_RUNNING if names else 0):
        name = task.worker.hostname if task.worker else ""
        if task.started is not None and name in names:
            one = (task.started, task.uuid)
            found[name] = min(found.get(name, one), one)
    return found
