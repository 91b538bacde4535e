"""Tasks that workers hold until their ETA or countdown, and retries. On the loop."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flower_ng.cluster import Cluster
from flower_ng.errors import AnswerError
from flower_ng.monitor.holds.revoking import has_ended
from flower_ng.monitor.remote.worker_answer import mapping
from flower_ng.monitor.state.eta import eta_s
from flower_ng.monitor.state.presence import OFFLINE
from flower_ng.records import Task
from flower_ng.store import TaskQuery, TaskRow

#: Workers are asked again for a page where their answers are older.
FRESH_S: Final = 5.0
#: Tasks that are read of each kind.
MOST: Final = 2_000
SCHEDULED: Final = "scheduled"
REVOKED: Final = "REVOKED"
#: States in which a task may be held until its time.
WAITING: Final = frozenset({"PENDING", "RECEIVED", "RETRY"})


@dataclass(frozen=True, slots=True)
class WaitingTask:
    """A task that runs at `eta` (UTC seconds) at the earliest, None where nobody told when.

    `row` is the task as pages show it. `is_listed` says whether its worker lists it, None where
    that has not answered since it received the task; `told_s` is how old its answer is.
    `is_gone` is that the worker is offline. `retries` are those that were before. One that
    `is_revoked` is dropped by its worker at its time.
    """

    uuid: str
    row: TaskRow
    worker: str
    eta: float | None
    retries: int
    is_listed: bool | None
    told_s: float | None
    is_gone: bool
    is_revoked: bool

    @property
    def is_retry(self) -> bool:
        """Whether it ran before, and is to be tried again."""
        return self.retries > 0 or self.row.state == "RETRY"


@dataclass(frozen=True, slots=True)
class Waiting:
    """The tasks, the next one first; those without a known time last.

    `silent` are the online workers that did not answer what they hold, each with why; `oldest_s`
    is the age of the oldest answer. `is_complete` is False where there are more than are read, or
    somebody did not answer.
    `delayed` is how many more the broker itself holds until their ETA, None if it does not tell.
    """

    tasks: tuple[WaitingTask, ...]
    silent: Mapping[str, str]
    oldest_s: float | None
    is_cut: bool
    is_complete: bool
    delayed: int | None
    problem: str


async def waiting_now(cluster: Cluster, now: float) -> Waiting:
    """Ask the workers, unless they have just answered, and add what events and history tell."""
    online = [worker.hostname for worker in cluster.presence.online()]
    inspector = cluster.inspector
    if any(inspector.ages(name).get(SCHEDULED, FRESH_S) >= FRESH_S for name in online):
        await inspector.inspect(methods=(SCHEDULED,))
    found: dict[str, WaitingTask] = {}
    for name in sorted(inspector.workers):
        found = {task.uuid: task for task in _told(cluster, name)} | found
    held = list(cluster.task_observer.held(cluster.state, MOST + 1))
    for known in held[:MOST]:
        if known.uuid not in found:
            found[known.uuid] = _heard(cluster, _row_of(known), now)
    problem, retries = "", list[TaskRow]()
    try:
        page = await cluster.store.at_once().tasks(TaskQuery(state="RETRY", limit=MOST + 1))
        retries = list(page.rows)
    except AnswerError as error:
        problem = error.message
    for row in retries[:MOST]:
        if row.uuid not in found:
            found[row.uuid] = _heard(cluster, row, now)
    ages = [age for name in online if (age := inspector.ages(name).get(SCHEDULED)) is not None]
    silent = {
        name: failure.why
        for name in online
        if (failure := inspector.failures(name).get(SCHEDULED)) is not None
    }
    is_cut = max(len(held), len(retries)) > MOST
    tasks = sorted(found.values(), key=lambda one: (one.eta is None, one.eta or 0.0, one.uuid))
    return Waiting(
        tasks=tuple(tasks),
        silent=silent,
        oldest_s=max(ages, default=None),
        is_cut=is_cut,
        is_complete=not (is_cut or silent or problem),
        delayed=cluster.delayed(),
        problem=problem,
    )


def _told(cluster: Cluster, worker: str) -> Iterator[WaitingTask]:
    """Yield what a worker listed, but for what events say was begun since."""
    record, age_s = cluster.inspector.workers[worker], cluster.inspector.ages(worker)
    for entry in list(record.get(SCHEDULED) or ())[:MOST]:
        outer = mapping(entry)
        request = mapping(outer.get("request"))
        uuid = str(request.get("id") or "")
        known = cluster.state.tasks.get(uuid)
        if not uuid or (known is not None and not _may_wait(known)):
            continue
        at = eta_s(str(outer.get("eta") or ""), cluster.timezone)
        yield WaitingTask(
            uuid=uuid,
            row=cluster.format_task(request_row(uuid, request, worker)),
            worker=worker,
            eta=at if at is not None or known is None else eta_s(known.eta, cluster.timezone),
            retries=0 if known is None else known.retries or 0,
            is_listed=True,
            told_s=age_s.get(SCHEDULED),
            is_gone=_is_gone(cluster, worker),
            is_revoked=_is_revoked(cluster, uuid, known),
        )


def _heard(cluster: Cluster, row: TaskRow, now: float) -> WaitingTask:
    """Return a task that events told of and no worker lists."""
    worker = row.worker or ""
    told_s = cluster.inspector.ages(worker).get(SCHEDULED)
    is_newer = told_s is not None and row.received is not None and now - told_s > row.received
    return WaitingTask(
        uuid=row.uuid,
        row=cluster.format_task(row),
        worker=worker,
        # The ETA of an attempt that was retried is that of this attempt, not of the next.
        eta=None if row.state == "RETRY" else eta_s(row.eta, cluster.timezone),
        retries=row.retries or 0,
        is_listed=False if is_newer and row.state != "RETRY" else None,
        told_s=told_s,
        is_gone=_is_gone(cluster, worker),
        is_revoked=_is_revoked(cluster, row.uuid, None),
    )


def _may_wait(task: Task) -> bool:
    """Whether a task that its worker listed is not known to have begun or ended since."""
    return task.state in WAITING or (task.state == REVOKED and not has_ended(task))


def _is_revoked(cluster: Cluster, uuid: str, task: Task | None) -> bool:
    return uuid in cluster.holds.revoked or (task is not None and task.state == REVOKED)


def _is_gone(cluster: Cluster, worker: str) -> bool:
    known = cluster.state.workers.get(worker)
    return known is not None and cluster.presence.status(known) in OFFLINE


def request_row(uuid: str, request: Mapping[str, Any], worker: str) -> TaskRow:
    """Return a request that a worker told of, as far as it tells of a task."""
    name, args, kwargs = (
        None if (value := request.get(key)) is None else str(value)
        for key in ("name", "args", "kwargs")
    )
    return TaskRow(uuid, name=name, args=args, kwargs=kwargs, worker=worker)


def _row_of(task: Task) -> TaskRow:
    worker = None if task.worker is None else task.worker.hostname
    return TaskRow(
        task.uuid,
        name=task.name,
        state=task.state,
        args=task.args,
        kwargs=task.kwargs,
        eta=task.eta,
        received=task.received,
        retries=task.retries,
        worker=worker,
    )
