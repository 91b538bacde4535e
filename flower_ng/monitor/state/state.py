"""ClusterState: live tasks and workers in compact records; on the loop, under Celery's own mutex.

Celery's State with storage of its own. Finished tasks leave memory first, the oldest first, so that
what still runs stays in sight.
"""

import sys
import threading
import time
from bisect import insort
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from celery import states
from celery.events.state import State

from flower_ng.changes import Change, Observer
from flower_ng.event_record import Event
from flower_ng.life.runs import MAIN
from flower_ng.life.wrapped_exception import WRAPPED, unwrapped
from flower_ng.monitor.state.backend_outcome import Outcome, take
from flower_ng.monitor.state.celery_state import CeleryState, Hook
from flower_ng.monitor.state.eta import delayed_key
from flower_ng.monitor.state.event_repair import TASK_TYPES, Malformed, clean
from flower_ng.monitor.state.merge import merge
from flower_ng.monitor.state.observers import Observers
from flower_ng.monitor.state.tallies import Tallies
from flower_ng.monitor.state.tasks_by import TasksBy, by_time, worker_name
from flower_ng.records import INFERRED, Task, Worker

WORKER_FIELDS = (
    "pid", "freq", "clock", "active", "processed", "loadavg", "sw_ident", "sw_ver", "sw_sys",
)  # fmt: skip
HEARTBEATS = 4  # as many as Celery keeps
TYPES_MAX = 10_000  # task names remembered
EVICTED_MAX = 10_000  # ids of tasks that left memory, remembered in case that they come back
EVENT_TYPES_MAX = 100  # event types counted per host; custom ones past it count as `other`

#: What Celery's own events of tasks are about, by their type.
_SUBJECTS = {kind: kind.removeprefix("task-") for kind in TASK_TYPES}
#: What a task's first event may be, where its attempt is the first.
_FIRST = frozenset({"sent", "received"})
FINISHED = states.READY_STATES | {states.REJECTED}


def has_ended(task: Task) -> bool:
    """Whether it is known that a task has ended, and how: not where that was inferred."""
    return task.state in FINISHED and task.state_source != INFERRED


class ClusterState(CeleryState):
    """Celery's State in compact records; `apply` is its hot path, `event` Celery's own door.

    `counter` is `{host name: {event type: int}}`, also for hosts that are no workers, as publishers
    of task-sent; of those the newest `max_publishers` are kept. `tallies` counts the tasks in
    memory. Observers are told of every change, on the caller's thread, which must be one.
    """

    def __init__(
        self,
        callback: Callable[[State, dict[str, Any]], None] | None = None,
        *,
        max_workers_in_memory: int = 5000,
        max_tasks_in_memory: int = 100_000,
        max_publishers: int = 1000,
        on_node_join: Hook | None = None,
        on_node_leave: Hook | None = None,
        observers: Sequence[Observer] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(on_node_join, on_node_leave)
        self.event_callback = callback
        self.max_workers_in_memory = max_workers_in_memory
        self.max_tasks_in_memory = max_tasks_in_memory
        self.max_publishers = max_publishers
        self.event_count = self.task_count = 0
        self.workers: OrderedDict[str, Worker] = OrderedDict()  # the newest heard of last
        self._newest: Worker | None = None
        self.tasks: OrderedDict[str, Task] = OrderedDict()
        self.tasks_by_type = TasksBy(self.tasks, lambda task: task.name)
        self.tasks_by_worker = TasksBy(self.tasks, worker_name)
        self.counter: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.publishers: OrderedDict[str, float] = OrderedDict()  # when heard of, newest last
        self.tallies = Tallies()
        self.handlers: dict[str, Any] = {}
        self._observers = Observers(observers)
        #: Who speaks now, what it counts into, and when it spoke since its first word.
        self._speaker = ""
        self._counts: Counter[str] = Counter()
        self._worker: Worker | None = None
        self._beats: list[float] = []
        self._newcomers: list[Callable[[str], None]] = []
        self._clock = clock
        self._finished: OrderedDict[str, None] = OrderedDict()
        self._evicted: OrderedDict[str, None] = OrderedDict()
        self._types: dict[str, str] = {}
        self._mutex = threading.Lock()

    def on_newcomer(self, callback: Callable[[str], None]) -> None:
        """Have this called with the name of each worker that comes online or is first heard of."""
        self._newcomers.append(callback)

    # What arrives

    def event(  # type: ignore[override] # Celery's own returns this too
        self, event: dict[str, Any]
    ) -> tuple[tuple[Any, bool], str] | None:
        """Apply one event given as Celery gives it; return `((record, is new), subject)`.

        None for an event that is about no task and no worker. Malformed (clean.py) when one of a
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
        return ((Worker(typed.hostname), False), subject) if is_goodbye else None

    def _pass_over(self, event: Mapping[str, Any]) -> None:
        """Count an event of nobody, as Celery does."""
        self.event_count += 1
        if self.event_callback is not None:
            self.event_callback(self, dict(event))

    def _received(self, worker: Worker | None, event: Mapping[str, Any]) -> None:
        at = event.get("local_received")
        if worker is not None and isinstance(at, int | float) and worker.beat_at:
            worker.heard_at = worker.beat_at = min(float(at), worker.beat_at)

    _event = event  # what Celery's task_event() and worker_event() call

    def apply(self, event: Event) -> Change:
        """Apply one event and tell the observers what it changed."""
        with self._mutex:
            change = self._change(event)
            self._fall_silent()
        self._observers.observe(change)
        return change

    def apply_all(self, events: Iterable[Event]) -> None:
        """Apply events in their order, with less work than one by one, and tell the observers.

        Where one cannot be applied this raises, and an iterator goes on with the one behind it.
        """
        if self._is_told_of_each:
            for event in events:
                self.apply(event)
            return
        untold = self._observers.untold
        with self._mutex:
            try:
                for event in events:
                    key = event.uuid or event.hostname
                    if key in untold:
                        self._observers.observe_untold()
                    untold[key] = self._change(event)
            finally:
                self._fall_silent()
                self._observers.observe_untold()

    @property
    def _is_told_of_each(self) -> bool:
        """Whether a script wants to see each event by itself."""
        is_overridden = type(self).apply is not ClusterState.apply
        return is_overridden or self.event_callback is not None or not self._observers.take_batches

    def learn(self, uuid: str, found: Outcome, kept: Task | None = None) -> bool:
        """Let a task have ended as the result backend says; False if it has ended or is unknown.

        An end that was inferred from events is none yet. Where the task has left memory, the
        observers are told of `kept`, the record that a store has of it.
        """
        with self._mutex:
            is_here = uuid in self.tasks
            task = self.tasks.get(uuid, kept)
            if task is None or has_ended(task):
                return False
            state, worker = task.state, task.worker
            take(task, found)
            if is_here:
                self._place(task, state, worker)
        self._observers.learned(task)
        return True

    def _change(self, event: Event) -> Change:
        self.event_count += 1
        if self.event_callback is not None:
            self.event_callback(self, event.as_dict())
        if event.hostname != self._speaker:
            self._let_speak(event.hostname)
        kind, counts = event.type, self._counts
        if kind not in counts and len(counts) >= EVENT_TYPES_MAX:
            kind = "other"
        counts[kind] = counts.get(kind, 0) + 1
        subject = _SUBJECTS.get(event.type)
        return self._other_event(event) if subject is None else self._task_event(event, subject)

    def _let_speak(self, hostname: str) -> None:
        """Look up once what the events of one host have in common."""
        if self._worker is not None:
            self._fall_silent()
        counts = self.counter.get(hostname)
        if counts is None:
            counts = self.counter[hostname] = Counter()
        self._speaker, self._counts = hostname, counts

    def _fall_silent(self) -> None:
        """Give the worker that spoke its further signs of life."""
        if self._beats and self._worker is not None:
            self._worker.heartbeats = _newest(self._worker.heartbeats, self._beats)
            self._beats = []
        self._worker, self._speaker = None, ""

    def _other_event(self, event: Event) -> Change:
        group, _, subject = event.type.partition("-")
        if group == "task":
            return self._task_event(event, subject)
        if group == "worker" and (subject != "offline" or event.hostname in self.workers):
            return self._worker_event(event, subject)
        if event.type == "worker-offline":
            self._left(Worker(event.hostname))
        self._hear_stranger(event.hostname)
        return Change(event)

    def _worker_event(self, event: Event, subject: str) -> Change:
        worker, is_new = self._hear(event)
        self._fall_silent()
        for name in WORKER_FIELDS:
            value = getattr(event, name)
            if value is not None:
                setattr(worker, name, value)
        if subject == "offline":
            worker.heartbeats = ()
            worker.beat_at = 0.0
            self._left(worker)
        elif subject == "online" and not is_new:
            self._greet(event.hostname)
        if is_new or subject == "online":
            self._joined(worker)
        return Change(event, worker=worker, is_new_worker=is_new)

    def _hear(self, event: Event) -> tuple[Worker, bool]:
        """Return the worker that sent an event, its sign of life noted, and whether it is new."""
        worker, is_new = self._worker, False
        if worker is not None:
            self._beats.append(event.timestamp)
            return worker, False
        hostname = event.hostname
        worker = self.workers.get(hostname)
        if worker is None:
            worker, is_new = self._meet(hostname), True
        elif worker is not self._newest:
            self.workers.move_to_end(hostname)
        self._worker = self._newest = worker
        worker.heard_at = worker.beat_at = self._clock()
        beats, at = worker.heartbeats, event.timestamp
        if not beats or at >= beats[-1]:
            worker.heartbeats = beats[1 - HEARTBEATS :] + (at,)  # noqa: RUF005 - half the time
        else:
            worker.heartbeats = _newest(beats, [at])
        return worker, is_new

    def _meet(self, hostname: str) -> Worker:
        """Take a new worker into the table."""
        self.publishers.pop(hostname, None)
        self._make_room_for_worker()
        worker = self.workers[hostname] = Worker(hostname)
        self._greet(hostname)
        return worker

    def _greet(self, hostname: str) -> None:
        for callback in self._newcomers:
            callback(hostname)

    def _make_room_for_worker(self) -> None:
        """At the bound let the worker go that was not heard of for longest."""
        while len(self.workers) >= max(1, self.max_workers_in_memory):
            self._forget(next(iter(self.workers)))

    def _hear_stranger(self, hostname: str) -> None:
        """Note a host that is no worker; at their bound the one unheard of for longest goes."""
        if hostname not in self.workers:
            self.publishers[hostname] = self._clock()
            self.publishers.move_to_end(hostname)
            while len(self.publishers) > self.max_publishers:
                self._forget(next(iter(self.publishers)))

    def _task_event(self, event: Event, subject: str) -> Change:
        if event.uuid is None:
            raise ValueError(f"{event.type} without uuid")
        self._share_texts(event)
        task = self.tasks.get(event.uuid)
        before: str | None = None
        previous = worker = None
        is_new_worker = False
        if task is None:
            task = self._new_task(event.uuid)
            task.is_partial = (
                bool(event.retries) or subject not in _FIRST or event.uuid in self._evicted
            )
        else:
            before, previous = task.state, task.worker
        if subject == "sent":
            task.client = sys.intern(event.hostname)
            self._hear_stranger(event.hostname)
        else:
            worker, is_new_worker = self._hear(event)
            if subject == "received":
                self.task_count += 1
        is_news = merge(task, event, subject, worker)
        if worker is not None and not is_news and subject in MAIN:
            # Not in place: the store thread may have a copy of the record.
            worker.repeats = {**worker.repeats, event.type: worker.repeats.get(event.type, 0) + 1}
        self._place(task, before, previous)
        return Change(event, task, worker, before, is_new_worker, not is_news)

    def _share_texts(self, event: Event) -> None:
        """Keep one copy of the texts that many tasks have in common: they are most of a task.

        What is no parent, and no exception, is put right.
        """
        if event.name is not None:
            event.name = self._known_type(event.name)
        if event.root_id is not None and event.root_id == event.uuid:
            # A root that retries is sent by itself, one that a chain replaces by that chain.
            event.root_id, event.parent_id = event.uuid, None
        elif event.parent_id is not None and event.parent_id == event.uuid:
            event.parent_id = None
        if event.exception is not None and event.exception == WRAPPED:
            event.exception = unwrapped(event.traceback) or WRAPPED
        if event.routing_key is not None:
            event.routing_key = sys.intern(event.routing_key)
            if event.queue is None:
                event.queue = delayed_key(event.routing_key)
        if event.queue is not None:
            event.queue = sys.intern(event.queue)

    def _known_type(self, name: str) -> str:
        known = self._types.get(name)
        if known is not None:
            return known
        if len(self._types) < TYPES_MAX:
            self._types[name] = name
        return name

    def _new_task(self, uuid: str) -> Task:
        for evicted in self._make_room_for_task():
            self._observers.evicted(evicted)
        task = self.tasks[uuid] = Task(uuid, cluster_state=self._relatives)
        return task

    def _make_room_for_task(self) -> list[Task]:
        """At the bound let tasks go, and return them."""
        bound = max(1, self.max_tasks_in_memory)
        return [self._evict() for _ in range(len(self.tasks) + 1 - bound)]

    def _evict(self) -> Task:
        """Let the oldest finished task go; the oldest of all only where none is finished."""
        if self._finished:
            uuid, _ = self._finished.popitem(last=False)
            task = self.tasks.pop(uuid)
        else:
            _, task = self.tasks.popitem(last=False)
        self.tallies.remove(task.state, task.worker)
        self._evicted[task.uuid] = None
        if len(self._evicted) > EVICTED_MAX:
            self._evicted.popitem(last=False)
        return task

    def _place(self, task: Task, before: str | None = None, previous: Worker | None = None) -> None:
        """Keep the tallies and the order of eviction in step with a task's state and worker.

        `before` is the state that it was in, None for a task that was not here.
        """
        state, worker = task.state, task.worker
        if before is None:
            self.tallies.add(state, worker)
        elif worker is not previous:
            self.tallies.remove(before, previous)
            self.tallies.add(state, worker)
        elif state != before:
            self.tallies.move(before, state, worker)
        else:
            return
        if state in FINISHED:
            self._finished.setdefault(task.uuid)
        elif before in FINISHED:
            del self._finished[task.uuid]

    def follow_clock(self, step_s: float) -> None:
        """Keep for how long everyone has been silent, where the system's clock was moved."""
        for worker in self.workers.values():
            worker.heard_at += step_s if worker.heard_at else 0.0
            worker.beat_at += step_s if worker.beat_at else 0.0
        for hostname in self.publishers:
            self.publishers[hostname] += step_s

    # What is asked

    def is_alive(self, worker: Worker) -> bool:
        """Whether the worker's newest sign of life is younger than two heartbeats, by our clock."""
        return worker.is_alive(self._clock())

    def alive_workers(self) -> Iterator[Worker]:  # type: ignore[override] # our records
        """Return the workers that are alive."""
        now = self._clock()
        return (worker for worker in self.workers.values() if worker.is_alive(now))

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
        return by_time(self.tasks, limit, newest_first=reverse)

    tasks_by_timestamp = tasks_by_time  # type: ignore[assignment] # as tasks_by_time

    # What comes back, and what goes

    def restore(
        self,
        workers: Iterable[Worker],
        counters: Mapping[str, Mapping[str, int]],
        tasks: Iterable[Task] = (),
    ) -> None:
        """Take in what a store kept, oldest first, up to the bounds.

        Observers are told only of hosts for which there is no room any more.
        """
        with self._mutex:
            for host, counts in counters.items():
                self.counter[host] = Counter(counts)
            for worker in workers:
                self._make_room_for_worker()
                self.workers[worker.hostname] = worker
            for host in list(self.counter):
                self._hear_stranger(host)
        self.take_back(tasks)

    def take_back(self, tasks: Iterable[Task]) -> None:
        """Take in more tasks that a store kept; those that are in memory stay as they are."""
        with self._mutex:
            for task in tasks:
                if task.uuid not in self.tasks:
                    self._take_back(task)

    def _take_back(self, task: Task) -> None:
        self._make_room_for_task()
        task.cluster_state = self._relatives
        self.tasks[task.uuid] = task
        if task.name is not None:
            task.name = self._known_type(task.name)
        self._place(task)

    def forget_worker(self, hostname: str) -> None:
        """Drop a worker and its counter, and tell the observers; its tasks keep its name."""
        with self._mutex:
            self._forget(hostname)

    def forget_tasks(self, uuids: Iterable[str]) -> None:
        """Drop tasks, running ones too; their next events are those of new tasks."""
        with self._mutex:
            for uuid in uuids:
                task = self.tasks.pop(uuid, None)
                if task is not None:
                    self._finished.pop(uuid, None)
                    self.tallies.remove(task.state, task.worker)

    def _forget(self, hostname: str) -> None:
        if hostname == self._speaker:
            self._fall_silent()
        if self._observers.untold:
            self._observers.observe_untold()
        self.workers.pop(hostname, None)
        self.publishers.pop(hostname, None)
        self.counter.pop(hostname, None)
        self._observers.forgotten(hostname)

    def _take_over(self, kept: Mapping[str, Any]) -> None:
        """Take in what a copy of another state holds."""
        self.restore(kept["workers"], kept["counters"], kept["tasks"])
        self.event_count, self.task_count = kept["counts"]

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
            self._place(task)


def _newest(beats: tuple[float, ...], more: list[float]) -> tuple[float, ...]:
    """Return the newest of signs of life, in their order."""
    if more[0] >= beats[-1] and more == sorted(more):
        return (*beats, *more)[-HEARTBEATS:]
    for at in more:
        ordered = list(beats[1 - HEARTBEATS :])
        insort(ordered, at)
        beats = tuple(ordered)
    return beats
