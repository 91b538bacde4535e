"""EventsState: what is live, in compact records; on the loop, under Celery's own mutex.

The merge rules are Celery's (`celery.events.state.Task.event`): a logically earlier event never
moves a task back. Finished tasks leave memory first, the oldest of them first.
"""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from celery import states
from celery.events.state import TASK_EVENT_TO_STATE, State  # type: ignore[attr-defined] # lacks it

from flower_ng.monitor.clean import clean
from flower_ng.monitor.records import Change, Event, Observer, Task, Worker

#: Fields that an out-of-order RECEIVED may still bring (celery.events.state.Task.merge_rules).
LATE_RECEIVED = (
    "name", "args", "kwargs", "parent_id", "root_id", "retries", "eta", "expires",
)  # fmt: skip
#: Fields of a task event that become the task's, when the event has them.
TASK_FIELDS = (
    *LATE_RECEIVED, "result", "exception", "traceback", "runtime", "exchange", "routing_key",
    "queue", "clock",
)  # fmt: skip
WORKER_FIELDS = (
    "pid", "freq", "clock", "active", "processed", "loadavg", "sw_ident", "sw_ver", "sw_sys",
)  # fmt: skip
HEARTBEATS = 4  # as many as Celery keeps
TYPES_MAX = 10_000  # task names remembered
EVENT_TYPES_MAX = 100  # event types counted per host; custom ones past it count as `other`

FINISHED = states.READY_STATES | {states.REJECTED}
_PRECEDENCE: Mapping[str | None, int] = states.PRECEDENCE_LOOKUP
_CUSTOM = _PRECEDENCE[None]


class EventsState(State):
    """Celery's State in compact records; `apply` is its hot path, `event` Celery's own door.

    `counter` is `{host name: {event type: int}}`, publishers of task-sent included. `tallies`
    counts the tasks in memory by state. Observers are told of every change, on the caller's
    thread, which must be one.
    """

    def __init__(
        self,
        callback: Callable[[State, dict[str, Any]], None] | None = None,
        *,
        max_workers_in_memory: int = 5000,
        max_tasks_in_memory: int = 100_000,
        max_publishers: int = 1000,
        observers: Sequence[Observer] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        # State's own constructor builds LRU caches, a heap and weak sets, none of which we need.
        self.event_callback = callback
        self.max_workers_in_memory = max_workers_in_memory
        self.max_tasks_in_memory = max_tasks_in_memory
        self.max_publishers = max_publishers
        self.event_count = self.task_count = 0
        self.workers: dict[str, Worker] = {}
        self.tasks: OrderedDict[str, Task] = OrderedDict()
        self.tasks_by_type = TasksBy(self, lambda task: task.name)
        self.tasks_by_worker = TasksBy(self, _worker_name)
        self.counter: dict[str, Counter[str]] = {}
        self.publishers: OrderedDict[str, float] = OrderedDict()
        self.tallies: Counter[str] = Counter()
        self.handlers: dict[str, Any] = {}
        self._observers = tuple(observers)
        self._clock = clock
        self._finished: OrderedDict[str, None] = OrderedDict()
        self._types: dict[str, str] = {}
        self._mutex = threading.Lock()

    # What arrives

    def event(  # type: ignore[override] # Celery's own returns this too
        self, event: dict[str, Any]
    ) -> tuple[tuple[Any, bool], str] | None:
        """Apply one event given as Celery gives it; return `((record, is new), subject)`.

        Malformed (clean.py) when it lacks a usable type, host name or id.
        """
        change = self.apply(clean(event, self._clock()))
        record = change.task or change.worker
        is_new = change.is_new_worker if change.task is None else change.before is None
        subject = change.event.type.partition("-")[2]
        return None if record is None else ((record, is_new), subject)

    def apply(self, event: Event) -> Change:
        """Apply one event and tell the observers what it changed."""
        with self._mutex:
            change = self._change(event)
        for observer in self._observers:
            observer.observe(change)
        return change

    def _change(self, event: Event) -> Change:
        self.event_count += 1
        if self.event_callback is not None:
            self.event_callback(self, {name: getattr(event, name) for name in EVENT_FIELDS})
        group, _, subject = event.type.partition("-")
        self._count(event)
        if group == "task":
            return self._task_event(event, subject)
        if group == "worker":
            return self._worker_event(event, subject)
        return Change(event)

    def _count(self, event: Event) -> None:
        counts = self.counter.get(event.hostname)
        if counts is None:
            counts = self.counter[event.hostname] = Counter()
        kind = event.type
        counts[kind if kind in counts or len(counts) < EVENT_TYPES_MAX else "other"] += 1

    def _worker_event(self, event: Event, subject: str) -> Change:
        if subject == "offline" and event.hostname not in self.workers:
            return Change(event)
        worker, is_new = self._hear(event)
        for name in WORKER_FIELDS:
            value = getattr(event, name)
            if value is not None:
                setattr(worker, name, value)
        if subject == "offline":
            worker.heartbeats = ()
            worker.beat_at = 0.0
        return Change(event, worker=worker, is_new_worker=is_new)

    def _hear(self, event: Event) -> tuple[Worker, bool]:
        """Return the worker that sent an event, its sign of life noted, and whether it is new."""
        worker = self.workers.get(event.hostname)
        is_new = worker is None
        if worker is None:
            worker = self.workers[event.hostname] = Worker(event.hostname)
            if len(self.workers) > self.max_workers_in_memory:
                self._evict_worker(worker)
        worker.heard_at = worker.beat_at = self._clock()
        beats, stamp = worker.heartbeats, event.timestamp
        if not beats or stamp >= beats[-1]:
            worker.heartbeats = (*beats[1 - HEARTBEATS :], stamp)
        return worker, is_new

    def _evict_worker(self, newest: Worker) -> None:
        others = (worker for worker in self.workers.values() if worker is not newest)
        silent = min(others, key=lambda worker: worker.heard_at)
        self._forget(silent.hostname)

    def _task_event(self, event: Event, subject: str) -> Change:
        worker, is_new_worker = None, False
        task, before = self._task(event)
        if subject == "sent":
            task.client = event.hostname
            self._hear_publisher(event.hostname)
        else:
            worker, is_new_worker = self._hear(event)
            task.worker = worker
        if subject == "received":
            self.task_count += 1
        self._merge(task, event, subject)
        self._place(task, before)
        return Change(event, task, worker, before, is_new_worker)

    def _task(self, event: Event) -> tuple[Task, str | None]:
        """Return the task of an event and its state before, None when it is new in memory."""
        uuid = event.uuid
        if uuid is None:
            raise ValueError(f"{event.type} without uuid")
        task = self.tasks.get(uuid)
        if task is not None:
            return task, task.state
        task = self.tasks[uuid] = Task(uuid)
        if len(self.tasks) > self.max_tasks_in_memory:
            self._evict_task()
        return task, None

    def _hear_publisher(self, hostname: str) -> None:
        self.publishers[hostname] = self._clock()
        self.publishers.move_to_end(hostname)
        if len(self.publishers) > self.max_publishers:
            self.forget_publisher(next(iter(self.publishers)))

    def _merge(self, task: Task, event: Event, subject: str) -> None:
        """Merge an event into its task by Celery's rules."""
        state = TASK_EVENT_TO_STATE.get(subject)
        if state is None:
            state = subject.upper()
        else:
            setattr(task, subject, event.timestamp)
        names: tuple[str, ...] = TASK_FIELDS
        if happens_before(state, task.state):
            names = LATE_RECEIVED if state == states.RECEIVED else names
        else:
            task.retry_passed |= states.RETRY in (state, task.state)
            task.state, task.timestamp = state, event.timestamp
        for name in names:
            value = getattr(event, name)
            if value is not None:
                setattr(task, name, value)
        if task.name is not None:
            task.name = self._intern(task.name)

    def _intern(self, name: str) -> str:
        known = self._types.get(name)
        if known is not None:
            return known
        if len(self._types) < TYPES_MAX:
            self._types[name] = name
        return name

    def _place(self, task: Task, before: str | None) -> None:
        """Keep the tallies and the order of eviction in step with a task's state."""
        if before == task.state:
            return
        self.tallies[task.state] += 1
        if before is not None:
            self._untally(before)
        if task.state in FINISHED:
            self._finished.setdefault(task.uuid)
        else:
            self._finished.pop(task.uuid, None)

    def _untally(self, state: str) -> None:
        self.tallies[state] -= 1
        if not self.tallies[state]:
            del self.tallies[state]

    def _evict_task(self) -> None:
        """Let the oldest finished task go; the oldest of all only where none is finished."""
        if self._finished:
            uuid, _ = self._finished.popitem(last=False)
            task = self.tasks.pop(uuid)
        else:
            _, task = self.tasks.popitem(last=False)
        self._untally(task.state)
        for observer in self._observers:
            observer.evicted(task)

    # What is asked

    def is_alive(self, worker: Worker) -> bool:
        """Whether the worker's newest sign of life is younger than two heartbeats, by our clock."""
        return worker.is_alive(self._clock())

    def alive_workers(self) -> Iterator[Worker]:  # type: ignore[override] # our records
        """Return the workers that are alive."""
        return filter(self.is_alive, self.workers.values())

    def known_types(self) -> list[str]:
        """Return the names of tasks seen so far, sorted; at most `TYPES_MAX`."""
        return sorted(self._types)

    task_types = known_types  # type: ignore[assignment] # Celery's is a list too

    def itertasks(  # type: ignore[override] # our records
        self, limit: int | None = None
    ) -> Iterator[tuple[str, Task]]:
        """Yield `(uuid, task)` in the order of first mention."""
        return islice(self.tasks.items(), limit)

    def tasks_by_time(  # type: ignore[override] # our records
        self,
        limit: int | None = None,
        reverse: bool = True,  # noqa: FBT001, FBT002 - Celery's signature
    ) -> Iterator[tuple[str, Task]]:
        """Yield `(uuid, task)` by the time of the newest event, newest first unless not `reverse`.

        Celery orders by the logical clock, which begins anew when workers restart.
        """
        ordered = sorted(self.tasks.items(), key=lambda item: item[1].timestamp, reverse=reverse)
        return islice(ordered, limit)

    tasks_by_timestamp = tasks_by_time  # type: ignore[assignment] # as tasks_by_time

    # What comes back, and what goes

    def restore(
        self,
        workers: Iterable[Worker],
        counters: Mapping[str, Mapping[str, int]],
        tasks: Iterable[Task],
    ) -> None:
        """Take in what a store kept; observers are not told."""
        with self._mutex:
            self.workers.update((worker.hostname, worker) for worker in workers)
            self.counter.update((host, Counter(counts)) for host, counts in counters.items())
            for task in tasks:
                self.tasks[task.uuid] = task
                task.name = task.name and self._intern(task.name)
                self._place(task, None)

    def forget_worker(self, hostname: str) -> None:
        """Drop a worker and its counter, and tell the observers; its tasks keep its name."""
        with self._mutex:
            self._forget(hostname)

    def forget_publisher(self, hostname: str) -> None:
        """Drop the counter of a publisher of task-sent that is not also a worker."""
        self.publishers.pop(hostname, None)
        if hostname not in self.workers:
            self._forget(hostname)

    def _forget(self, hostname: str) -> None:
        self.workers.pop(hostname, None)
        self.counter.pop(hostname, None)
        for observer in self._observers:
            observer.forgotten(hostname)

    def rebuild_taskheap(self, *_: Any, **__: Any) -> None:
        """Do nothing: the order is by time and needs no heap."""

    def _clear_tasks(self, ready: bool = True) -> None:  # noqa: FBT001, FBT002 - Celery's signature
        """Empty memory, of finished tasks only when `ready`; the store keeps everything."""
        kept = [task for task in self.tasks.values() if ready and not task.ready]
        self.tasks.clear()
        self.tallies.clear()
        self._finished.clear()
        for task in kept:
            self.tasks[task.uuid] = task
            self._place(task, None)


EVENT_FIELDS = Event.__struct_fields__


def _worker_name(task: Task) -> str | None:
    return None if task.worker is None else task.worker.hostname


def happens_before(state: str, current: str) -> bool:
    """Whether a new state is logically earlier than the current one; a RETRY starts anew.

    Celery's precedence runs from late to early: a greater number happens before.
    """
    if states.RETRY in (state, current):
        return False
    return _PRECEDENCE.get(state, _CUSTOM) > _PRECEDENCE.get(current, _CUSTOM)


class TasksBy:
    """Tasks in memory grouped by a key: `by[key]` is a set, `by(key)` yields by time, as in Celery.

    Nothing is kept between questions, so that events cost nothing; a question walks all tasks.
    """

    def __init__(self, state: EventsState, key: Callable[[Task], str | None]) -> None:
        self._state = state
        self._key = key

    def __getitem__(self, key: str) -> set[Task]:
        return {task for task in self._state.tasks.values() if self._key(task) == key}

    def __iter__(self) -> Iterator[str]:
        keys = {self._key(task) for task in self._state.tasks.values()}
        return (key for key in keys if key is not None)

    def __call__(
        self,
        key: str,
        limit: int | None = None,
        reverse: bool = True,  # noqa: FBT001, FBT002 - Celery's signature
    ) -> Iterator[tuple[str, Task]]:
        """Yield `(uuid, task)` with that key, ordered by time."""
        ordered = self._state.tasks_by_time(reverse=reverse)
        return islice((item for item in ordered if self._key(item[1]) == key), limit)
