"""Imports Flower's file: a process of its own unpickles it, and its records go into the store.

Blocking, at the start. Unpickling takes much memory, and a hostile pickle can exhaust the stack or
the memory of the process that reads it: in one of its own both go with that process, and the
dashboard lives on. It writes JSON lines: hosts first, then tasks. They are written by the store's
merge rules. Doing it twice, or after a crash, changes nothing: a task that is known already is
merged, never moved back, and of each count the greater one stays.
"""

import logging
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

import msgspec

from flower_ng.errors import FlowerError
from flower_ng.records import Task
from flower_ng.redaction import NO_REDACTION, Redactor
from flower_ng.store.flower_file.content import Content, Host, times, unpickled
from flower_ng.store.flower_file.shelf import Shelf, UnreadableError, shelf_at
from flower_ng.store.tables.dialect import DATABASE_ERRORS, json_text, transaction
from flower_ng.store.tables.timeline import Entry, chain
from flower_ng.store.writing.changes import Batch
from flower_ng.store.writing.snapshots import Snapshot, snapshot
from flower_ng.store.writing.writer import Writer

if TYPE_CHECKING:
    from concurrent.futures import Future

if sys.platform != "win32":
    import resource

#: Tasks of one line.
LINE_TASKS: Final = 512
#: Five million tasks.
MAX_FILE_BYTES: Final = 2 << 30
#: The memory that the process may take: so much, and so many times the file, which is twice what
#: Flower's own files need.
MEMORY_BYTES: Final = 1 << 30
MEMORY_TIMES: Final = 16


class Head(msgspec.Struct):
    """The first line: what is wrong with the file; else its hosts, how many tasks follow."""

    error: str | None = None
    hosts: list[Host] = []
    tasks: int = 0
    left_out: dict[str, int] = {}


class Reading:
    """What a file holds: its `head`, and its tasks in lists, each of which can be had once."""

    def __init__(self, shelf: Shelf, lines: IO[bytes]) -> None:
        self._shelf = shelf
        self._lines = lines
        self.head = self._head()

    def tasks(self) -> Iterator[list[Task]]:
        """Yield the tasks, the oldest first; FlowerError where they end early."""
        decode = msgspec.json.Decoder(list[Task]).decode
        read = 0
        for line in self._lines:
            tasks = decode(line)
            read += len(tasks)
            yield tasks
        if read != self.head.tasks:
            raise unreadable(self._shelf, f"its reader ended at task {read} of {self.head.tasks}")

    def _head(self) -> Head:
        line = self._lines.readline()
        if not line:
            raise unreadable(self._shelf, "its reader was ended: the file is damaged, or too large")
        head = msgspec.json.decode(line, type=Head)
        if head.error is not None:
            raise unreadable(self._shelf, head.error)
        return head


def unreadable(shelf: Shelf, why: str) -> FlowerError:
    """Say that nothing (more) comes from a file."""
    return FlowerError(f"{shelf.path} ({shelf.form}) could not be read: {why}")


@contextmanager
def reading(shelf: Shelf) -> Iterator[Reading]:
    """Have a process read the file while the context lasts; FlowerError says what is wrong."""
    main = write_lines.__name__
    code = f"from {__name__} import {main}; {main}()"
    command = [sys.executable, "-c", code, str(shelf.path), shelf.form]
    with subprocess.Popen(  # noqa: S603 - our own Python, and a path that is no option
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as process:
        try:
            yield Reading(shelf, cast("IO[bytes]", process.stdout))
        finally:
            process.kill()


def write_lines() -> None:
    """Write the lines of the file that is named by path and form: the subprocess."""
    shelf, out = Shelf(Path(sys.argv[1]), sys.argv[2]), sys.stdout.buffer
    try:
        content = _content(shelf)
    except Exception as error:  # noqa: BLE001 - a damaged pickle can raise anything
        why = str(error) if isinstance(error, UnreadableError) else f"it is damaged ({error!r})"
        out.write(msgspec.json.encode(Head(why)) + b"\n")
        return
    tasks = content.tasks
    head = Head(None, content.hosts, len(tasks), content.left_out)
    out.write(msgspec.json.encode(head) + b"\n")
    for start in range(0, len(tasks), LINE_TASKS):
        out.write(msgspec.json.encode(tasks[start : start + LINE_TASKS]) + b"\n")


def _content(shelf: Shelf) -> Content:
    size = shelf.path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise UnreadableError(f"its {size} bytes are too many")
    _limit_memory(MEMORY_BYTES + MEMORY_TIMES * size)
    events, counter = shelf.pickles()
    if events is None:
        raise UnreadableError("it is empty, or not Flower's")
    return Content(unpickled(events), {} if counter is None else unpickled(counter))


def _limit_memory(size_bytes: int) -> None:
    if sys.platform != "win32":
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        soft = size_bytes if most == resource.RLIM_INFINITY else min(size_bytes, most)
        resource.setrlimit(resource.RLIMIT_AS, (soft, most))


log = logging.getLogger(__name__)


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


def is_imported(shelf: Shelf, writer: Writer) -> bool:
    """Whether a file was imported as it is now."""
    known: list[tuple[str]] = []
    query = "SELECT value FROM meta WHERE key = ?"
    _wait(writer.run(lambda connection: known.extend(connection.execute(query, (_key(shelf),)))))
    return known == [(shelf.version,)]


def import_once(
    path: Path, writer: Writer, redactor: Redactor, warn: Callable[[str], None]
) -> None:
    """Merge in what a Flower kept at `path`, unless that was done; blocks.

    A file that cannot be used is warned about, and does not keep anything from starting.
    """
    try:
        shelf = shelf_at(path)
        if shelf is not None and not is_imported(shelf, writer):
            log.info("Importing what Flower kept at %s, once.", shelf.path)
            log.info("%s.", bring(shelf, writer, redactor))
    except (FlowerError, OSError) as error:
        warn(f"{error}. What Flower kept is missing in the history.")


def bring(shelf: Shelf, writer: Writer, redactor: Redactor = NO_REDACTION) -> ImportResult:
    """Merge a file into what `writer` writes, and remember that; FlowerError where that fails."""
    version = shelf.version
    with reading(shelf) as found:
        hosts = found.head.hosts
        for tasks in found.tasks():
            for task in tasks:
                _hide(task, redactor)
            _merge(writer, tasks)
        _wait(writer.run(lambda connection: _write_hosts(connection, hosts)))
        _wait(writer.run(lambda connection: _remember(connection, _key(shelf), version)))
        workers = sum(host.worker is not None for host in hosts)
        counted = sum(bool(host.counts) for host in hosts)
        return ImportResult(shelf, found.head.tasks, workers, counted, found.head.left_out)


def _merge(writer: Writer, tasks: Sequence[Task]) -> None:
    batch = Batch([], [_snapshot(task) for task in tasks], {}, {}, {}, set())
    _wait(writer.run(lambda _: writer.write(batch)))


def _hide(task: Task, redactor: Redactor) -> None:
    """Hide the secrets of a task that was kept with them."""
    for name in ("args", "kwargs", "result", "exception", "traceback"):
        text = getattr(task, name)
        if text is not None:
            setattr(task, name, redactor.text(text, is_traceback=name == "traceback"))


def _write_hosts(connection: sqlite3.Connection, hosts: Sequence[Host]) -> None:
    """Add workers that are not known, and what is more in counts than is known."""
    with transaction(connection):
        known = dict(connection.execute("SELECT hostname, counts FROM counter"))
        for host in hosts:
            if host.worker is not None:
                _put(connection, "worker", "record", host.hostname, host.worker, "NOTHING")
            if host.counts:
                counts = _greater(host.counts, known.get(host.hostname, "{}"))
                update = "UPDATE SET counts = excluded.counts"
                _put(connection, "counter", "counts", host.hostname, counts, update)


def _remember(connection: sqlite3.Connection, key: str, version: str) -> None:
    with transaction(connection):
        connection.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, version),
        )


def _wait(future: "Future[None]") -> None:
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
        (host, json_text(value)),
    )
