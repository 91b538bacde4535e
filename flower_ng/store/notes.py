"""Notes are small records that survive a restart, by kind and key. On the loop."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final, TypeAlias, TypeVar

from flower_ng.errors import Unavailable
from flower_ng.store.tables.dialect import DATABASE_ERRORS, SQLITE, Dialect, transaction
from flower_ng.store.writing.write_behind import Records, StoreThread, WriteBehind

Value = TypeVar("Value")

#: Records of a kind that are read, the newest; and how long they are kept.
MOST: Final = 2000
KEPT_S: Final = 90 * 86_400.0

_PUT: Final = (
    "INSERT INTO note (kind, key, at, record) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (kind, key) DO UPDATE SET at = excluded.at, record = excluded.record"
)
_DROP: Final = "DELETE FROM note WHERE kind = ? AND key = ?"
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

    def read(self, kind: str, most: int = MOST) -> dict[str, str]:
        """Return the newest records of a kind by their keys; blocks."""
        self._behind.flush()
        return self.fetch(kind, most).result()

    def fetch(self, kind: str, most: int = MOST) -> "Future[dict[str, str]]":
        """Return the newest records of a kind that are written, by their keys."""
        return self._asked(
            lambda connection: dict(connection.execute(_READ, (kind, most)).fetchall())
        )

    async def newest(self, kind: str, most: int = MOST) -> dict[str, str] | None:
        """Return what `fetch` does, once what was put is written; None where it can't be read."""
        await self.settled()
        try:
            return await asyncio.wrap_future(self.fetch(kind, most))
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
            _write(connection, notes)
            newest = max((at for (kind, _), (at, _) in notes.items() if kind == BY_TIME), default=0)
            if newest and self._audit_s is not None:
                connection.execute(_FORGET_BY_TIME, (by_time(newest - self._audit_s),))


def _write(connection: sqlite3.Connection, notes: Mapping[NoteKey, Note]) -> None:
    for (kind, key), (at, record) in notes.items():
        if record is None:
            connection.execute(_DROP, (kind, key))
        else:
            connection.execute(_PUT, (kind, key, at, record))


#: The note that names the owner; its time is when that was last there, by its own clock.
OWNER: Final = ("owner", "holds")
_OWNER: Final = "SELECT record, at FROM note WHERE kind = ? AND key = ?"
_ALL: Final = "SELECT key, record FROM note WHERE kind = ?"


#: Who owned the notes, empty for nobody, and when that was last there, by its own clock.
OwnerSign: TypeAlias = tuple[str, float]
NOBODY: Final[OwnerSign] = ("", 0.0)


class OwnedNotes:
    """Notes that only one of the dashboards writes which share a history: their owner.

    Whoever owns them says so every few seconds. What another one still has to write is dropped when
    it would be written: the owner is looked up in the same transaction, and those never overlap.
    Without others there is no owner. `owner` names this process.
    """

    def __init__(self, notebook: Notes, dialect: Dialect, owner: str) -> None:
        self.is_shared = dialect.is_shared
        self.owner = owner
        self._notebook = notebook
        self._thread: StoreThread | None = None
        self._waiting: Records[NoteKey, Note] = Records()
        self._behind = WriteBehind(
            "pauses and drains",
            take=self._waiting.take,
            write=self._keep,
            put_back=self._waiting.put_back,
        )

    def open(self, thread: StoreThread) -> None:
        """Write on this thread from now on; the notebook is open."""
        self._thread = thread
        self._behind.open(thread)

    def stop(self) -> None:
        """Write what waits, and end; blocks."""
        self._behind.stop()
        self._thread = None

    def read(self, kind: str) -> dict[str, str]:
        """Return the records of a kind by their keys; blocks."""
        self._behind.flush()
        return self._notebook.read(kind)

    def put(self, kind: str, key: str, record: str | None, at: float) -> None:
        """Have a record written, if this process is the owner then; None deletes it."""
        self._waiting.put((kind, key), (at, record))
        self._behind.start()

    async def settled(self) -> None:
        """Return when what was put is written, or can't be now."""
        await self._behind.settled()

    async def look(self, kinds: Sequence[str]) -> tuple[OwnerSign, dict[str, dict[str, str]]]:
        """Return who is the owner, and the records by kind; Unavailable where it can't be."""
        found: list[tuple[OwnerSign, dict[str, dict[str, str]]]] = []

        def read(connection: sqlite3.Connection) -> None:
            records = {kind: dict(connection.execute(_ALL, (kind,)).fetchall()) for kind in kinds}
            found.append((_sign(connection), records))

        await self._run(read)
        return found[0]

    async def take(self, at: float, instead_of: OwnerSign | None = None) -> OwnerSign:
        """Become the owner, and return who was; with `instead_of` only if that is it still."""
        found: list[OwnerSign] = []

        def write(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                found.append(before := _sign(connection))
                if instead_of in (None, before):
                    connection.execute(_PUT, (*OWNER, at, self.owner))

        await self._run(write)
        return found[0]

    def release(self) -> None:
        """Leave it to others, before the end."""
        if self.is_shared and self._thread is not None:
            self._thread.run(self._release)

    async def _run(self, job: Any) -> None:
        if self._thread is None:
            raise Unavailable("The history is closed: who sees to pauses and drains is not known")
        try:
            await asyncio.wrap_future(self._thread.run(job))
        except DATABASE_ERRORS as error:
            raise Unavailable(f"The store cannot be used: {error}") from error

    # On the store thread

    def _release(self, connection: sqlite3.Connection) -> None:
        with transaction(connection):
            if _sign(connection)[0] == self.owner:
                connection.execute(_DROP, OWNER)

    def _keep(self, connection: sqlite3.Connection, notes: Mapping[NoteKey, Note]) -> None:
        with transaction(connection):
            if self.is_shared and _sign(connection)[0] != self.owner:
                return
            _write(connection, notes)


def _sign(connection: sqlite3.Connection) -> OwnerSign:
    row = connection.execute(_OWNER, OWNER).fetchone()
    return NOBODY if row is None else (row[0], row[1])
