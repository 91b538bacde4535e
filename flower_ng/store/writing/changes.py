"""The changes since the last write, and the batch that is taken of them. On the loop."""

from collections.abc import Collection, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from itertools import islice
from typing import Final

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.records import Task, Worker
from flower_ng.store.tables.schema import FINISHED
from flower_ng.store.tables.timeline import Entry, chain, entries
from flower_ng.store.writing.snapshots import BOUNDS, Snapshot, snapshot
from flower_ng.store.writing.tellings import Tellings

#: Events held in all while nothing can be written, about.
MAX_ENTRIES: Final = 500_000

#: Events of the app's own that are kept of a task; then only the 32nd, the 64th, the 128th, ….
OWN_KEPT: Final = 20

#: What is sent and received is a numbered attempt.
_NUMBERED: Final = frozenset({"task-sent", "task-received"})

#: Events by host name and type.
Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Batch:
    """A snapshot, ready for the store thread, and the records it was made of.

    `rows` are those of the tasks; `workers` and `counters` are copies, by host name.
    """

    tasks: list[Task]
    rows: list[Snapshot]
    hosts: dict[str, Worker | None]
    workers: dict[str, Worker]
    counters: dict[str, dict[str, int]]
    forgotten: set[str]

    def add(self, later: "Batch") -> None:
        """Take in what was taken after it."""
        self.tasks.extend(later.tasks)
        self.rows.extend(later.rows)
        for hostname in later.forgotten:
            for table in (self.hosts, self.workers, self.counters):
                table.pop(hostname, None)
        self.hosts.update(later.hosts)
        self.workers.update(later.workers)
        self.counters.update(later.counters)
        self.forgotten.update(later.forgotten)


class Marks:
    """The records to write, in the order of their first change; each is held by reference.

    A task that leaves memory and comes back is two records with one id, both written, in order.
    At most `max_tasks` are held: past that the oldest finished are given up and counted in `lost`.
    Each holds its new events, at most `max_events`; how many there were more is counted.
    """

    def __init__(self, *, max_tasks: int, max_events: int = BOUNDS.max_events) -> None:
        self.tasks: dict[int, Task] = {}
        self.hosts: dict[str, Worker | None] = {}
        self.forgotten: set[str] = set()
        #: How many task marks were ever taken: with `len(tasks)` it gives each mark its place.
        self.taken = 0
        self.lost = 0
        #: Tasks that were dropped since the newest batch was taken.
        self._dropped: set[str] = set()
        self._max_tasks = max_tasks
        self._max_events = max_events
        #: The new events of the tasks, by the same ids, and how many more there were.
        self._newest: dict[int, Entry] = {}
        self._left_out: dict[int, int] = {}
        self._tellings = Tellings()
        #: Where a host's counts are read when it is written.
        self.counts: Counts = {}

    def __bool__(self) -> bool:
        return bool(self.tasks or self.hosts or self.forgotten)

    def mark(self, change: Change) -> None:
        """Note what an event changed; a fraction of a microsecond."""
        self.mark_all((change,))

    def mark_all(self, changes: Iterable[Change]) -> None:
        """Do as `mark` for each of them, in their order."""
        spoke: Worker | None = None
        for change in changes:
            event, task, worker = change.event, change.task, change.worker
            hostname = event.hostname if worker is None else worker.hostname
            if task is not None:
                self.tasks[id(task)] = task
                self._add(id(task), event, hostname, task)
                if len(self.tasks) > self._max_tasks:
                    self._give_up()
            if worker is None:
                self.hosts.setdefault(hostname, None)
            elif worker is not spoke:
                self.hosts[event.hostname] = spoke = worker

    def touch(self, task: Task) -> None:
        """Note a task that no event changed."""
        self.tasks[id(task)] = task

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
            self._unmark(key)
        self.taken += len(dropped)

    def take(self, limit: int) -> Batch:
        """Take a snapshot of the first `limit` tasks and of all hosts, and unmark them."""
        self._dropped = set()
        tasks = list(islice(self.tasks.values(), limit))
        rows = [self._take(task) for task in tasks]
        self.taken += len(tasks)
        hosts, self.hosts = self.hosts, {}
        forgotten, self.forgotten = self.forgotten, set()
        workers = {host: copy(worker) for host, worker in hosts.items() if worker is not None}
        counters = {host: dict(self.counts[host]) for host in hosts if host in self.counts}
        return Batch(tasks, rows, hosts, workers, counters, forgotten)

    def put_back(self, batch: Batch) -> None:
        """Mark again what could not be written, before all that has changed since."""
        for task, row in zip(batch.tasks, batch.rows, strict=True):
            if task.uuid not in self._dropped:
                self._put_back(task, row)
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
            self._unmark(key)
        self.taken += len(dropped)
        self.lost += len(dropped)

    def _add(self, key: int, event: Event, hostname: str, task: Task) -> None:
        """Add an event, unless there are too many, of the task or of all.

        Of an app's own events (progress) the first are kept, then ever fewer: they must not keep
        out those of Celery. Lines of a log are kept by themselves.
        """
        if event.own is not None:
            if self._tellings.take(key, event):
                return
            task.own_events += 1
            if task.own_events > OWN_KEPT and task.own_events & (task.own_events - 1):
                self._left_out[key] = self._left_out.get(key, 0) + 1
                return
        before = self._newest.get(key)
        count = 1 if before is None else before.count + 1
        if count <= self._max_events and count * len(self.tasks) <= MAX_ENTRIES:
            retries, name = 0, ""
            if event.type in _NUMBERED:
                retries = event.retries  # type: ignore[assignment] # None is unknown
                is_renamed = task.original_name is not None or task.is_partial  # as far as is known
                if is_renamed and event.type == "task-received":
                    name = event.name or ""
            self._newest[key] = Entry(
                event.type,
                event.timestamp,
                hostname,
                event.exception,
                before,
                count,
                retries,
                name,
                event.how,
                event.own or "",
            )
        else:
            self._left_out[key] = self._left_out.get(key, 0) + 1

    def _unmark(self, key: int) -> None:
        del self.tasks[key]
        self._newest.pop(key, None)
        self._left_out.pop(key, None)
        self._tellings.pop(key)

    def _take(self, task: Task) -> Snapshot:
        key = id(task)
        del self.tasks[key]
        left_out = self._left_out.pop(key, 0) if self._left_out else 0
        told = self._tellings.pop(key)
        return snapshot(task, self._newest.pop(key, None), left_out, told)

    def _put_back(self, task: Task, row: Snapshot) -> None:
        key = id(task)
        both = entries(row.newest) + entries(self._newest.get(key))
        if newest := chain(both[: self._max_events]):
            self._newest[key] = newest
        self._tellings.put_back(key, row.told)
        left_out = row.left_out + self._left_out.get(key, 0) + len(both[self._max_events :])
        if left_out:
            self._left_out[key] = left_out
