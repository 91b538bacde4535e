"""Writes the imported tasks into the store, by the store's merge rules. Blocking, at the start.

Doing it twice, or after a crash, changes nothing: a task that is known already is merged, never
moved back, and of each count the greater one stays.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from flower_ng.errors import FlowerError
from flower_ng.records import Task
from flower_ng.store.flower_file.content import Host, times
from flower_ng.store.flower_file.process import reading
from flower_ng.store.flower_file.shelf import Shelf, shelf_at
from flower_ng.store.tables.dialect import DATABASE_ERRORS, Dialect
from flower_ng.store.tables.timeline import Entry, chain
from flower_ng.store.writing.changes import Batch
from flower_ng.store.writing.snapshots import Snapshot, snapshot
from flower_ng.store.writing.writer import Writer

if TYPE_CHECKING:
    from concurrent.futures import Future


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How much a file of Flower's held; `left_out` counts what was unusable, by what it is."""

    shelf: Shelf
    tasks: int
    workers: int
    hosts: int
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Say it in one line."""
        said = (
            f"Imported from {self.shelf.path} ({self.shelf.form}): {_number(self.tasks, 'task')},"
            f" {_number(self.workers, 'worker')}, event counts of {_number(self.hosts, 'host')}"
        )
        left_out = ", ".join(f"{count} {what}" for what, count in sorted(self.left_out.items()))
        return f"{said}. Unusable and left out: {left_out}" if left_out else said


class Importer:
    """Merges into what `writer` writes; its errors are FlowerErrors."""

    def __init__(self, writer: Writer, dialect: Dialect) -> None:
        self._writer = writer
        self._dialect = dialect

    def is_imported(self, shelf: Shelf) -> bool:
        """Whether the file was imported as it is now."""
        known: list[tuple[str]] = []
        query = "SELECT value FROM meta WHERE key = ?"
        self._done(lambda connection: known.extend(connection.execute(query, (_key(shelf),))))
        return known == [(shelf.version,)]

    def bring(self, shelf: Shelf) -> ImportResult:
        """Import a file, and remember that it was."""
        version = shelf.version
        with reading(shelf) as found:
            hosts = found.head.hosts
            for tasks in found.tasks():
                self._wait(self._writer.write(_batch(tasks)))
            self._done(lambda connection: self._write_hosts(connection, hosts))
            self._done(lambda connection: self._remember(connection, _key(shelf), version))
            workers = sum(host.worker is not None for host in hosts)
            counted = sum(bool(host.counts) for host in hosts)
            return ImportResult(shelf, found.head.tasks, workers, counted, found.head.left_out)

    def _write_hosts(self, connection: sqlite3.Connection, hosts: Sequence[Host]) -> None:
        """Add workers that are not known, and what is more in counts than is known."""
        with connection:
            connection.execute(self._dialect.begin)
            known = dict(connection.execute("SELECT hostname, counts FROM counter"))
            for host in hosts:
                if host.worker is not None:
                    _put(connection, "worker", "record", host.hostname, host.worker, "NOTHING")
                if host.counts:
                    counts = _greater(host.counts, known.get(host.hostname, "{}"))
                    update = "UPDATE SET counts = excluded.counts"
                    _put(connection, "counter", "counts", host.hostname, counts, update)

    def _remember(self, connection: sqlite3.Connection, key: str, version: str) -> None:
        with connection:
            connection.execute(self._dialect.begin)
            connection.execute(
                "INSERT INTO meta (key, value) VALUES (?, ?)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, version),
            )

    def _done(self, job: Callable[[sqlite3.Connection], None]) -> None:
        self._wait(self._writer.run(job))

    def _wait(self, future: "Future[None]") -> None:
        try:
            future.result()
        except DATABASE_ERRORS as error:
            raise FlowerError(f"The store cannot be written: {error}") from error


def found_at(path: Path) -> Shelf:
    """Return the file that a Flower with this `db` left; FlowerError where there is none."""
    shelf = shelf_at(path)
    if shelf is None:
        raise FlowerError(
            f"There is no file of Flower's at {path}: name what its option db named"
            " (flower is its default, in the folder where it was started)"
        )
    return shelf


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _key(shelf: Shelf) -> str:
    return f"imported {shelf.path.absolute()}"


def _batch(tasks: Sequence[Task]) -> Batch:
    return Batch([], [_snapshot(task) for task in tasks], {}, {}, {}, set())


def _snapshot(task: Task) -> Snapshot:
    """Take a task with a timeline: each time that Flower has is that of an event."""
    return snapshot(task, chain(sorted(_entries(task), key=lambda entry: entry.at)))


def _entries(task: Task) -> list[Entry]:
    worker = task.worker.hostname if task.worker else ""
    whose = {"sent": task.client or ""}
    known = times(task)
    newest_fault = max(known.keys() & {"retried", "failed"}, key=known.__getitem__, default="")
    said = {newest_fault: task.exception}
    return [
        Entry(f"task-{name}", at, whose.get(name, worker), said.get(name))
        for name, at in known.items()
    ]


def _greater(counts: Mapping[str, int], known: str) -> dict[str, int]:
    """Return the greater of the counts: whoever counted less was not there all the time."""
    before = msgspec.json.decode(known, type=dict[str, int])
    return {kind: max(counts.get(kind, 0), before.get(kind, 0)) for kind in {**before, **counts}}


def _put(
    connection: sqlite3.Connection, table: str, column: str, host: str, value: Any, otherwise: str
) -> None:
    connection.execute(
        f"INSERT INTO {table} (hostname, {column}) VALUES (?, ?)"
        f" ON CONFLICT (hostname) DO {otherwise}",
        (host, msgspec.json.encode(value).decode()),
    )
