"""Lineage: which task was published again as which, known before its first event. Store thread.

It is kept beside the tasks, because the new one may be heard of later, or by another dashboard.
"""

import sqlite3
from typing import Final

from flower_ng.store.tables.dialect import Dialect

_NOTE: Final = "INSERT INTO rerun (uuid, rerun_of) VALUES (?, ?) ON CONFLICT (uuid) DO NOTHING"


def note(connection: sqlite3.Connection, dialect: Dialect, uuid: str, of: str) -> None:
    """Note that `uuid` is a rerun of the task `of`."""
    with connection:
        connection.execute(dialect.begin)
        connection.execute(_NOTE, (uuid, of))


def forget(connection: sqlite3.Connection, tasks: str, keys: str) -> None:
    """Forget of what some tasks were reruns; they are about to be deleted.

    `tasks` is a condition with one parameter, which is `keys`.
    """
    gone = f"DELETE FROM rerun WHERE uuid IN (SELECT uuid FROM task WHERE {tasks})"
    connection.execute(gone, (keys,))


def rerun_of(alias: str) -> str:
    """Return the SQL for the id of the task that a task is a rerun of."""
    return f"(SELECT rerun_of FROM rerun WHERE rerun.uuid = {alias}.uuid)"


def reruns(alias: str, dialect: Dialect) -> str:
    """Return the SQL for the ids of a task's reruns, a JSON array in JSON."""
    each = dialect.array_of("rerun.uuid")
    return dialect.json(f"(SELECT {each} FROM rerun WHERE rerun.rerun_of = {alias}.uuid)")
