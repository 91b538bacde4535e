"""TaskObserver follows running and waiting tasks, worker identities, new exceptions. On the loop.

An observer of the state; it costs each event some tenths of a microsecond.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, Protocol, TypeAlias

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.health.facts.records import NewException
from flower_ng.health.problem import Problem
from flower_ng.life.runs import is_running
from flower_ng.records import Task
from flower_ng.schedule.entry import Sign

#: The rule that tells of exceptions that were not seen before.
NEW_EXCEPTION: Final = "task-new-exception"
#: Changes of identity are counted within this time.
IDENTITY_S: Final = 60.0
#: Workers, and pairs of task type and exception, that are remembered.
MOST_WORKERS: Final = 5000
MOST_PAIRS: Final = 10_000
MOST_NEW: Final = 100


#: A worker that ends gives back what it has not started; one that starts holds nothing yet.
_GIVES_BACK: Final = frozenset({"worker-offline", "worker-online"})
#: When tasks were sent, by the process that sent them; by "" where nobody told.
Sends: TypeAlias = dict[str, deque[float]]
#: Processes that are told apart, those that sent last, and times that are kept of each.
MOST_SENDERS: Final = 20
MOST_SENDS: Final = 6
MOST_UNTOLD: Final = 1000


class TaskTable(Protocol):
    """Where tasks that are in memory are looked up."""

    @property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks by id."""


class HostIdentity:
    """The process and the count of tasks that a worker's events name, and when they jumped.

    `begun_at` is when it was last known to begin a task, or when its count was first told.
    """

    __slots__ = ("begun_at", "jumps", "pid", "processed")

    def __init__(self) -> None:
        self.begun_at: float | None = None
        self.pid: int | None = None
        self.processed = 0
        self.jumps: deque[float] = deque(maxlen=100)

    def see(self, event: Event, now: float) -> None:
        """Compare with the event before: a worker that comes online may be another process."""
        pid, processed = event.pid or self.pid, event.processed
        is_other = self.pid is not None and pid != self.pid
        is_less = processed is not None and processed < self.processed
        if (is_other or is_less) and event.type != "worker-online":
            self.jumps.append(now)
        if processed is not None and (self.begun_at is None or processed != self.processed):
            self.begun_at = now
        self.pid = pid
        self.processed = self.processed if processed is None else processed


class TaskObserver:
    """`running` and `reserved` tasks, oldest first; identities of workers; new exceptions.

    `reserved` holds no task with an ETA. `extract` finds the class in an exception's text. No
    exception is new before `is_learned`. `seen` is when the newest tasks with each sign that is
    `wanted` were first heard of; those that other tasks sent are left out.
    """

    def __init__(
        self,
        extract: Callable[[str | None, str | None], str | None],
        clock: Callable[[], float],
    ) -> None:
        self.new: dict[tuple[str, str], NewException] = {}
        self._running: dict[str, Task] = {}
        self._reserved: dict[str, Task] = {}
        self._held: dict[str, Task] = {}
        self._identities: OrderedDict[str, HostIdentity] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self.is_learned = False
        self.seen: dict[Sign, Sends] = {}
        self.wanted: frozenset[Sign] = frozenset()
        self._held_since: dict[str, float] = {}
        self._untold: OrderedDict[str, float] = OrderedDict()
        self._extract = extract
        self._clock = clock

    def observe(self, change: Change) -> None:
        """Take note of one event."""
        self.observe_all((change,))

    def observe_all(self, changes: Iterable[Change]) -> None:
        """Take note of events."""
        for change in changes:
            task = change.task
            if task is None:
                if change.worker is not None:
                    self._see_worker(change.event)
                continue
            if task.state != change.before:
                self._place(task)
                if task.state == "FAILURE":
                    self._see_failure(task)
            if self.wanted and _may_be_scheduled(change, task):
                self._see_scheduled(task)

    def learned(self, task: Task) -> None:
        """Follow a task no longer that has ended."""
        self._place(task)

    def evicted(self, task: Task) -> None:
        """A task left memory: it can't be followed any more."""
        self._running.pop(task.uuid, None)
        self._reserved.pop(task.uuid, None)
        self._held.pop(task.uuid, None)
        self._held_since.pop(task.uuid, None)

    def forgotten(self, hostname: str) -> None:
        """Forget a worker's identity."""
        self._identities.pop(hostname, None)

    def adopt(self, tasks: Iterable[Task]) -> None:
        """Take in tasks that were known before the first event."""
        for task in tasks:
            self._place(task)

    def want(self, signs: frozenset[Sign]) -> None:
        """Note from now on when tasks with these signs are sent, and forget all others."""
        self.wanted = signs
        for sign in self.seen.keys() - signs:
            del self.seen[sign]

    def know(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Take these pairs of type and exception as known."""
        for pair in pairs:
            self._know(pair)

    def renew(self, problems: Iterable[Problem]) -> None:
        """Go on with the exceptions that were new before a restart."""
        for one in (problem for problem in problems if problem.rule == NEW_EXCEPTION):
            kind, _, exception = one.subject.rpartition(": ")
            evidence = one.evidence
            uuid, count = str(evidence.get("first_task")), int(evidence.get("tasks", 1))
            at = float(evidence.get("first_at", one.since))
            self.new[kind, exception] = NewException(kind, exception, uuid, at, count)

    def running(self, state: TaskTable, most: int) -> Iterator[Task]:
        """Yield the first `most` of the tasks that run."""
        return _present(self._running, state, most)

    def reserved(self, state: TaskTable, most: int) -> Iterator[Task]:
        """Yield the first `most` of the tasks that a worker holds, ready to run."""
        return _present(self._reserved, state, most)

    def held(self, state: TaskTable, most: int) -> Iterator[Task]:
        """Yield the first `most` of the tasks that a worker holds until their ETA."""
        return _present(self._held, state, most)

    def held_since(self, task: Task) -> float:
        """Return when a worker first received a task that is held, by its own clock.

        What a worker held as it ended or started is in the queue again: it counts anew.
        """
        return self._held_since.get(task.uuid, task.received or 0.0)

    def switches(self, hostname: str, now: float) -> int:
        """Return how often a worker's identity jumped lately; once is a restart."""
        identity = self._identities.get(hostname)
        return 0 if identity is None else sum(now - at < IDENTITY_S for at in identity.jumps)

    def begun_s(self, hostname: str, now: float) -> float | None:
        """Return for how long a worker has begun no task at least, by its heartbeats' count.

        None where they tell no count.
        """
        identity = self._identities.get(hostname)
        if identity is None or identity.begun_at is None:
            return None
        return max(0.0, now - identity.begun_at)

    def _place(self, task: Task) -> None:
        uuid, state = task.uuid, task.state
        if is_running(state):
            self._running[uuid] = task
        else:
            self._running.pop(uuid, None)
        if state == "RECEIVED":
            (self._held if task.eta else self._reserved)[uuid] = task
            if task.eta and task.received is not None:
                self._held_since.setdefault(uuid, task.received)  # later ones are redeliveries
        else:
            self._reserved.pop(uuid, None)
            if self._held:
                self._held.pop(uuid, None)
                self._held_since.pop(uuid, None)

    def _see_scheduled(self, task: Task) -> None:
        """Note a task that may be one of the schedule's; who sent it may be told later."""
        for sign in ((task.name or "", task.args, task.kwargs), (task.name or "", None, None)):
            if sign in self.wanted:
                self._note_send(self.seen.setdefault(sign, {}), task)

    def _note_send(self, sends: Sends, task: Task) -> None:
        at = self._untold.pop(task.uuid, None)
        if at is not None and at in sends.get("", ()):
            sends[""].remove(at)
        sends[task.client or ""] = times = sends.pop(task.client or "", deque(maxlen=MOST_SENDS))
        times.append(self._clock() if at is None else at)
        if task.client is None:
            self._untold[task.uuid] = times[-1]
        while len(self._untold) > MOST_UNTOLD:
            self._untold.popitem(last=False)
        while len(sends) > MOST_SENDERS:
            del sends[next(iter(sends))]

    def _see_worker(self, event: Event) -> None:
        identity = self._identities.get(event.hostname)
        if identity is None:
            identity = self._identities[event.hostname] = HostIdentity()
            while len(self._identities) > MOST_WORKERS:
                self._identities.popitem(last=False)
        identity.see(event, self._clock())
        if event.type in _GIVES_BACK:
            self._give_back(event.hostname)

    def _give_back(self, hostname: str) -> None:
        """Let what a worker held until its ETA count anew, from its next receipt on."""
        for uuid, task in self._held.items():
            if task.worker is not None and task.worker.hostname == hostname:
                self._held_since.pop(uuid, None)

    def _see_failure(self, task: Task) -> None:
        exception = self._extract(task.exception, task.traceback)
        if task.name is None or exception is None:
            return
        pair = (task.name, exception)
        new = self.new.get(pair)
        if new is not None:
            self.new[pair] = NewException(*pair, new.uuid, new.at, new.count + 1)
        elif pair not in self._known and self.is_learned:
            self._note_new(NewException(*pair, task.uuid, self._clock(), 1))
        self._know(pair)

    def _note_new(self, new: NewException) -> None:
        while len(self.new) >= MOST_NEW:
            del self.new[next(iter(self.new))]
        self.new[new.type, new.exception] = new

    def _know(self, pair: tuple[str, str]) -> None:
        self._known[pair] = None
        while len(self._known) > MOST_PAIRS:
            self._known.popitem(last=False)


def _may_be_scheduled(change: Change, task: Task) -> bool:
    """Whether this is a task's first event, or tells who sent it; beat's have no parent."""
    is_told = change.before is None or change.event.type == "task-sent"
    return is_told and not task.parent_id and not task.retries


def _present(tasks: dict[str, Task], state: TaskTable, most: int) -> Iterator[Task]:
    """Yield those that are still in memory, and drop others: forgetting a task tells nobody."""
    for uuid, task in list(islice(tasks.items(), most)):
        if state.tasks.get(uuid) is task:
            yield task
        else:
            tasks.pop(uuid, None)
