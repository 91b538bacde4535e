"""Migrates the tables of an older flower_ng, one version a step. At the start.

All steps are one transaction: a crash leaves the file as it was. Those from 0.1.0, which is
version 4, take no longer for more tasks: what is to be done to each is done later (repair).
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from flower_ng.store.tables.dialect import POSTGRESQL, SQLITE, Dialect
from flower_ng.store.tables.schema import SHARED, STORED, TASK_TABLE, VERSION, beside
from flower_ng.store.tables.texts import exception_class, first_line
from flower_ng.store.writing.repair import begun
from flower_ng.store.writing.snapshots import BOUNDS, shared_id, twin
from flower_ng.truncation import cut_traceback

#: What the steps call in SQL, each with how many values it takes.
_FUNCTIONS: Final[Mapping[str, tuple[int, Callable[..., int | str | None]]]] = {
    "shared_id": (1, shared_id),
    "cut": (1, lambda text: cut_traceback(text, BOUNDS.max_text)),
    "class": (2, exception_class),
    "line": (1, first_line),
    "twin": (1, twin),
}
_INDEXES_OF_1: Final = ("task_newest", "task_children")


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring tables of a version up to ours; raises sqlite3.Error, and then nothing has changed."""
    for name, (parameters, function) in _FUNCTIONS.items():
        connection.create_function(name, parameters, function, deterministic=True)
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for step in _STEPS[version - 1 :]:
            step(connection)
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(VERSION),))
        connection.execute(f"PRAGMA user_version = {VERSION}")


def migrations_of_postgresql(old: AbstractSet[str]) -> Iterator[str]:
    """Yield the statements that bring tables up to ours whose `task` has these columns."""
    yield from _added(old, POSTGRESQL)
    yield begun()
    yield "DROP INDEX IF EXISTS task_texts"  # it is made again, of more columns
    yield f"UPDATE meta SET value = '{VERSION}' WHERE key = 'schema'"


def _from_1(connection: sqlite3.Connection) -> None:
    """Keep tracebacks once, and tell the class of exceptions; of events nothing was kept."""
    for index in _INDEXES_OF_1:
        connection.execute(f"DROP INDEX {index}")
    connection.execute("ALTER TABLE task RENAME TO task_of_1")
    for statement in TASK_TABLE:
        connection.execute(statement)
    connection.execute(
        f"INSERT INTO {SHARED} SELECT shared_id({SHARED}), cut({SHARED}) FROM task_of_1"
        f" WHERE {SHARED} IS NOT NULL GROUP BY 1"
    )
    new = {
        SHARED: f"CASE WHEN {SHARED} IS NOT NULL THEN shared_id({SHARED}) END",
        "exception_class": f"class(exception, {SHARED})",
        "exception_line": "line(exception)",
        "timeline": "NULL",
        "events": "0",
        "exception_class_folded": f"twin(class(exception, {SHARED}))",
    }
    old = _columns(connection, "task_of_1")
    values = ", ".join(new.get(name, name if name in old else "NULL") for name in STORED)
    connection.execute(
        f"INSERT INTO task (id, {', '.join(STORED)}) SELECT id, {values} FROM task_of_1"
    )
    connection.execute("DROP TABLE task_of_1")
    for statement in beside(SQLITE):
        connection.execute(statement)


def _from_2(connection: sqlite3.Connection) -> None:
    """Have no triggers on what is written: the writer notes what changes."""
    for trigger in ("task_insert", "task_update"):
        connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")


def _from_3(connection: sqlite3.Connection) -> None:
    """List tasks as they were received without looking at all, and have no trigger on deleting.

    Tables that were made of those of version 1 are so already.
    """
    connection.execute("DROP TRIGGER IF EXISTS task_delete")
    connection.execute("CREATE INDEX IF NOT EXISTS task_received ON task (received, uuid)")


def _from_4(connection: sqlite3.Connection) -> None:
    """Keep more of each task, and have what 0.1.0 kept wrong repaired while flower_ng runs.

    What is not kept any more stays, unused: SQLite may be too old to drop it.
    """
    for statement in (*_added(_columns(connection, "task"), SQLITE), begun()):
        connection.execute(statement)


def _columns(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return frozenset(name for (name,) in rows)


def _added(old: AbstractSet[str], dialect: Dialect) -> Iterator[str]:
    """Yield the statements that add to `task` the columns that it lacks."""
    for name, kind in STORED.items():
        if name not in old:
            yield f"ALTER TABLE task ADD COLUMN {name} {dialect.type(kind)}"


#: One for each version that was ever written, the first at first.
_STEPS: Final[tuple[Callable[[sqlite3.Connection], None], ...]] = (
    _from_1, _from_2, _from_3, _from_4,
)  # fmt: skip
