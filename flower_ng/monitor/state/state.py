"""ClusterState: live tasks and workers in compact records; on the loop, under Celery's own mutex.

Celery's State with storage of its own. Finished tasks leave memory first, the oldest of them first.
"""

import sys
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from celery import states
from celery.events.state import State

from flower_ng.changes import Change, Observer
from flower_ng.event_record import Event
from flower_ng.life.runs import MAIN
from flower_ng.monitor.state.backend_outcome import Outcome, take
from flower_ng.monitor.state.celery_state import Hook
from flower_ng.monitor.state.event_repair import TASK_TYPES
from flower_ng.monitor.state.merge import merge
from flower_ng.monitor.state.shared_texts import SharedTexts
from flower_ng.monitor.state.tallies import Tallies
from flower_ng.monitor.state.tasks_by import TasksBy, worker_name
from flower_ng.monitor.state.workers_state import WorkersState
from flower_ng.records import INFERRED, Task, Worker
from flower_ng.redaction import NO_REDACTION, Redactor
from flower_ng.reports import LOG

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


class ClusterState(WorkersState):
    """Celery's State in compact records; `apply` is its hot path, `event` Celery's own door.

    `tallies` counts tasks in memory. Observers are told of each change on the caller's one thread.
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
        redactor: Redactor = NO_REDACTION,
    ) -> None:
        super().__init__(
            max_workers_in_memory=max_workers_in_memory,
            max_publishers=max_publishers,
            on_node_join=on_node_join,
            on_node_leave=on_node_leave,
            observers=observers,
            clock=clock,
            redactor=redactor,
        )
        self.event_callback = callback
        self.max_tasks_in_memory = max_tasks_in_memory
        self.event_count = self.task_count = 0
        self.tasks: OrderedDict[str, Task] = OrderedDict()
        self.tasks_by_type = TasksBy(self.tasks, lambda task: task.name)
        self.tasks_by_worker = TasksBy(self.tasks, worker_name)
        self.tallies = Tallies()
        self.handlers: dict[str, Any] = {}
        self._texts = SharedTexts()
        self._finished: OrderedDict[str, None] = OrderedDict()
        self._evicted: OrderedDict[str, None] = OrderedDict()

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
        self._redact(event)
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

    def _task_event(self, event: Event, subject: str) -> Change:
        if event.uuid is None:
            raise ValueError(f"{event.type} without uuid")
        self._texts.share(event)
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
        # That it logs says no more of a task than that it runs, where nothing else does.
        is_heard = subject == LOG and task.worker is not None
        is_news = is_heard or merge(task, event, subject, worker)
        if worker is not None and not is_news and subject in MAIN:
            # Not in place: the store thread may have a copy of the record.
            worker.repeats = {**worker.repeats, event.type: worker.repeats.get(event.type, 0) + 1}
        self._place(task, before, previous)
        return Change(event, task, worker, before, is_new_worker, not is_news)

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

    def known_types(self) -> list[str]:
        """Return the names of task types seen so far, sorted; at most 10,000."""
        return self._texts.types()

    task_types = known_types  # type: ignore[assignment] # Celery's is a list too

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
                if worker.heard_at and not worker.heartbeats:
                    self._goodbyes[worker.hostname] = worker.heard_at
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
            task.name = self._texts.type_of(task.name)
        self._place(task)

    def forget_tasks(self, uuids: Iterable[str]) -> None:
        """Drop tasks, running ones too; their next events are those of new tasks."""
        with self._mutex:
            for uuid in uuids:
                task = self.tasks.pop(uuid, None)
                if task is not None:
                    self._finished.pop(uuid, None)
                    self.tallies.remove(task.state, task.worker)

    def _take_over(self, kept: Mapping[str, Any]) -> None:
        """Take in what a copy of another state holds."""
        self.restore(kept["workers"], kept["counters"], kept["tasks"])
        self.event_count, self.task_count = kept["counts"]

    def _clear_tasks(self, ready: bool = True) -> None:  # noqa: FBT001, FBT002 - Celery's signature
        """Empty memory, of finished tasks only when `ready`; the store keeps everything."""
        kept = [task for task in self.tasks.values() if ready and not task.ready]
        self.tasks.clear()
        self.tallies.clear()
        self._finished.clear()
        for task in kept:
            self.tasks[task.uuid] = task
            self._place(task)
