"""Counts events by minute and task type as they are applied. An Observer, on the loop.

What it holds was not handed on yet: a second's worth while the store can be written. Starts and
ends of overlapping attempts of one task are matched: publishers stamp `task-sent` once the message
is with the broker, so that a worker may have it before, and its event may come before theirs. A
retry is published by the attempt that runs, before the worker tells that this one ended.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Final

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.records import Task, Worker
from flower_ng.store.rollups.tallies import (
    KINDS,
    LATE_S,
    MINUTE_S,
    OUTCOMES,
    Coverage,
    Minute,
    QueueTally,
    TaskTally,
    minute_of,
)

#: Names known of each kind: further task types count as OTHER, further queues not at all.
MAX_NAMES: Final = 10_000
OTHER: Final = "__other__"
#: Tallies held while the store cannot be written; past it the oldest minute is given up.
MAX_HELD: Final = 20_000

_PLACES: Final = {f"task-{outcome}": place for place, outcome in enumerate(OUTCOMES)}
_SENT, _RECEIVED, _STARTED, _SUCCEEDED = range(4)
#: The states of a task that no worker has received: not known, or only sent.
_UNRECEIVED: Final = (None, "PENDING")
#: Attempts remembered; on a cluster whose publishers tell of nothing all receipts are for a moment.
MAX_KEPT: Final = 20_000


def _remember(times: dict[Any, float], key: Hashable, at: float) -> None:
    """Keep a time until what belongs to it comes; at the bound the oldest is forgotten."""
    times[key] = at
    if len(times) > MAX_KEPT:
        del times[next(iter(times))]


def _attempt(event: Event) -> str | tuple[str, int]:
    """Return what is the same in a sending and its receipt."""
    uuid = event.uuid or ""
    return (uuid, event.retries) if event.retries else uuid


def _has_ended(kind: str, started: float, task: Task) -> bool:
    """Return whether an event of another kind told of the end of what began then."""
    ends = (("failed", task.failed), ("rejected", task.rejected), ("revoked", task.revoked))
    return kind != "task-retried" and any(
        at is not None and at >= started and kind != f"task-{other}" for other, at in ends
    )


class RetriedRuns:
    """Remembers when attempts began that were retried before their end was told of.

    `begun` has them by task; mostly it is empty.
    """

    def __init__(self) -> None:
        self.begun: dict[str, float] = {}

    def note(self, task: Task) -> None:
        """Remember the run of a task, of which a further attempt was just sent or received."""
        started = task.started
        if started is not None and (task.retried is None or task.retried < started):
            _remember(self.begun, task.uuid, started)

    def ran_s(self, kind: str, ended: float, task: Task) -> float:
        """Return how long a run took that ended without success; 0 where none was under way.

        Between a retry and the next start nothing runs: what ends a task then ends no run. A run
        that failed may be told to be rejected or revoked too, in either order: it counts once.
        """
        before = self.begun.pop(task.uuid, None) if self.begun else None
        started, retried = task.started, task.retried
        if before is not None and kind == "task-retried":
            if started is not None and started > before:  # the next one has begun already
                self.begun[task.uuid] = started
            return max(0.0, ended - before)
        if started is None or _has_ended(kind, started, task):
            return 0.0
        is_over = retried is not None and started <= retried < ended and started != before
        return 0.0 if is_over else max(0.0, ended - started)


class Minutes:
    """Holds the minutes that something happened in, until they are taken.

    `given_up` counts those that were dropped because nobody could write them.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.given_up = 0
        self._clock = clock
        self._held: dict[int, Minute] = {}
        self._names: dict[str, set[str]] = {kind: set() for kind in KINDS}
        self._beats: dict[str, Worker] = {}
        # When attempts were received that were not sent yet, and when further ones were sent that
        # were not received yet, mostly none; and the runs that are retried.
        self._early: dict[str | tuple[str, int], float] = {}
        self._sent: dict[str | tuple[str, int], float] = {}
        self._retried = RetriedRuns()
        # The minute that newly applied events fall into, mostly: its tallies and its ends.
        self._tasks: dict[str | None, TaskTally] = {}
        self._queues: dict[str | None, QueueTally] = {}
        self._start = self._end = 0.0

    def __bool__(self) -> bool:
        return bool(self._held)

    def observe(self, change: Change) -> None:
        """Count one event."""
        self.observe_all((change,))

    def observe_all(self, changes: Iterable[Change]) -> None:  # noqa: C901 - calls would cost more
        """Count events; less than a microsecond each."""
        for change in changes:
            event, task = change.event, change.task
            if task is None:
                if change.worker is not None:
                    self._beats[event.hostname] = change.worker
                continue
            place = _PLACES.get(event.type)
            if place is None or change.is_repeated:
                continue
            if not self._start <= event.timestamp < self._end:
                self._turn_to(event.timestamp)
            tally = self._tasks.get(task.name) or self._new_type(task.name)
            tally.counts[place] += 1
            if place > _SUCCEEDED:
                tally.unsuccessful_s += self._retried.ran_s(event.type, event.timestamp, task)
            elif place == _SUCCEEDED:
                if event.runtime is not None:
                    tally.run.add(event.runtime)
            elif place == _STARTED:
                if task.eta is None and task.received is not None:
                    tally.wait.add(max(0.0, event.timestamp - task.received))
            else:
                self._count_message(place, change, task, tally)

    def _count_message(self, place: int, change: Change, task: Task, tally: TaskTally) -> None:
        """Count a message that was sent, or received."""
        event = change.event
        is_again = place == _RECEIVED and (task.started or change.before not in _UNRECEIVED)
        if is_again:
            tally.again += 1
        if event.retries:
            self._again(place, event, task)
        elif place == _SENT:
            self._send(event, task)
        elif task.sent is not None:
            # When what is delivered again went back into its queue, nobody tells.
            self._receive(event.timestamp, None if is_again else task.sent, task)
        else:
            _remember(self._early, _attempt(event), event.timestamp)

    def _again(self, place: int, event: Event, task: Task) -> None:
        """Count the sending or the receipt of a further attempt: a task has times of one alone."""
        self._retried.note(task)
        if place == _SENT:
            if not self._send(event, task):
                _remember(self._sent, _attempt(event), event.timestamp)
        elif (sent := self._sent.pop(_attempt(event), None)) is not None:
            self._receive(event.timestamp, sent, task)
        else:
            _remember(self._early, _attempt(event), event.timestamp)

    def _send(self, event: Event, task: Task) -> bool:
        """Count what came into a queue; return whether it was received before, by what was told."""
        received = self._early.pop(_attempt(event), None) if self._early else None
        queue = self._queues.get(task.queue) or self._new_queue(task)
        if queue is not None:
            queue.sent += 1
        if received is None:
            return False
        if not self._start <= received < self._end:
            self._turn_to(received)
        self._receive(received, event.timestamp, task)
        return True

    def _receive(self, at: float, sent: float | None, task: Task) -> None:
        """Count what a worker took out of a queue, and how long it was in there, where known.

        That is 0 where it was stamped as sent after that: clocks of hosts may differ.
        """
        queue = self._queues.get(task.queue) or self._new_queue(task)
        if queue is not None:
            queue.received += 1
        if task.eta is None and sent is not None:  # else it waited for its time
            tally = self._tasks.get(task.name) or self._new_type(task.name)
            tally.queued.add(max(0.0, at - sent))

    def _new_queue(self, task: Task) -> QueueTally | None:
        """Return a new tally for a task's queue, None where it is not known, or one too many."""
        name = task.queue
        if name is None or not self._knows("queue", name):
            return None
        tally = self._queues[name] = QueueTally()
        return tally

    def learned(self, task: Task) -> None:
        """Do nothing: numbers over time count events."""

    def evicted(self, task: Task) -> None:
        """Do nothing: what happened has happened."""

    def forgotten(self, hostname: str) -> None:
        """Sample a worker that is gone no more."""
        self._beats.pop(hostname, None)

    def sample_queue(self, name: str, length: int | None, oldest_age_s: float | None) -> None:
        """Note what the broker says of a queue now; what is None is unknown and not noted."""
        now = self._clock()
        if not self._knows("queue", name) or (length is None and oldest_age_s is None):
            return
        tally = self._minute(minute_of(now)).tally("queue", name)
        if length is not None:
            tally.length.note(length, now)
        if oldest_age_s is not None:
            tally.oldest_age_s.note(oldest_age_s, now)

    def heard_at(self) -> float:
        """Return when a worker last gave a sign of life, by its clock, of those not sampled yet."""
        beats = (worker.heartbeats[-1:] for worker in self._beats.values())
        return max((at for newest in beats for at in newest), default=0.0)

    def sample_workers(self) -> None:
        """Note what those workers said that sent an event about themselves since the last time."""
        beats, self._beats = self._beats, {}
        now = self._clock()
        for hostname, worker in beats.items():
            tells = worker.active is not None or worker.loadavg is not None
            if worker.heartbeats and tells and self._knows("worker", hostname):
                tally = self._minute(minute_of(now)).tally("worker", hostname)
                if worker.active is not None:
                    tally.active.note(worker.active, now)
                if worker.loadavg is not None:
                    tally.load.note(worker.loadavg[0], now)

    def cover(self, start: int, coverage: Coverage) -> None:
        """Note that events could arrive in part of a minute, or were dropped."""
        self._minute(start).coverage.merge(coverage)

    def take(self) -> Mapping[int, Minute]:
        """Hand on what is held, by the start of the minute."""
        taken, self._held = self._held, {}
        self._start = self._end = 0.0
        return taken

    def put_back(self, taken: Mapping[int, Minute]) -> None:
        """Hold again what could not be written, with what has happened since."""
        for start, minute in taken.items():
            self._minute(start).merge(minute)

    def _turn_to(self, at: float) -> None:
        """Make the minute of an event the one that is counted in."""
        now = self._clock()
        start = minute_of(at if now - LATE_S <= at <= now else now)
        minute = self._minute(start)
        self._tasks, self._queues = minute.kinds["task"], minute.kinds["queue"]
        self._start, self._end = start, start + MINUTE_S

    def _minute(self, start: int) -> Minute:
        minute = self._held.get(start)
        if minute is None:
            self._make_room()
            minute = self._held[start] = Minute()
        return minute

    def _make_room(self) -> None:
        while sum(map(len, self._held.values())) > MAX_HELD:
            oldest = min(self._held)
            del self._held[oldest]
            self._end = min(self._end, oldest)
            self.given_up += 1

    def _new_type(self, name: str | None) -> TaskTally:
        key = name if name is None or self._knows("task", name) else OTHER
        return self._tasks.setdefault(key, TaskTally())

    def _knows(self, kind: str, name: str) -> bool:
        """Whether a name is one of those with a tally of their own, as the first ones are."""
        names = self._names[kind]
        if name not in names and len(names) < MAX_NAMES:
            names.add(name)
        return name in names
