"""What changed since the last write: Marks, and the Batch taken of them. On the loop."""

from collections.abc import Collection, Mapping
from copy import copy
from dataclasses import dataclass
from itertools import islice
from typing import Any

from flower_ng.monitor.records import Change, Task, Worker
from flower_ng.store.merge import snapshot
from flower_ng.store.schema import FINISHED

#: Events by host name and type.
Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Batch:
    """A snapshot, ready for the store thread, and the records it was made of.

    `rows` are those of the tasks; `workers` and `counters` are copies, by host name.
    """

    tasks: list[Task]
    rows: list[tuple[Any, ...]]
    hosts: dict[str, Worker | None]
    workers: dict[str, Worker]
    counters: dict[str, dict[str, int]]
    forgotten: set[str]


class Marks:
    """The records to write, in the order of their first change; each is held by reference.

    A task that leaves memory and comes back is two records with one id, both written, in order.
    At most `max_tasks` are held: past that the oldest finished are given up and counted in `lost`.
    """

    def __init__(self, *, max_tasks: int) -> None:
        self.tasks: dict[int, Task] = {}
        self.hosts: dict[str, Worker | None] = {}
        self.forgotten: set[str] = set()
        #: How many task marks were ever taken: with `len(tasks)` it gives each mark its place.
        self.taken = 0
        self.lost = 0
        #: Tasks that were dropped since the newest batch was taken.
        self._dropped: set[str] = set()
        self._max_tasks = max_tasks
        #: Where a host's counts are read when it is written.
        self.counts: Counts = {}

    def __bool__(self) -> bool:
        return bool(self.tasks or self.hosts or self.forgotten)

    def mark(self, change: Change) -> None:
        """Note what an event changed; a fraction of a microsecond."""
        task = change.task
        if task is not None:
            self.tasks[id(task)] = task
            if len(self.tasks) > self._max_tasks:
                self._give_up()
        hostname = change.event.hostname
        if change.worker is not None or hostname not in self.hosts:
            self.hosts[hostname] = change.worker

    def forget(self, hostname: str) -> None:
        """Note that a worker is gone: its row and its counter go too."""
        self.hosts.pop(hostname, None)
        self.forgotten.add(hostname)

    def drop(self, uuids: Collection[str]) -> None:
        """Unmark tasks that are to be forgotten, also where their batch comes back."""
        gone = set(uuids)
        self._dropped |= gone
        dropped = [key for key, task in self.tasks.items() if task.uuid in gone]
        for key in dropped:
            del self.tasks[key]
        self.taken += len(dropped)

    def take(self, limit: int) -> Batch:
        """Take a snapshot of the first `limit` tasks and of all hosts, and unmark them."""
        self._dropped = set()
        tasks = list(islice(self.tasks.values(), limit))
        for task in tasks:
            del self.tasks[id(task)]
        self.taken += len(tasks)
        hosts, self.hosts = self.hosts, {}
        forgotten, self.forgotten = self.forgotten, set()
        workers = {host: copy(worker) for host, worker in hosts.items() if worker is not None}
        counters = {host: dict(self.counts[host]) for host in hosts if host in self.counts}
        return Batch(tasks, [_take(task) for task in tasks], hosts, workers, counters, forgotten)

    def put_back(self, batch: Batch) -> None:
        """Mark again what could not be written, before all that has changed since."""
        for task, row in zip(batch.tasks, batch.rows, strict=True):
            task.retry_passed |= row[-1]
        tasks = {id(task): task for task in batch.tasks if task.uuid not in self._dropped}
        self.tasks = tasks | self.tasks
        self.taken -= len(tasks)
        kept = {host: worker for host, worker in batch.hosts.items() if host not in self.forgotten}
        self.hosts = kept | self.hosts
        self.forgotten |= batch.forgotten

    def _give_up(self) -> None:
        """Drop a tenth at once, so that the search for finished ones is paid for rarely."""
        count = max(1, self._max_tasks // 10)
        finished = (key for key, task in self.tasks.items() if task.state in FINISHED)
        dropped = list(islice(finished, count)) or list(islice(self.tasks, count))
        for key in dropped:
            del self.tasks[key]
        self.taken += len(dropped)
        self.lost += len(dropped)


def _take(task: Task) -> tuple[Any, ...]:
    taken: tuple[Any, ...] = snapshot(task)
    task.retry_passed = False
    return taken
