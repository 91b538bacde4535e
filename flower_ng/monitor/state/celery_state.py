"""The parts of Celery's State that scripts use beside its tables and `event`. On the loop.

Celery's own methods put Celery's own records into the tables; these put ours. Copies (pickle,
copy.deepcopy) hold the same records, and tell no observer.
"""

import weakref
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from celery.events.state import State

from flower_ng.records import Task as TaskRecord
from flower_ng.records import Worker as WorkerRecord

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

    def __init__(self, on_node_join: Hook | None = None, on_node_leave: Hook | None = None) -> None:
        # State's own constructor builds LRU caches, a heap and weak sets, none of which we need.
        self.on_node_join = on_node_join
        self.on_node_leave = on_node_leave
        #: What each task finds its relatives through; weak, because the tables hold the tasks.
        self._relatives = weakref.ref(self)

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
