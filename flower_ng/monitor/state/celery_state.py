"""The parts of Celery's State that scripts use beside its tables and `event`. On the loop.

Celery's own methods put Celery's own records into the tables; these put ours. Copies (pickle,
copy.deepcopy) hold the same records, and tell no observer.
"""

import weakref
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from celery.events.state import State

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.monitor.state.event_redaction import EventRedaction
from flower_ng.monitor.state.event_repair import Malformed, clean
from flower_ng.monitor.state.tasks_by import by_time
from flower_ng.records import Task as TaskRecord
from flower_ng.records import Worker as WorkerRecord
from flower_ng.redaction import Redactor

Hook = Callable[[WorkerRecord], object]


class CeleryState(State):
    """Celery's State over our records.

    `on_node_join` and `on_node_leave` are called as Celery calls them; with the latter a worker
    that says goodbye leaves the table, as there.
    """

    Worker = WorkerRecord  # type: ignore[assignment] # ours stand in for Celery's
    Task = TaskRecord  # type: ignore[assignment] # ours stand in for Celery's

    workers: OrderedDict[str, WorkerRecord]
    tasks: OrderedDict[str, TaskRecord]
    event_callback: Callable[[State, dict[str, Any]], None] | None
    counter: dict[str, Counter[str]]
    max_workers_in_memory: int
    max_tasks_in_memory: int

    def __init__(
        self,
        on_node_join: Hook | None,
        on_node_leave: Hook | None,
        clock: Callable[[], float],
        redactor: Redactor,
    ) -> None:
        # State's own constructor builds LRU caches, a heap and weak sets, none of which we need.
        self.on_node_join = on_node_join
        self.on_node_leave = on_node_leave
        self._clock = clock
        self._redact = EventRedaction(redactor)
        #: What each task finds its relatives through; weak, because the tables hold the tasks.
        self._relatives = weakref.ref(self)

    def event(  # type: ignore[override] # Celery's own returns this too
        self, event: dict[str, Any]
    ) -> tuple[tuple[Any, bool], str] | None:
        """Apply one event given as Celery gives it; return `((record, is new), subject)`.

        None for an event that is about no task and no worker. Malformed when one of a
        task lacks a usable type, host name or id. `local_received`, our own clock when it came, is
        what a worker's sign of life counts from, where it is given.
        """
        try:
            typed = clean(event, self._clock())
        except Malformed:
            if str(event.get("type")).startswith("task-"):
                raise
            self._pass_over(event)
            return None
        change = self.apply(typed)
        subject = typed.type.partition("-")[2]
        if change.task is not None:
            self._received(change.worker, event)
            return (change.task, change.before is None), subject
        if change.worker is not None:
            self._received(change.worker, event)
            return (change.worker, change.is_new_worker), subject
        is_goodbye = typed.type == "worker-offline"
        return ((WorkerRecord(typed.hostname), False), subject) if is_goodbye else None

    def _pass_over(self, event: Mapping[str, Any]) -> None:
        """Count an event of nobody, as Celery does."""
        self.event_count += 1
        if self.event_callback is not None:
            self.event_callback(self, dict(event))

    def _received(self, worker: WorkerRecord | None, event: Mapping[str, Any]) -> None:
        at = event.get("local_received")
        if worker is not None and isinstance(at, int | float) and worker.beat_at:
            worker.heard_at = worker.beat_at = min(float(at), worker.beat_at)

    _event = event  # what Celery's task_event() and worker_event() call

    def is_alive(self, worker: WorkerRecord) -> bool:
        """Whether the worker's newest sign of life is younger than two heartbeats, by our clock."""
        return worker.is_alive(self._clock())

    def alive_workers(self) -> Iterator[WorkerRecord]:  # type: ignore[override] # our records
        """Return the workers that are alive."""
        now = self._clock()
        return (worker for worker in self.workers.values() if worker.is_alive(now))

    def itertasks(  # type: ignore[override] # our records
        self, limit: int | None = None
    ) -> Iterator[tuple[str, TaskRecord]]:
        """Yield `(uuid, task)` in the order of first mention."""
        return islice(self.tasks.items(), limit)

    def tasks_by_time(  # type: ignore[override] # our records
        self,
        limit: int | None = None,
        reverse: bool = True,  # noqa: FBT001, FBT002 - Celery's signature
    ) -> Iterator[tuple[str, TaskRecord]]:
        """Yield `(uuid, task)` by the time of the newest event, newest first unless not `reverse`.

        Celery orders by the logical clock, which begins anew when workers restart.
        """
        return by_time(self.tasks, limit, newest_first=reverse)

    tasks_by_timestamp = tasks_by_time  # type: ignore[assignment] # as tasks_by_time

    def rebuild_taskheap(self, *_: Any, **__: Any) -> None:
        """Do nothing: the order is by time and needs no heap."""

    def get_or_create_worker(  # type: ignore[override] # our records
        self, hostname: str, **fields: Any
    ) -> tuple[WorkerRecord, bool]:
        """Return the worker of this name, with these fields set, and whether it is new."""
        worker = self.workers.get(hostname)
        is_new = worker is None
        if worker is None:
            worker = self._meet(hostname)
        for name, value in fields.items():
            setattr(worker, name, value)
        return worker, is_new

    def get_or_create_task(  # type: ignore[override] # our records
        self, uuid: str
    ) -> tuple[TaskRecord, bool]:
        """Return the task of this id, and whether it is new."""
        task = self.tasks.get(uuid)
        if task is not None:
            return task, False
        task = self._new_task(uuid)
        self._place(task)
        return task, True

    def _joined(self, worker: WorkerRecord) -> None:
        if self.on_node_join is not None:
            self.on_node_join(worker)

    def _left(self, worker: WorkerRecord) -> None:
        if self.on_node_leave is not None:
            self.on_node_leave(worker)
            self.workers.pop(worker.hostname, None)
            self._hear_stranger(worker.hostname)

    def apply(self, event: Event) -> Change:
        """Apply one event."""
        raise NotImplementedError

    def _meet(self, hostname: str) -> WorkerRecord:
        raise NotImplementedError

    def _hear_stranger(self, hostname: str) -> None:
        raise NotImplementedError

    def _new_task(self, uuid: str) -> TaskRecord:
        raise NotImplementedError

    def _place(self, task: TaskRecord) -> None:
        raise NotImplementedError

    def _take_over(self, kept: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def __reduce__(self) -> tuple[Any, ...]:
        settings = {
            name: getattr(self, name) for name in ("max_workers_in_memory", "max_tasks_in_memory")
        }
        settings["redactor"] = self._redact.redactor
        hooks = {name: getattr(self, name) for name in ("on_node_join", "on_node_leave")}
        kept = {
            "workers": list(self.workers.values()),
            "counters": dict(self.counter),
            "tasks": list(self.tasks.values()),
            "counts": (self.event_count, self.task_count),
        }
        return _copied, (type(self), self.event_callback, {**settings, **hooks}, kept)


def _copied(
    kind: Callable[..., Any], callback: Any, options: Mapping[str, Any], kept: Mapping[str, Any]
) -> Any:
    state = kind(callback, **options)
    state._take_over(kept)  # noqa: SLF001 - of the state that is being made
    return state
