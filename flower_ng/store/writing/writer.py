"""The store thread: writes each batch in one transaction, and runs other jobs between."""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from flower_ng.store.tables.dialect import (
    ADDED,
    REFUSALS,
    SQLITE,
    Dialect,
    RefusedError,
    json_text,
    transaction,
)
from flower_ng.store.writing.changes import Batch
from flower_ng.store.writing.joining import Joining
from flower_ng.store.writing.linked_rows import Numbering
from flower_ng.store.writing.retention import Sweep
from flower_ng.store.writing.snapshots import BOUNDS, Bounds, Snapshot, merge_statements, scrubbed

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
        sweep: Sweep,
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

    def write(self, batch: Batch) -> "Future[None]":
        """Write a batch after those handed in before; the future carries the database's error.

        Rows that the database takes are written all the same where it refuses others: RefusedError.
        """
        return self._thread.submit(self._timed, lambda: self._write(batch))

    def run(self, job: Callable[[sqlite3.Connection], None]) -> "Future[None]":
        """Run a job on the connection after what was handed in before; its error is the future's.

        The job makes its own transactions, and takes some milliseconds.
        """
        return self._thread.submit(self._timed, lambda: job(self._connection))

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

    def _write(self, batch: Batch) -> None:
        try:
            added = self._write_whole(batch, batch.rows)
            refused: list[Exception] = []
        except (UnicodeError, OverflowError, *REFUSALS):
            added, refused = self._write_apart(batch, [scrubbed(row) for row in batch.rows])
        self._sweep.wrote(self._connection, added)
        if refused:
            raise RefusedError(str(refused[0]), len(refused)) from refused[0]

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
        with transaction(self._connection):
            added = self._write_tasks(rows)
            self._write_hosts(batch)
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


def _number(connection: sqlite3.Connection, query: str) -> int:
    number: int = connection.execute(query).fetchone()[0]
    return number
