"""MissingEvents compares what workers say to have begun with what came. An Observer, on the loop.

A heartbeat tells how many tasks its worker has begun since it started (`processed`); of each of
them it sends `task-started`, before the next heartbeat. Where fewer came, some were lost on their
way, unless the app has told Celery not to send events of these tasks (`send_events = False`).
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.records import Task

#: Events that a worker may send after a heartbeat of the same moment: it sends so many at once.
IN_BATCH: Final = 24
#: Fewer may be how threads overtake one another: they wait until they are more.
LEAST: Final = 5
#: After a known loss all that was sent before it must have been applied.
SETTLED_S: Final = 10.0


class _Beat(msgspec.Struct, gc=False):
    """A heartbeat: tasks begun, as the worker says, and events that had come by then."""

    processed: int
    started: int


class _Comparison(msgspec.Struct, gc=False):
    """What is known of one worker; `first` is the heartbeat that all is counted from."""

    pid: int | None
    started: int = 0
    first: _Beat | None = None
    newest: _Beat | None = None


class MissingEvents:
    """Counts by worker of how many tasks no `task-started` came, in `counts`.

    It never counts too many: what may be on its way, or have been repeated, counts as come. `known`
    returns something else after each loss that is told elsewhere: that is not counted again.
    """

    def __init__(
        self, known: Callable[[], Any] = lambda: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.counts: dict[str, int] = {}
        self._known, self._clock = known, clock
        self._workers: dict[str, _Comparison] = {}
        self._loss: Any = None
        self._begin_at = 0.0

    def observe(self, change: Change) -> None:
        """Take note of one event."""
        self.observe_all((change,))

    def observe_all(self, changes: Iterable[Change]) -> None:
        """Do as `observe` for each of them, in their order."""
        for change in changes:
            event = change.event
            if event.type == "task-started":
                if (worker := self._workers.get(event.hostname)) is not None:
                    worker.started += 1
            elif change.task is None and change.worker is not None:
                self._hear(event, change.worker.pid)

    def learned(self, task: Task) -> None:
        """Do nothing: that is no event."""

    def evicted(self, task: Task) -> None:
        """Do nothing: its events have come."""

    def forgotten(self, hostname: str) -> None:
        """Forget a worker."""
        self._workers.pop(hostname, None)
        self.counts.pop(hostname, None)

    def _hear(self, event: Event, pid: int | None) -> None:
        """Take note of what a worker says of itself; one that has started counts from 0."""
        worker = self._workers.get(event.hostname)
        if worker is None or event.type != "worker-heartbeat" or worker.pid != pid:
            worker = self._workers[event.hostname] = _Comparison(pid)
        if event.processed is not None and self._may_compare():
            self._compare(event.hostname, worker, event.processed)

    def _may_compare(self) -> bool:
        """Whether no loss that is told elsewhere is near; after one all is compared anew."""
        if (loss := self._known()) != self._loss:
            self._loss, self._begin_at = loss, self._clock() + SETTLED_S
            self._workers = {name: _Comparison(one.pid) for name, one in self._workers.items()}
        return self._clock() >= self._begin_at

    def _compare(self, name: str, worker: _Comparison, processed: int) -> None:
        if not worker.started:
            return  # it sends no events of tasks yet
        first, before, beat = worker.first, worker.newest, _Beat(processed, worker.started)
        worker.newest = beat
        if first is None or before is None or processed < before.processed:
            worker.first = beat
            return
        late = _missing(first, before.processed, beat.started)
        lately = min(_missing(first, one.processed, one.started) for one in (before, beat))
        missing = max(late, lately - IN_BATCH)
        if missing >= LEAST:
            self.counts[name] = self.counts.get(name, 0) + missing
            worker.first = _Beat(first.processed + missing, first.started)


def _missing(first: _Beat, processed: int, started: int) -> int:
    """Return how many more tasks were begun since a heartbeat than events of them came."""
    return processed - first.processed - (started - first.started)
