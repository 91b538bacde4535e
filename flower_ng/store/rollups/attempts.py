"""Matches starts and ends of overlapping attempts of one task for the counts. On the loop.

Publishers stamp `task-sent` once the message is with the broker: a worker may have it before, and
its event may come before theirs. A retry is published by the attempt that runs, before the worker
tells that this one ended.
"""

from typing import Final

from flower_ng.event_record import Event
from flower_ng.records import Task

#: Attempts remembered; on a cluster whose publishers tell of nothing all receipts are for a moment.
MAX_KEPT: Final = 20_000


class EventTimes:
    """Remembers the times of one kind of event, by the attempt, until the other kind has come.

    `waiting` has them; mostly it is empty.
    """

    def __init__(self) -> None:
        self.waiting: dict[str | tuple[str, int], float] = {}

    def note(self, event: Event) -> None:
        """Remember an event; at the bound the oldest is forgotten."""
        waiting = self.waiting
        waiting[_attempt(event)] = event.timestamp
        if len(waiting) > MAX_KEPT:
            del waiting[next(iter(waiting))]

    def take(self, event: Event) -> float | None:
        """Return the time of the other event of the same attempt, once; None before it came."""
        return self.waiting.pop(_attempt(event), None)


def _attempt(event: Event) -> str | tuple[str, int]:
    """Return what is the same in a sending and its receipt."""
    uuid = event.uuid or ""
    return (uuid, event.retries) if event.retries else uuid


class RetriedRuns:
    """Remembers when attempts began that were retried before their end was told of.

    `begun` has them by task; mostly it is empty.
    """

    def __init__(self) -> None:
        self.begun: dict[str, float] = {}

    def note(self, task: Task) -> None:
        """Remember the run of a task, of which a further attempt was just sent or received."""
        begun, started = self.begun, task.started
        if started is not None and (task.retried is None or task.retried < started):
            begun[task.uuid] = started
            if len(begun) > MAX_KEPT:
                del begun[next(iter(begun))]

    def ran_s(self, kind: str, ended: float, task: Task) -> float:
        """Return how long a run took that ended without success; 0 where none was under way.

        Between a retry and the next start nothing runs: what ends a task then ends no run.
        """
        before = self.begun.pop(task.uuid, None) if self.begun else None
        started, retried = task.started, task.retried
        if before is not None and kind == "task-retried":
            if started is not None and started > before:  # the next one has begun already
                self.begun[task.uuid] = started
            return max(0.0, ended - before)
        if started is None:
            return 0.0
        is_over = retried is not None and started <= retried < ended and started != before
        return 0.0 if is_over else max(0.0, ended - started)
