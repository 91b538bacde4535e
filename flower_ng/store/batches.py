"""The batches: what is done to many tasks one after the other, and what came of each.

Called on the loop; written by the store thread, read by the reading threads. A task is claimed, in
a transaction of its own, before anything is sent for it, so that nothing is sent for it twice:
neither after a crash nor by two dashboards that share a history.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from flower_ng.batch_record import (
    BatchItem,
    BatchRecord,
    BatchState,
    BatchStatus,
    BatchTouch,
    ItemState,
)
from flower_ng.errors import Unavailable
from flower_ng.store.reading.answers import StoreParts
from flower_ng.store.sql.engine import ReadConnection
from flower_ng.store.tables.dialect import DATABASE_ERRORS, Dialect, json_text, transaction
from flower_ng.store.writing.write_behind import StoreThread

T = TypeVar("T")


#: What a dashboard that shares the history says of its batches at least this often.
BEAT_S: Final = 5.0
SILENT_S: Final = 6 * BEAT_S
#: How long batches are kept.
KEPT_S: Final = 90 * 86_400.0
#: Ids that are written in one statement.
STEP: Final = 5_000
#: No task of a batch stands so far behind, and both databases can compare it.
MOST_PLACE: Final = 2**31 - 1
BROKEN_OFF: Final = "The dashboard ended while it ran"


_BATCH: Final = "id, owner, beat, record"
_ITEM: Final = "place, uuid, state, new_id, why"
_decode = msgspec.json.Decoder(BatchRecord).decode


class BatchTables:
    """The tables of batches. Its methods raise Unavailable where the store can't be used now.

    `owner` names this process among those that share a history; `is_run_here` tells which batches
    it runs.
    """

    def __init__(
        self,
        parts: Callable[[], StoreParts],
        dialect: Dialect,
        owner: str,
        clock: Callable[[], float],
    ) -> None:
        self._parts, self._dialect, self._clock = parts, dialect, clock
        self._owner = owner or "here"
        self.is_run_here: Callable[[str], bool] = lambda _: False

    def open(self, thread: StoreThread) -> None:
        """Make the tables where they are not there, and drop what is too old; blocks."""
        thread.run(self._prepare).result()

    # Writing

    async def add(self, batch: BatchRecord, uuids: Sequence[str]) -> None:
        """Keep a new batch of these tasks, which is run here."""

        def write(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.execute(
                    f"INSERT INTO batch (made, {_BATCH}) VALUES (?, ?, ?, ?, ?)",
                    (batch.at, batch.id, self._owner, self._clock(), _encoded(batch)),
                )
                for start in range(0, len(uuids), STEP):
                    connection.execute(
                        f"INSERT INTO batch_item (batch, {_ITEM})"
                        f" SELECT '{batch.id}', {start} + each.key, each.value,"
                        f" '{ItemState.WAITING}', '', ''"
                        f" FROM {self._dialect.each()}",
                        (json_text(uuids[start : start + STEP]),),
                    )

        await self._write(write)

    async def save(self, batch: BatchRecord) -> bool:
        """Write how a batch is that is run here; False where somebody else has it now."""
        keeps = "" if batch.state != BatchState.RUNNING else self._owner
        return await self._changed(
            "UPDATE batch SET owner = ?, beat = ?, record = ? WHERE id = ? AND owner IN (?, '')",
            (keeps, self._clock(), _encoded(batch), batch.id, self._owner),
        )

    async def take(self, batch: BatchRecord) -> bool:
        """Have a batch that nobody runs be run here; False where another dashboard runs it.

        What was being sent when it broke off is UNKNOWN from then on.
        """
        is_ours = await self._changed(
            "UPDATE batch SET owner = ?, beat = ?, record = ?"
            " WHERE id = ? AND (owner IN (?, '') OR beat < ?)",
            (
                *(self._owner, self._clock(), _encoded(batch), batch.id, self._owner),
                self._clock() - SILENT_S,
            ),
        )
        if is_ours:
            await self._changed(
                f"UPDATE batch_item SET state = '{ItemState.UNKNOWN}', why = ?"
                f" WHERE batch = ? AND state = '{ItemState.SENDING}'",
                (BROKEN_OFF, batch.id),
            )
        return is_ours

    async def claim(self, batch_id: str, item: BatchItem) -> bool:
        """Note that a task is about to be sent; False where it was claimed before."""
        return await self._changed(
            f"UPDATE batch_item SET state = '{ItemState.SENDING}', new_id = ?"
            f" WHERE batch = ? AND place = ? AND state = '{ItemState.WAITING}'",
            (item.new_id, batch_id, item.place),
        )

    async def settle(self, batch_id: str, item: BatchItem) -> None:
        """Write what came of a task."""
        await self._changed(
            "UPDATE batch_item SET state = ?, new_id = ?, why = ? WHERE batch = ? AND place = ?",
            (item.state.value, item.new_id, item.why, batch_id, item.place),
        )

    # Reading

    async def waiting(self, batch_id: str, limit: int) -> list[BatchItem]:
        """Return the first tasks that nothing was done for yet."""
        return await self.items(batch_id, (ItemState.WAITING,), limit=limit)

    async def items(
        self, batch_id: str, states: Sequence[ItemState] = (), after: int = -1, limit: int = 100
    ) -> list[BatchItem]:
        """Return tasks of a batch behind a place, those in some states or all, in their order."""

        def read(connection: ReadConnection) -> list[BatchItem]:
            row = connection.execute(f"SELECT {_BATCH} FROM batch WHERE id = ?", (batch_id,))
            found = row.fetchone()
            is_run = bool(found) and self._now(found).batch.state == BatchState.RUNNING
            wanted = set(states)
            if ItemState.UNKNOWN in states and not is_run:
                wanted.add(ItemState.SENDING)
            among = ", ".join(f"'{one}'" for one in sorted(wanted))
            rows = connection.execute(
                f"SELECT {_ITEM} FROM batch_item WHERE batch = ? AND place > ?"
                f"{f' AND state IN ({among})' if states else ''} ORDER BY place LIMIT ?",
                (batch_id, min(max(after, -1), MOST_PLACE), limit),
            )
            return [_item(one, is_run=is_run) for one in _all(rows)]

        return await self._read(read)

    async def get(self, batch_id: str) -> BatchStatus | None:
        """Return a batch as it is now, None for no such batch."""
        found = await self._statuses("WHERE id = ?", (batch_id,))
        return found[0] if found else None

    async def newest(self, limit: int, before: float | None = None) -> list[BatchStatus]:
        """Return the newest batches, maybe those made before a time."""
        condition, given = ("", ()) if before is None else ("WHERE made < ?", (before,))
        return await self._statuses(f"{condition} ORDER BY made DESC, id LIMIT ?", (*given, limit))

    async def touching(self, uuid: str, limit: int) -> list[BatchTouch]:
        """Return in which batches a task was, or by which it was sent, the newest first."""

        def read(connection: ReadConnection) -> list[BatchTouch]:
            rows = connection.execute(
                f"SELECT {_BATCH}, {_ITEM} FROM batch JOIN batch_item ON batch_item.batch = id"
                " WHERE uuid = ? OR new_id = ? ORDER BY made DESC, place LIMIT ?",
                (uuid, uuid, limit),
            )
            return [self._touch(row, uuid) for row in _all(rows)]

        return await self._read(read)

    def _touch(self, row: Sequence[Any], uuid: str) -> BatchTouch:
        batch = self._now(row[:4]).batch
        item = _item(row[4:], is_run=batch.state == BatchState.RUNNING)
        return BatchTouch(batch, item, item.uuid != uuid)

    async def _statuses(self, condition: str, given: Sequence[Any]) -> list[BatchStatus]:
        def read(connection: ReadConnection) -> list[BatchStatus]:
            rows = _all(connection.execute(f"SELECT {_BATCH} FROM batch {condition}", given))
            return [self._counted(connection, self._now(row)) for row in rows]

        return await self._read(read)

    def _now(self, row: Sequence[Any]) -> BatchStatus:
        """Return a batch as it is: one that nobody runs any more is paused."""
        _, owner, beat, record = row
        batch = _decode(record)
        if batch.state != BatchState.RUNNING:
            return BatchStatus(batch)
        if owner == self._owner:
            is_run, is_elsewhere = self.is_run_here(batch.id), False
        else:
            is_elsewhere = bool(owner) and self._clock() - beat < SILENT_S
            is_run = is_elsewhere
        if not is_run:
            batch = msgspec.structs.replace(batch, state=BatchState.PAUSED, why=BROKEN_OFF)
        return BatchStatus(batch, is_elsewhere=is_elsewhere)

    def _counted(self, connection: ReadConnection, status: BatchStatus) -> BatchStatus:
        if status.batch.counts is not None:  # of one that is over they stay so
            return BatchStatus(status.batch, status.batch.counts)
        rows = connection.execute(
            "SELECT state, count(*) FROM batch_item WHERE batch = ? GROUP BY state",
            (status.batch.id,),
        )
        counts = dict.fromkeys(map(str, ItemState), 0)
        for state, number in _all(rows):
            is_lost = state == ItemState.SENDING and status.batch.state != BatchState.RUNNING
            counts[str(ItemState.UNKNOWN if is_lost else state)] += number
        return BatchStatus(status.batch, counts, status.is_elsewhere)

    # On the store thread

    def _prepare(self, connection: sqlite3.Connection) -> None:
        text, real, integer = (self._dialect.type(kind) for kind in ("TEXT", "REAL", "INTEGER"))
        with transaction(connection):
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS batch (id {text} PRIMARY KEY, made {real} NOT NULL,"
                f" owner {text} NOT NULL, beat {real} NOT NULL, record {text} NOT NULL)"
            )
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS batch_item (batch {text} NOT NULL,"
                f" place {integer} NOT NULL, uuid {text} NOT NULL, state {text} NOT NULL,"
                f" new_id {text} NOT NULL, why {text} NOT NULL, PRIMARY KEY (batch, place))"
            )
            index = "CREATE INDEX IF NOT EXISTS batch_item"
            connection.execute(f"{index}_uuid ON batch_item (uuid)")
            connection.execute(f"{index}_new ON batch_item (new_id) WHERE new_id <> ''")
            before = self._clock() - KEPT_S
            old = "SELECT id FROM batch WHERE made < ?"
            connection.execute(f"DELETE FROM batch_item WHERE batch IN ({old})", (before,))
            connection.execute("DELETE FROM batch WHERE made < ?", (before,))

    async def _changed(self, statement: str, given: Sequence[Any]) -> bool:
        changed: list[int] = []

        def write(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                changed.append(connection.execute(statement, given).rowcount)

        await self._write(write)
        return changed[0] > 0

    async def _write(self, job: Callable[[sqlite3.Connection], None]) -> None:
        try:
            await asyncio.wrap_future(self._parts().writer.run(job))
        except DATABASE_ERRORS as error:
            raise Unavailable(f"The store cannot be written: {error}") from error

    async def _read(self, question: Callable[[ReadConnection], T]) -> T:
        return await self._parts().reader.ask(question)


def _encoded(batch: BatchRecord) -> str:
    return msgspec.json.encode(batch).decode()


def _all(rows: Any) -> list[Any]:
    found = []
    while (row := rows.fetchone()) is not None:
        found.append(row)
    return found


def _item(row: Sequence[Any], *, is_run: bool) -> BatchItem:
    place, uuid, state, new_id, why = row
    if state == ItemState.SENDING and not is_run:
        state, why = ItemState.UNKNOWN, BROKEN_OFF
    return BatchItem(place, uuid, ItemState(state), new_id, why)
