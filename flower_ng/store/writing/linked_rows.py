"""Rows that belong to tasks: reruns, tracebacks, and the log of the index. On the store thread.

Triggers could note what changed for the index, and cost a quarter of the time of writing and half
of that of deleting: with one on a table, SQLite first puts the rows of a statement in a
table of its own.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from flower_ng.store.tables.dialect import Dialect, json_text, transaction
from flower_ng.store.tables.schema import SHARED

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
