"""OwnedNotes are notes that only one of the dashboards writes which share a history: their owner.

Whoever owns them says so every few seconds. What another one still has to write is dropped when it
would be written: the owner is looked up in the same transaction, and those never overlap. Without
others there is no owner. On the loop.
"""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from flower_ng.errors import Unavailable
from flower_ng.store.tables.dialect import DATABASE_ERRORS, Dialect, transaction
from flower_ng.store.writing.write_behind import (
    DROP_NOTE,
    PUT_NOTE,
    Note,
    NoteKey,
    Notes,
    Records,
    StoreThread,
    WriteBehind,
)

#: The note that names the owner; its time is when that was last there, by its own clock.
OWNER: Final = ("owner", "holds")
_OWNER: Final = "SELECT record, at FROM note WHERE kind = ? AND key = ?"
_READ: Final = "SELECT key, record FROM note WHERE kind = ?"


#: Who owned the notes, empty for nobody, and when that was last there, by its own clock.
OwnerSign: TypeAlias = tuple[str, float]
NOBODY: Final[OwnerSign] = ("", 0.0)


class OwnedNotes:
    """What is put is there again with `read`, after a restart too; `owner` names this process."""

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
            records = {kind: dict(connection.execute(_READ, (kind,)).fetchall()) for kind in kinds}
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
                    connection.execute(PUT_NOTE, (*OWNER, at, self.owner))

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
                connection.execute(DROP_NOTE, OWNER)

    def _keep(self, connection: sqlite3.Connection, notes: Mapping[NoteKey, Note]) -> None:
        with transaction(connection):
            if self.is_shared and _sign(connection)[0] != self.owner:
                return
            for (kind, key), (at, record) in notes.items():
                if record is None:
                    connection.execute(DROP_NOTE, (kind, key))
                else:
                    connection.execute(PUT_NOTE, (kind, key, at, record))


def _sign(connection: sqlite3.Connection) -> OwnerSign:
    row = connection.execute(_OWNER, OWNER).fetchone()
    return NOBODY if row is None else (row[0], row[1])
