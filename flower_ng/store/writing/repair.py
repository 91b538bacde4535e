"""Repairs rows of 0.1.0 and runs retention, a little at a time. On the store thread.

0.1.0 took a retry that was told late for the newest news, and a root that retried for its own
child, and kept the repr of billiard's wrapper for what was raised. How far the repair has come is
in the store: it goes on where it was when it is ended. Upkeep, on the loop, has the store thread
do both; SpareRoom is room on the disk that is kept for deleting: where the disk is full, that needs
some itself.
"""

import asyncio
import logging
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
from celery import states

from flower_ng.life.wrapped_exception import WRAPPED, unwrapped
from flower_ng.store.tables.dialect import (
    SQLITE,
    Dialect,
    is_full,
    json_text,
    trace_of,
    transaction,
)
from flower_ng.store.tables.schema import REPAIR, SHARED, value
from flower_ng.store.tables.texts import exception_class, first_line
from flower_ng.store.writing.retention import Sweep
from flower_ng.store.writing.snapshots import twin
from flower_ng.store.writing.upsert import Insert, chunked
from flower_ng.store.writing.writer import Writer, empty_log, note_changed

#: Rows looked at in one transaction: some ten milliseconds.
STEP_ROWS: Final = 2000
#: What is repaired, and what tells how. Only 0.1.0 knew no progress.
_READ: Final = (
    "uuid", "state", "received", "started", "succeeded", "failed", "parent_id", "exception",
    "progress",
)  # fmt: skip
_WRONG: Final = (
    f"((t.progress IS NULL AND t.state = '{states.RETRY}') OR t.parent_id = t.uuid"
    f" OR t.exception = '{WRAPPED}')"
)
_ENDS: Final = (("failed", states.FAILURE), ("succeeded", states.SUCCESS))
#: What is written, with the columns that are worked out of others: all of one that was wrong.
_WRITTEN: Final = (
    "uuid", "timestamp", "exception_line", "state", "exception", "exception_class",
    "state_folded", "exception_folded", "exception_class_folded",
)  # fmt: skip


def _settings() -> Iterator[str]:
    for name in _WRITTEN[1:]:
        leader = "exception" if name.startswith("exception") else "state"
        is_kept = f"excluded.{leader} IS NULL"
        yield f"{name} = CASE WHEN {is_kept} THEN task.{name} ELSE excluded.{name} END"
    for name in ("parent_id", "parent_id_folded"):
        yield f"{name} = CASE WHEN task.parent_id = task.uuid THEN NULL ELSE task.{name} END"


_PUT_RIGHT: Final = Insert(
    "task", _WRITTEN, f"ON CONFLICT (uuid) DO UPDATE SET {', '.join(_settings())}"
)


def repaired(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that 0.1.0 kept wrong of a task, as they are right; pure.

    What succeeded or failed was not retried after.
    """
    right: dict[str, Any] = {}
    if kept["progress"] is None and kept["state"] == states.RETRY:
        began = kept["started"] or kept["received"] or 0.0
        ends = [(kept[name], state) for name, state in _ENDS if (kept[name] or -1.0) >= began]
        if ends:
            right["timestamp"], right["state"] = max(ends)
    if kept["parent_id"] == kept["uuid"]:
        right["parent_id"] = None
    if kept["exception"] == WRAPPED and (raised := unwrapped(kept[SHARED])):
        right["exception"] = raised
    return right


class Repair:
    """What is left to repair; `is_behind` and `share` may be read on any thread."""

    def __init__(self, dialect: Dialect = SQLITE) -> None:
        self._dialect = dialect
        self._left: tuple[int, int] | None = None
        self.is_behind = False

    @property
    def share(self) -> float | None:
        """How much has been looked at, from 0 to 1; None when there is nothing to repair."""
        return None if self._left is None else 1 - self._left[0] / self._left[1]

    def open(self, connection: sqlite3.Connection) -> None:
        """See where the repair was left."""
        found = connection.execute("SELECT value FROM meta WHERE key = ?", (REPAIR,)).fetchone()
        self._left = msgspec.json.decode(found[0], type=tuple[int, int]) if found else None
        self.is_behind = self._left is not None

    def step(self, connection: sqlite3.Connection) -> None:
        """Repair up to STEP_ROWS tasks in one transaction; of dashboards that share, one does."""
        if self._left is None:
            return
        (leads,) = connection.execute(self._dialect.leads).fetchone()
        if not leads:
            self.open(connection)
            self.is_behind = False
            return
        with transaction(connection):
            self.open(connection)  # another one may have gone on before
            if self._left is not None:
                self._repair(connection, *self._left)
        self.open(connection)

    def _repair(self, connection: sqlite3.Connection, below: int, of: int) -> None:
        ids = "SELECT id FROM task WHERE id <= ? ORDER BY id DESC LIMIT ?"
        some = f"SELECT coalesce(min(id), 0), count(*) FROM ({ids}) newest"
        least, count = connection.execute(some, (below, STEP_ROWS)).fetchone()
        wrong = dict(self._wrong(connection, least, below))
        for statement, parameters in chunked(_PUT_RIGHT, list(wrong.values())):
            connection.execute(statement, parameters)
        if wrong and not self._dialect.is_shared:
            ids = "id IN (SELECT value FROM json_each(?))"
            note_changed(connection, ids, json_text(list(wrong)))
        if count == STEP_ROWS:
            mark = json_text((least - 1, of))
            connection.execute("UPDATE meta SET value = ? WHERE key = ?", (mark, REPAIR))
        else:
            connection.execute("DELETE FROM meta WHERE key = ?", (REPAIR,))

    def _wrong(
        self, connection: sqlite3.Connection, least: int, most: int
    ) -> Iterator[tuple[int, Sequence[Any]]]:
        """Yield the ids of the rows to repair, of some, and what to write."""
        columns = ", ".join([*(f"t.{name}" for name in _READ), value(SHARED)])
        rows = connection.execute(
            f"SELECT t.id, {columns} FROM task t WHERE t.id BETWEEN ? AND ? AND {_WRONG}",
            (least, most),
        )
        for id_, *values in rows.fetchall():
            kept = dict(zip((*_READ, SHARED), values, strict=True))
            if right := repaired(kept):
                yield id_, _row(kept["uuid"], right)


def _row(uuid: str, right: Mapping[str, Any]) -> Sequence[Any]:
    """Return what is right of a task, in the order of _WRITTEN; None where nothing was wrong."""
    raised = right.get("exception")
    texts = (
        right.get("state"),
        raised,
        None if raised is None else exception_class(raised, None),
    )
    line = None if raised is None else first_line(raised)
    return (uuid, right.get("timestamp"), line, *texts, *map(twin, texts))


log = logging.getLogger(__name__)

#: What SQLite's log may hold when it has to be moved into the file, and a step of deletions writes.
SPARE_BYTES: Final = 24 << 20
#: It is taken where so many times more is free.
AMPLE: Final = 2


class SpareRoom:
    """The file `<name>.spare`, which holds room and nothing else. On the store thread."""

    def __init__(self, name: str) -> None:
        self._database = Path(name)
        self._path = Path(f"{name}.spare")

    def keep(self) -> None:
        """Take the room, where the disk has plenty and it is not taken yet."""
        if self._path.exists() or sys.platform == "win32":
            return
        with suppress(OSError):  # without it the store goes on as well
            if shutil.disk_usage(self._database.parent).free >= AMPLE * SPARE_BYTES:
                spare = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                try:
                    os.posix_fallocate(spare, 0, SPARE_BYTES)
                except OSError:
                    self._path.unlink()
                finally:
                    os.close(spare)

    def give_up(self, connection: sqlite3.Connection) -> None:
        """Give the room to the database."""
        self._path.unlink(missing_ok=True)
        empty_log(connection)


#: How often the bounds are looked at.
TICK_S: Final = 1.0
#: Between two steps, for what waits to be written.
PAUSE_S: Final = 0.01


class Upkeep:
    """Runs the steps of Sweep and Repair between batches; `seen` is called on the loop after each.

    A step that fails is tried again with the next tick; the writer says why, for it fails too. On a
    full disk deleting gets the `spare` room.
    """

    def __init__(
        self,
        writer: Writer,
        sweep: Sweep,
        repair: Repair,
        seen: Callable[[], None],
        spare: SpareRoom | None = None,
    ) -> None:
        self._writer = writer
        self._sweep = sweep
        self._repair = repair
        self._seen = seen
        self._spare = spare
        self._keeping: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look each second from now on."""
        self._keeping = asyncio.get_running_loop().create_task(self._keep())

    def flush(self) -> None:
        """Delete all that is over a bound, now; blocks."""
        self._writer.run(self._sweep.step).result()
        while self._sweep.is_behind:
            self._writer.run(self._sweep.step).result()

    def stop(self) -> None:
        """Look no more, also when a step that is under way ends."""
        if self._keeping is not None:
            self._keeping.cancel()

    async def _keep(self) -> None:
        pause_s, has_failed = TICK_S, False
        while True:
            await asyncio.sleep(pause_s)
            try:
                await asyncio.wrap_future(self._writer.run(self._work))
            except Exception as error:
                if not has_failed:
                    sentence = "The store could not be kept within its bounds, or repaired: %s"
                    log.error(sentence, error, exc_info=trace_of(error))  # noqa: TRY400 - a full disk needs no traceback
                has_failed = True
            else:
                has_failed = False
            self._seen()
            is_behind = (self._sweep.is_behind or self._repair.is_behind) and not has_failed
            pause_s = PAUSE_S if is_behind else TICK_S

    def _work(self, connection: sqlite3.Connection) -> None:
        try:
            self._sweep.step(connection)
        except sqlite3.OperationalError as error:
            if self._spare is None or not is_full(error):
                raise
            self._spare.give_up(connection)
            self._sweep.step(connection)
        if self._spare is not None and not self._sweep.is_behind:
            self._spare.keep()
        self._repair.step(connection)
