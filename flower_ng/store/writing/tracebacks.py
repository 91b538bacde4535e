"""Tracebacks, kept once however many tasks have them: which go with tasks that go. Store thread."""

import sqlite3
from typing import Final

from flower_ng.store.tables.dialect import Dialect
from flower_ng.store.tables.schema import SHARED

_UNUSED: Final = f"NOT EXISTS (SELECT 1 FROM task WHERE task.{SHARED} = {SHARED}.id)"


def shared_by(connection: sqlite3.Connection, dialect: Dialect, tasks: str, keys: str) -> str:
    """Return the ids of the tracebacks of some tasks, a JSON array.

    `tasks` is a condition with one parameter, which is `keys`.
    """
    found = f"SELECT DISTINCT {SHARED} FROM task WHERE {SHARED} IS NOT NULL AND {tasks}"
    ids = f"SELECT {dialect.array_of(SHARED)} FROM ({found}) found"
    (text,) = connection.execute(ids, (keys,)).fetchone()
    return str(text)


def drop_unused(connection: sqlite3.Connection, dialect: Dialect, ids: str) -> int:
    """Delete those of these tracebacks that no task has any more; return how many they were."""
    each = f"SELECT each.value FROM {dialect.each('INTEGER')}"
    gone = f"DELETE FROM {SHARED} WHERE id IN ({each}) AND {_UNUSED}"
    return connection.execute(gone, (ids,)).rowcount
