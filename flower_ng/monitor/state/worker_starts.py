"""Observes the starts of workers. An Observer, on the loop.

Celery sends `worker-online` also after a lost connection. A process that is a new one has another
id, or, where containers give each the same, a logical clock that begins anew.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.records import Task, Worker


@dataclass(frozen=True, slots=True)
class Start:
    """A worker's process began, by our own clock; `version` is its Celery's, where it told."""

    hostname: str
    at: float
    version: str | None


class Starts:
    """Hands each start to `note`, and remembers which process a worker is."""

    def __init__(
        self, note: Callable[[Start], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._note, self._clock = note, clock
        self._processes: dict[str, tuple[int | None, int]] = {}

    def observe(self, change: Change) -> None:
        """Note a start; events of tasks tell of none."""
        self.observe_all((change,))

    def observe_all(self, changes: Iterable[Change]) -> None:
        """Do as `observe` for each of them."""
        for change in changes:
            if change.task is None and change.worker is not None:
                self._see(change.event, change.worker)

    def _see(self, event: Event, worker: Worker) -> None:
        is_online = event.type == "worker-online"
        if is_online and self._is_new(worker, event.clock or 0):
            self._note(Start(worker.hostname, self._clock(), worker.sw_ver))
        self._processes[worker.hostname] = (worker.pid, worker.clock)

    def evicted(self, task: Task) -> None:
        """Do nothing: a task is no worker."""

    def learned(self, task: Task) -> None:
        """Do nothing: it is about a task."""

    def forgotten(self, hostname: str) -> None:
        """Forget which process it was; its starts have happened."""
        self._processes.pop(hostname, None)

    def _is_new(self, worker: Worker, clock: int) -> bool:
        known = self._processes.get(worker.hostname)
        return known is None or known[0] != worker.pid or clock < known[1]
