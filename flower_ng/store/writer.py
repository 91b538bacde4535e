"""The one thread that writes: each Batch is one transaction; others have jobs run on it."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import msgspec

from flower_ng.store.marks import Batch
from flower_ng.store.merge import scrubbed, statements
from flower_ng.store.retention import Sweep


class Writer:
    """Writes batches to `connection`, which from now on is the store thread's alone.

    `sweep` is told of each new row, and keeps the bounds. sqlite3 lets go of the interpreter at
    every step and waits to get it back, so that what is written goes in few statements of many
    rows.
    """

    def __init__(self, connection: sqlite3.Connection, sweep: Sweep) -> None:
        self._connection = connection
        self._sweep = sweep
        sweep.open(connection)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="flower_ng-store")

    def write(self, batch: Batch) -> "Future[None]":
        """Write a batch after those handed in before; the future carries an sqlite3.Error."""
        return self._thread.submit(self._write, batch)

    def run(self, job: Callable[[sqlite3.Connection], None]) -> "Future[None]":
        """Run a job on the connection after what was handed in before; its error is the future's.

        The job makes its own transactions, and takes some milliseconds.
        """
        return self._thread.submit(job, self._connection)

    def close(self) -> None:
        """Write what was handed in, then close; blocks."""
        self._thread.submit(self._connection.close).result()
        self._thread.shutdown()

    def _write(self, batch: Batch) -> None:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            added = self._write_tasks(batch.rows)
            self._write_hosts(batch)
        self._sweep.wrote(self._connection, added)

    def _write_tasks(self, rows: Sequence[tuple[Any, ...]]) -> int:
        """Return how many rows are new: an upsert that finds its row takes no new id."""
        newest = "SELECT coalesce(max(id), 0) FROM task"
        before = _number(self._connection, newest)
        try:
            self._merge(rows)
        except (UnicodeError, OverflowError):
            self._merge([scrubbed(row) for row in rows])
        return _number(self._connection, newest) - before

    def _merge(self, rows: Sequence[tuple[Any, ...]]) -> None:
        for statement, parameters in statements(rows):
            self._connection.execute(statement, parameters)

    def _write_hosts(self, batch: Batch) -> None:
        for table in ("worker", "counter"):
            gone = f"DELETE FROM {table} WHERE hostname IN (SELECT value FROM json_each(?))"
            self._connection.execute(gone, (_json(list(batch.forgotten)),))
        self._replace("worker", "record", batch.workers)
        self._replace("counter", "counts", batch.counters)

    def _replace(self, table: str, column: str, rows: Mapping[str, object]) -> None:
        """Write rows of a host name and JSON; a host that is there keeps its place."""
        self._connection.execute(
            f"INSERT INTO {table} (hostname, {column})"
            " SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)"
            f" WHERE true ON CONFLICT (hostname) DO UPDATE SET {column} = excluded.{column}",
            (_json(list(rows.items())),),
        )


def _number(connection: sqlite3.Connection, query: str) -> int:
    number: int = connection.execute(query).fetchone()[0]
    return number


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
