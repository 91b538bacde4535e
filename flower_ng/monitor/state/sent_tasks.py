"""Sent tasks that no worker has received yet, by queue. An Observer, on the loop.

It tells how long the oldest message of a queue waits, where its send was seen: that takes the
Celery setting `task_send_sent_event`.
"""

import heapq
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.monitor.state.eta import delayed_key, eta_s
from flower_ng.records import Task

#: Tasks remembered; past it further ones are not, and what then becomes the oldest is not known.
MOST: Final = 50_000
#: Queues remembered.
MOST_QUEUES: Final = 1000
#: Events trail behind messages by less.
LATE_S: Final = 10.0
#: States before a task-sent after which the task may still wait.
_EARLY: Final = frozenset({None, "PENDING", "RETRY"})


@dataclass(frozen=True, slots=True)
class Oldest:
    """For how long the oldest message of a queue waits; with `is_least` for as long at least."""

    waits_s: float
    is_least: bool = False


class Sent:
    """Remembers sends until the task is heard of again.

    A task that RabbitMQ delays is in its queue from its ETA on; one without an offset is of
    `timezone`.
    """

    def __init__(self, most: int = MOST, timezone: tzinfo = UTC) -> None:
        self._most, self._timezone = most, timezone
        self._delayed: list[tuple[float, str, str]] = []
        self._queue_of: dict[str, str] = {}
        self._sent: dict[str, dict[str, float]] = {}
        self._untold: dict[str, float] = {}

    @property
    def queues(self) -> Collection[str]:
        """The queues that tasks were sent to."""
        return self._sent.keys()

    def observe(self, change: Change) -> None:
        """Note a send, or that a task was heard of."""
        self.observe_all((change,))

    def observe_all(self, changes: Iterable[Change]) -> None:
        """Do as `observe` for each of them."""
        for change in changes:
            event = change.event
            if event.type == "task-sent":
                if event.queue and event.uuid and change.before in _EARLY:
                    self._add(event.queue, event.uuid, event.timestamp, self._arrives_at(event))
            elif event.uuid in self._queue_of:
                self._drop(event.uuid)

    def learned(self, task: Task) -> None:
        """Note that a task waits no longer."""
        self._drop(task.uuid)

    def evicted(self, task: Task) -> None:
        """Do nothing: it still waits."""

    def forgotten(self, hostname: str) -> None:
        """Do nothing: who sent it is not of interest."""

    def adopt(self, tasks: Iterable[Task]) -> None:
        """Take in tasks that were sent before the first event, the oldest first."""
        for task in tasks:
            if task.state == "PENDING" and task.queue and task.sent is not None:
                self._add(task.queue, task.uuid, task.sent, self._arrives_at(task))

    def oldest(self, queue: str, length: int | None, now: float) -> Oldest | None:
        """Return for how long the oldest of `length` messages waits; None where that is unknown.

        In an empty queue nothing waits: sends without further news are forgotten then.
        """
        self._arrive(now)
        if not length:
            if length == 0:
                self._empty(queue, now)
            return None
        waiting = self._sent.get(queue, {})
        at = next(iter(waiting.values()), None)
        if at is None:
            return None
        # Of messages whose send was not seen, one may be older than all that were.
        is_least = len(waiting) < length or at > self._untold.get(queue, at)
        return Oldest(max(0.0, now - at), is_least)

    def _arrives_at(self, event: Event | Task) -> float | None:
        """Return when RabbitMQ puts a task into its queue; None where that is at once."""
        if event.eta is None or delayed_key(event.routing_key) is None:
            return None
        return eta_s(event.eta, self._timezone)

    def _arrive(self, now: float) -> None:
        """Have those wait whose delay is over, unless they were heard of meanwhile."""
        while self._delayed and self._delayed[0][0] <= now:
            at, queue, uuid = heapq.heappop(self._delayed)
            if self._queue_of.get(uuid) == queue:
                self._sent[queue].setdefault(uuid, at)

    def _add(self, queue: str, uuid: str, at: float, arrives_at: float | None) -> None:
        waiting = self._sent.get(queue)
        if waiting is None:
            if len(self._sent) >= MOST_QUEUES:
                return
            waiting = self._sent[queue] = {}
        self._drop(uuid)
        if len(self._queue_of) >= self._most:
            self._untold.setdefault(queue, at)
            return
        self._queue_of[uuid] = queue
        if arrives_at is None:
            waiting[uuid] = at
        else:
            heapq.heappush(self._delayed, (arrives_at, queue, uuid))

    def _drop(self, uuid: str) -> None:
        queue = self._queue_of.pop(uuid, None)
        if queue is not None:
            self._sent[queue].pop(uuid, None)

    def _empty(self, queue: str, now: float) -> None:
        before = now - LATE_S
        for uuid in [uuid for uuid, at in self._sent.get(queue, {}).items() if at < before]:
            self._drop(uuid)
        if self._untold.get(queue, now) < before:
            del self._untold[queue]
