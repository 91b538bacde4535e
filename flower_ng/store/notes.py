"""Notes: small records that survive a restart, by kind and key. On the loop.

The store thread writes them; what it could not write is written with what comes next.
"""

import logging
import sqlite3
from collections.abc import Mapping
from typing import Final

from flower_ng.store.tables.dialect import SQLITE, Dialect, transaction
from flower_ng.store.writing.write_behind import Records, StoreThread, WriteBehind

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


#: The kind and the key,
Key = tuple[str, str]
#: and the time with the record; None deletes it.
Note = tuple[float, str | None]


class Notes:
    """What is written with `put` is there again with `read`, after a restart too."""

    def __init__(self, dialect: Dialect = SQLITE) -> None:
        self._dialect = dialect
        self._thread: StoreThread | None = None
        self._waiting: Records[Key, Note] = Records()
        self._behind = WriteBehind(
            "notes", take=self._waiting.take, write=self._keep, put_back=self._waiting.put_back
        )
        self._found: dict[str, str] = {}

    def open(self, thread: StoreThread, now: float) -> None:
        """Make the table where it is not there, and drop what is too old; blocks."""
        thread.run(lambda connection: self._prepare(connection, now)).result()
        self._thread = thread
        self._behind.open(thread)

    def read(self, kind: str) -> dict[str, str]:
        """Return the newest records of a kind by their keys; blocks."""
        self._behind.flush()
        if self._thread is not None:
            self._thread.run(lambda connection: self._fetch(connection, kind)).result()
        return self._found

    def put(self, kind: str, key: str, record: str | None, at: float) -> None:
        """Have a record written; None deletes it."""
        self._waiting.put((kind, key), (at, record))
        self._behind.start()

    def stop(self) -> None:
        """Write what waits, and end; blocks."""
        self._behind.stop()
        self._thread = None

    # On the store thread

    def _prepare(self, connection: sqlite3.Connection, now: float) -> None:
        text, real = self._dialect.type("TEXT"), self._dialect.type("REAL")
        with transaction(connection):
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS note (kind {text} NOT NULL, key {text} NOT NULL,"
                f" at {real} NOT NULL, record {text} NOT NULL, PRIMARY KEY (kind, key))"
            )
            connection.execute(_FORGET, (now - KEPT_S,))

    def _fetch(self, connection: sqlite3.Connection, kind: str) -> None:
        self._found = dict(connection.execute(_READ, (kind, MOST)).fetchall())

    def _keep(self, connection: sqlite3.Connection, notes: Mapping[Key, Note]) -> None:
        with transaction(connection):
            for (kind, key), (at, record) in notes.items():
                if record is None:
                    connection.execute(_DROP, (kind, key))
                else:
                    connection.execute(_PUT, (kind, key, at, record))
