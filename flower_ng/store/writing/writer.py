"""The store thread: writes each batch in one transaction, deletes, and runs other jobs between.

What belongs to tasks goes with them: reruns, tracebacks, and the log of the index. Triggers could
note what changed for that, and cost a quarter of the time of writing and half of that of deleting:
with one on a table, SQLite first puts the rows of a statement in a table of its own.
"""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from flower_ng.store.tables.dialect import (
    ADDED,
    REFUSALS,
    SQLITE,
    Dialect,
    RefusedError,
    is_full,
    json_text,
    transaction,
)
from flower_ng.store.tables.schema import SHARED
from flower_ng.store.writing.changes import Batch
from flower_ng.store.writing.joining import Joining
from flower_ng.store.writing.snapshots import BOUNDS, Bounds, Snapshot, merge_statements, scrubbed

if TYPE_CHECKING:
    from flower_ng.store.writing.retention import Sweep

#: A write takes a fraction of a second; one that takes longer than this waits for a database that
#: does not answer.
SILENT_S: Final = 5.0


class Writer:
    """Writes batches to `connection`, which from now on is the store thread's alone.

    `sweep` is told of each new row, and keeps the bounds. sqlite3 lets go of the interpreter at
    every step and waits to get it back, so that what is written goes in few statements of many
    rows.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        sweep: "Sweep",
        bounds: Bounds = BOUNDS,
        dialect: Dialect = SQLITE,
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        self._sweep = sweep
        self._bounds = bounds
        self._joining = Joining(connection, dialect)
        self._numbering = None if dialect.is_shared else Numbering(connection)
        sweep.open(connection)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="flower_ng-store")
        #: When the job under way began, on the monotonic clock.
        self._began: float | None = None

    @property
    def busy_s(self) -> float:
        """For how many seconds the job under way has lasted; 0 where there is none."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    @property
    def is_silent(self) -> bool:
        """Whether the database does not answer."""
        return self.busy_s >= SILENT_S

    def run(self, job: Callable[[sqlite3.Connection], None]) -> "Future[None]":
        """Run a job on the connection after what was handed in before; its error is the future's.

        The job makes its own transactions, and takes some milliseconds.
        """
        return self._thread.submit(self._timed, lambda: job(self._connection))

    def write(self, batch: Batch) -> None:
        """Write a batch, in a job on the store thread.

        Rows that the database takes are written all the same where it refuses others: RefusedError.
        """
        try:
            added = self._write_whole(batch, batch.rows)
            refused: list[Exception] = []
        except (UnicodeError, OverflowError, *REFUSALS):
            added, refused = self._write_apart(batch, [scrubbed(row) for row in batch.rows])
        self._sweep.wrote(self._connection, added)
        if refused:
            raise RefusedError(str(refused[0]), len(refused)) from refused[0]

    def close(self) -> None:
        """Write what was handed in, then close; blocks."""
        self._thread.submit(self._connection.close).result()
        self._thread.shutdown()

    def _timed(self, job: Callable[[], None]) -> None:
        self._began = time.monotonic()
        try:
            job()
        finally:
            self._began = None

    def _write_apart(self, batch: Batch, rows: Sequence[Snapshot]) -> tuple[int, list[Exception]]:
        """Write all rows but those that are refused; return how many tasks are new, and why not."""
        try:
            return self._write_whole(batch, rows), []
        except REFUSALS as error:
            if len(rows) <= 1:
                return 0, [error]
        half = len(rows) // 2
        parts = [self._write_apart(batch, some) for some in (rows[:half], rows[half:])]
        return sum(added for added, _ in parts), [error for _, some in parts for error in some]

    def _write_whole(self, batch: Batch, rows: Sequence[Snapshot]) -> int:
        """Write a batch in one transaction; return how many tasks are new."""
        try:
            with transaction(self._connection):
                added = self._write_tasks(rows)
                self._write_hosts(batch)
        except sqlite3.OperationalError as error:
            if is_full(error):  # deletions may have made room where the log has none: try later
                empty_log(self._connection)
            raise
        return added

    def _write_tasks(self, rows: Sequence[Snapshot]) -> int:
        """Return how many rows are new."""
        if self._numbering is None:
            before = _number(self._connection, ADDED)
            self._merge(rows)
            return _number(self._connection, ADDED) - before
        self._numbering.begin()
        self._merge(rows)
        return self._numbering.end([row.uuid for row in rows])

    def _merge(self, rows: Sequence[Snapshot]) -> None:
        rows = self._joining.joined(rows)
        for statement, parameters in merge_statements(rows, self._dialect, self._bounds):
            self._connection.execute(statement, parameters)

    def _write_hosts(self, batch: Batch) -> None:
        for table in ("worker", "counter"):
            gone = f"SELECT value FROM {self._dialect.each()}"
            self._connection.execute(
                f"DELETE FROM {table} WHERE hostname IN ({gone})",
                (json_text(list(batch.forgotten)),),
            )
        self._replace("worker", "record", batch.workers)
        self._replace("counter", "counts", batch.counters)

    def _replace(self, table: str, column: str, rows: Mapping[str, object]) -> None:
        """Write rows of a host name and JSON; a host that is there keeps its place."""
        host, value = (self._dialect.item("value", index) for index in (0, 1))
        self._connection.execute(
            f"INSERT INTO {table} (hostname, {column})"
            f" SELECT {host}, {value} FROM {self._dialect.each('JSON')}"
            f" WHERE true ON CONFLICT (hostname) DO UPDATE SET {column} = excluded.{column}",
            (json_text(list(rows.items())),),
        )


def empty_log(connection: sqlite3.Connection) -> None:
    """Move SQLite's log into its file, as far as there is room, and give its own room back."""
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _number(connection: sqlite3.Connection, query: str) -> int:
    number: int = connection.execute(query).fetchone()[0]
    return number


_NOTE: Final = "INSERT INTO rerun (uuid, rerun_of) VALUES (?, ?) ON CONFLICT (uuid) DO NOTHING"


def note_rerun(connection: sqlite3.Connection, uuid: str, of: str) -> None:
    """Note that `uuid` is a rerun of the task `of`."""
    with transaction(connection):
        connection.execute(_NOTE, (uuid, of))


_UNUSED: Final = f"NOT EXISTS (SELECT 1 FROM task WHERE task.{SHARED} = {SHARED}.id)"


def delete_tasks(
    connection: sqlite3.Connection, dialect: Dialect, key: str, values: Sequence[Any]
) -> int:
    """Delete the tasks whose `key`, id or uuid, is one of the values; return how many there were.

    With them goes of what they were reruns, and their tracebacks that no other task has; all of it
    in one transaction. What the index may have of them is noted.
    """
    tasks = (
        f"{key} IN (SELECT each.value FROM {dialect.each('INTEGER' if key == 'id' else 'TEXT')})"
    )
    keys = json_text(values)
    shared = f"SELECT DISTINCT {SHARED} FROM task WHERE {SHARED} IS NOT NULL AND {tasks}"
    unused = f"id IN (SELECT each.value FROM {dialect.each('INTEGER')}) AND {_UNUSED}"
    with transaction(connection):
        ids = f"SELECT {dialect.array_of(SHARED)} FROM ({shared}) found"
        (tracebacks,) = connection.execute(ids, (keys,)).fetchone()
        gone = f"DELETE FROM rerun WHERE uuid IN (SELECT uuid FROM task WHERE {tasks})"
        connection.execute(gone, (keys,))
        if not dialect.is_shared:
            note_changed(connection, tasks, keys)
        number = connection.execute(f"DELETE FROM task WHERE {tasks}", (keys,)).rowcount
        connection.execute(f"DELETE FROM {SHARED} WHERE {unused}", (tracebacks,))
    return number


_NEWEST: Final = "SELECT coalesce(max(id), 0) FROM task"
#: A task that no event can name, whose id is the last that was given.
_PLACEHOLDER: Final = ""


class Numbering:
    """Watches a transaction that writes tasks, from `begin` to `end`; SQLite gives the ids.

    SQLite gives the highest id and one. Were the newest task deleted, its id would come back, and
    be taken for that of the deleted row which the index may still have.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        (sealed,) = connection.execute("SELECT id FROM sealed").fetchone()
        self._last: int = max(self._newest(), sealed)

    def begin(self) -> None:
        """See to it that the next id is a new one."""
        if self._newest() < self._last:
            self._connection.execute(
                "INSERT INTO task (id, uuid) VALUES (?, ?)", (self._last, _PLACEHOLDER)
            )

    def end(self, uuids: Sequence[str]) -> int:
        """Note which of the tasks that were written were there before; return how many were not."""
        newest = max(self._last, self._newest())
        added, self._last = newest - self._last, newest
        if added < len(uuids):
            self._connection.execute(
                "INSERT INTO stale SELECT task.id, epoch FROM json_each(?) each"
                " CROSS JOIN task ON task.uuid = each.value CROSS JOIN sealed"
                " WHERE task.id <= sealed.id ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch",
                (json_text(uuids),),
            )
        self._connection.execute("DELETE FROM task WHERE uuid = ?", (_PLACEHOLDER,))
        return added

    def _newest(self) -> int:
        newest: int = self._connection.execute(_NEWEST).fetchone()[0]
        return newest


def note_changed(connection: sqlite3.Connection, tasks: str, keys: str) -> None:
    """Note tasks that change or are about to be deleted, for the index may have them.

    `tasks` is a condition with one parameter, which is `keys`.
    """
    connection.execute(
        "INSERT INTO stale SELECT id, (SELECT epoch FROM sealed) FROM task"
        f" WHERE id <= (SELECT id FROM sealed) AND {tasks}"
        " ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch",
        (keys,),
    )
