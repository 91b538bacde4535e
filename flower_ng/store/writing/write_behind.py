"""WriteBehind has the store thread write queued items, one batch after the other. On the loop.

Notes are the plainest of them: small records that survive a restart, by kind and key.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, Generic, Protocol, TypeVar

from flower_ng.store.tables.dialect import (
    DATABASE_ERRORS,
    SQLITE,
    Dialect,
    may_pass,
    trace_of,
    transaction,
)

log = logging.getLogger(__name__)

#: A reader waits no longer than this for a writer that has fallen behind.
READER_WAITS_S: Final = 5.0

Lot = TypeVar("Lot")
Key = TypeVar("Key")
Value = TypeVar("Value")


def on_loop(callback: Callable[[], None]) -> "Callable[[Future[Any]], None]":
    """Return what has the running loop call back, from whatever thread, unless it has ended."""
    loop = asyncio.get_running_loop()

    def call(_: "Future[Any]") -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(callback)

    return call


class StoreThread(Protocol):
    """The thread that alone writes."""

    def run(self, job: Callable[[sqlite3.Connection], None], /) -> "Future[None]":
        """Run a job on its connection, after what was handed in before."""


class WriteBehind(Generic[Lot]):
    """Takes what waits as one lot, and has it written while the next gathers.

    `take` returns all that waits, None where nothing does. `write` writes all of a lot or none, on
    the store thread. One that the database failed to take now goes to `put_back`, to be written
    with what comes next; what it would never take goes to `give_up`, for it holds up the rest.
    `failing` says why the newest write failed, None when it did not. `about` names what it is of.
    """

    def __init__(
        self,
        about: str,
        *,
        take: Callable[[], Lot | None],
        write: Callable[[sqlite3.Connection, Lot], None],
        put_back: Callable[[Lot], None],
        give_up: Callable[[Lot], None] = lambda _: None,
    ) -> None:
        self.failing: str | None = None
        self._about = about
        self._take = take
        self._write = write
        self._put_back = put_back
        self._give_up = give_up
        self._thread: StoreThread | None = None
        self._under_way: tuple[Lot, Future[None]] | None = None
        self._readers: list[asyncio.Future[None]] = []

    def open(self, thread: StoreThread) -> None:
        """Write on this thread from now on."""
        self._thread = thread

    @property
    def is_open(self) -> bool:
        """Whether there is a thread to write on."""
        return self._thread is not None

    def start(self) -> None:
        """Hand over what waits, unless a lot is under way."""
        if self._under_way is not None and self._under_way[1].done():
            self._finish()
        if self._under_way is not None or self._thread is None or (lot := self._take()) is None:
            return
        future = self._thread.run(lambda connection: self._write(connection, lot))
        self._under_way = lot, future
        with suppress(RuntimeError):  # no loop is running
            future.add_done_callback(on_loop(lambda: self._written(future)))

    def flush(self) -> None:
        """Write what is under way and what waits, now; blocks. What can't be written stays."""
        self._finish()
        self.start()
        self._finish()

    def stop(self) -> None:
        """Write what is left, and take no more; blocks."""
        self.flush()
        self._thread = None

    async def settled(self) -> None:
        """Return when what waits by now is written, or the writer fails or is late."""
        await self._done()
        self.start()
        await self._done()

    async def _done(self) -> None:
        if self._under_way is not None:
            reader = asyncio.get_running_loop().create_future()
            self._readers.append(reader)
            await asyncio.wait([reader], timeout=READER_WAITS_S)

    def _written(self, future: "Future[None]") -> None:
        if self._under_way is not None and self._under_way[1] is future:
            self._finish()

    def _finish(self) -> None:
        """Wait for the lot under way, and see what became of it."""
        if self._under_way is None:
            return
        lot, future = self._under_way
        error = future.exception()
        self._under_way = None
        if error is not None and may_pass(error):
            self._put_back(lot)
        elif error is not None:
            self._give_up(lot)
        self._note(error)
        for reader in self._readers:
            if not reader.done():
                reader.set_result(None)
        self._readers = []

    def _note(self, error: BaseException | None) -> None:
        """Log the first of several failures."""
        if error is not None and self.failing is None:
            trace = trace_of(error)
            log.error("The %s could not be written: %s", self._about, error, exc_info=trace)
        self.failing = None if error is None else str(error)


class Records(Generic[Key, Value]):
    """Records by key that wait to be written; the newest of a key counts."""

    def __init__(self) -> None:
        self._waiting: dict[Key, Value] = {}

    def put(self, key: Key, value: Value) -> None:
        """Have a record wait."""
        self._waiting[key] = value

    def take(self) -> dict[Key, Value] | None:
        """Return all that wait, which then no longer do."""
        taken, self._waiting = self._waiting, {}
        return taken or None

    def put_back(self, taken: dict[Key, Value]) -> None:
        """Have these wait again, unless there is newer of the same key."""
        self._waiting = taken | self._waiting


#: Records of a kind that are read, the newest; and how long they are kept.
MOST: Final = 2000
KEPT_S: Final = 90 * 86_400.0

PUT_NOTE: Final = (
    "INSERT INTO note (kind, key, at, record) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (kind, key) DO UPDATE SET at = excluded.at, record = excluded.record"
)
DROP_NOTE: Final = "DELETE FROM note WHERE kind = ? AND key = ?"
_READ: Final = "SELECT key, record FROM note WHERE kind = ? ORDER BY at DESC, key LIMIT ?"
_SINCE: Final = "SELECT key, at FROM note WHERE kind = ? AND at >= ? ORDER BY at"
#: The kind of which the keys are times; it is kept for as long as is asked for.
BY_TIME: Final = "audit"
_FORGET: Final = f"DELETE FROM note WHERE at < ? AND kind <> '{BY_TIME}'"
_FORGET_BY_TIME: Final = f"DELETE FROM note WHERE kind = '{BY_TIME}' AND key < ?"


#: The kind and the key,
NoteKey = tuple[str, str]
#: and the time with the record; None deletes it.
Note = tuple[float, str | None]


def by_time(at: float) -> str:
    """Return the beginning of a key that stands in the order of times."""
    return f"{max(0.0, at):017.6f}"


class Notes:
    """What is written with `put` is there again with `read`, after a restart too."""

    def __init__(self, dialect: Dialect = SQLITE, audit_s: float | None = KEPT_S) -> None:
        self._dialect, self._audit_s = dialect, audit_s
        self._thread: StoreThread | None = None
        self._waiting: Records[NoteKey, Note] = Records()
        self._behind = WriteBehind(
            "notes", take=self._waiting.take, write=self._keep, put_back=self._waiting.put_back
        )

    def open(self, thread: StoreThread, now: float) -> None:
        """Make the table where it is not there, and drop what is too old; blocks."""
        thread.run(lambda connection: self._prepare(connection, now)).result()
        self._thread = thread
        self._behind.open(thread)

    def read(self, kind: str) -> dict[str, str]:
        """Return the newest records of a kind by their keys; blocks."""
        self._behind.flush()
        return self.fetch(kind).result()

    def fetch(self, kind: str) -> "Future[dict[str, str]]":
        """Return the newest records of a kind that are written, by their keys."""
        return self._asked(
            lambda connection: dict(connection.execute(_READ, (kind, MOST)).fetchall())
        )

    async def newest(self, kind: str) -> dict[str, str] | None:
        """Return what `fetch` does, once what was put is written; None where it can't be read."""
        await self.settled()
        try:
            return await asyncio.wrap_future(self.fetch(kind))
        except DATABASE_ERRORS:
            return None

    def all_since(self, kind: str, at: float) -> "Future[dict[str, float]]":
        """Return when each record of a kind was of a time or later, the oldest first."""
        return self._asked(
            lambda connection: dict(connection.execute(_SINCE, (kind, at)).fetchall())
        )

    def _asked(
        self, ask: Callable[[sqlite3.Connection], dict[str, Value]]
    ) -> "Future[dict[str, Value]]":
        """Return what is read on the store thread; nothing while there is none."""
        found: Future[dict[str, Value]] = Future()
        if self._thread is None:
            found.set_result({})
            return found

        def read(connection: sqlite3.Connection) -> None:
            found.set_result(ask(connection))

        def failed(job: "Future[None]") -> None:
            if error := job.exception():
                found.set_exception(error)

        self._thread.run(read).add_done_callback(failed)
        return found

    def put(self, kind: str, key: str, record: str | None, at: float) -> None:
        """Have a record written; None deletes it."""
        self._waiting.put((kind, key), (at, record))
        self._behind.start()

    async def settled(self) -> None:
        """Return when what was put is written, or can't be now."""
        await self._behind.settled()

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

    def _keep(self, connection: sqlite3.Connection, notes: Mapping[NoteKey, Note]) -> None:
        with transaction(connection):
            for (kind, key), (at, record) in notes.items():
                if record is None:
                    connection.execute(DROP_NOTE, (kind, key))
                else:
                    connection.execute(PUT_NOTE, (kind, key, at, record))
            newest = max((at for (kind, _), (at, _) in notes.items() if kind == BY_TIME), default=0)
            if newest and self._audit_s is not None:
                connection.execute(_FORGET_BY_TIME, (by_time(newest - self._audit_s),))
