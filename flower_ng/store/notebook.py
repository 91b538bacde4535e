"""Notebook: small records that outlast a restart, by kind and key. On the loop.

The store thread writes them; what it could not write is written with what comes next.
"""

import logging
import sqlite3
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from flower_ng.store.dialect import SQLITE, Dialect

if TYPE_CHECKING:
    from concurrent.futures import Future

log = logging.getLogger(__name__)

#: Records of a kind that are read, the newest; and how long they are kept.
MOST: Final = 2000
KEPT_S: Final = 90 * 86_400.0

_PUT: Final = (
    "INSERT INTO note (kind, key, at, record) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (kind, key) DO UPDATE SET at = excluded.at, record = excluded.record"
)
_DROP: Final = "DELETE FROM note WHERE kind = ? AND key = ?"
_READ: Final = "SELECT key, record FROM note WHERE kind = ? ORDER BY at DESC, key LIMIT ?"
_FORGET: Final = "DELETE FROM note WHERE at < ?"


class StoreThread(Protocol):
    """The thread that alone writes."""

    def run(self, job: Callable[[sqlite3.Connection], None], /) -> "Future[None]":
        """Run a job on its connection, after what was handed in before."""


#: By kind and key: the time, and the record; None deletes it.
Notes = Mapping[tuple[str, str], tuple[float, str | None]]


class Notebook:
    """What is written with `put` is there again with `read`, after a restart too."""

    def __init__(self, dialect: Dialect = SQLITE) -> None:
        self._dialect = dialect
        self._thread: StoreThread | None = None
        self._waiting: dict[tuple[str, str], tuple[float, str | None]] = {}
        self._under_way: tuple[Notes, Future[None]] | None = None
        self._found: dict[str, str] = {}

    def open(self, thread: StoreThread, now: float) -> None:
        """Make the table where it is not there, and drop what is too old; blocks."""
        thread.run(lambda connection: self._prepare(connection, now)).result()
        self._thread = thread

    def read(self, kind: str) -> dict[str, str]:
        """Return the newest records of a kind by their keys; blocks."""
        self.flush()
        if self._thread is not None:
            self._thread.run(lambda connection: self._fetch(connection, kind)).result()
        return self._found

    def put(self, kind: str, key: str, record: str | None, at: float) -> None:
        """Have a record written; None deletes it."""
        self._waiting[kind, key] = (at, record)
        self._settle()
        self._start()

    def flush(self) -> None:
        """Write what waits; blocks. What can't be written stays."""
        for _ in range(2):  # what is under way, and what waits for it
            if self._under_way is not None:
                self._under_way[1].exception()
            self._settle()
            self._start()

    def stop(self) -> None:
        """Write what waits, and end; blocks."""
        self.flush()
        self._thread = None

    def _start(self) -> None:
        if self._thread is None or self._under_way is not None or not self._waiting:
            return
        notes, self._waiting = self._waiting, {}
        self._under_way = notes, self._thread.run(lambda connection: self._keep(connection, notes))

    def _settle(self) -> None:
        """Put back what a job that has ended could not write."""
        if self._under_way is None or not self._under_way[1].done():
            return
        notes, future = self._under_way
        self._under_way = None
        error = future.exception()
        if error is not None:
            log.warning("%d notes could not be written yet: %s", len(notes), error)
            self._waiting = {**notes, **self._waiting}

    # On the store thread

    def _prepare(self, connection: sqlite3.Connection, now: float) -> None:
        text, real = self._dialect.type("TEXT"), self._dialect.type("REAL")
        with connection:
            connection.execute(self._dialect.begin)
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS note (kind {text} NOT NULL, key {text} NOT NULL,"
                f" at {real} NOT NULL, record {text} NOT NULL, PRIMARY KEY (kind, key))"
            )
            connection.execute(_FORGET, (now - KEPT_S,))

    def _fetch(self, connection: sqlite3.Connection, kind: str) -> None:
        self._found = dict(connection.execute(_READ, (kind, MOST)).fetchall())

    def _keep(self, connection: sqlite3.Connection, notes: Notes) -> None:
        with connection:
            connection.execute(self._dialect.begin)
            for (kind, key), (at, record) in notes.items():
                if record is None:
                    connection.execute(_DROP, (kind, key))
                else:
                    connection.execute(_PUT, (kind, key, at, record))
