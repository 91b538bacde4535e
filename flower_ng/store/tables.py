"""The tables of the store in PostgreSQL, and its indexes, which stand in for SQLite's parts. Pure.

Their columns are those of schema; nothing is sealed here, so there is nothing stale either.
"""

from typing import Final

from flower_ng.store.conditions import WORD_COLUMNS
from flower_ng.store.dialect import POSTGRESQL
from flower_ng.store.schema import COLUMNS, SHARED, STORED, VERSION, beside, folded

#: Lists of tasks with one of these are shown newest first, without a look at the others.
_FILTERED: Final = ("state", "name", "worker")
#: Lists of all tasks come in the order of one of these; by others they are sorted when asked for.
_SORTED: Final = ("name", "state", "worker", "received", "started", "runtime")

_TEXT: Final = POSTGRESQL.type("TEXT")
_NUMBERED: Final = "place bigint GENERATED ALWAYS AS IDENTITY"


def _task() -> str:
    columns = ", ".join(f"{name} {POSTGRESQL.type(kind)}" for name, kind in STORED.items())
    return (
        "CREATE TABLE task (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        f" {columns}, UNIQUE (uuid))"
    )


def _key(column: str) -> str:
    key = folded(column, "task") if COLUMNS[column] == "TEXT" else column
    return POSTGRESQL.ordered(f"({key})", "ASC")


TABLES: Final = (
    _task(),
    f"CREATE INDEX task_newest ON task ({_key('timestamp')}, uuid, state)",
    "CREATE INDEX task_children ON task (parent_id) WHERE parent_id IS NOT NULL",
    f"CREATE INDEX task_{SHARED} ON task ({SHARED}) WHERE {SHARED} IS NOT NULL",
    *(
        f"CREATE INDEX task_newest_of_{column} ON task ({_key(column)}, {_key('timestamp')}, uuid)"
        for column in _FILTERED
    ),
    *(f"CREATE INDEX task_by_{column} ON task ({_key(column)}, uuid)" for column in _SORTED),
    f"CREATE TABLE {SHARED} (id bigint PRIMARY KEY, text {_TEXT} NOT NULL)",
    *beside(POSTGRESQL),
    f"CREATE TABLE worker (hostname {_TEXT} PRIMARY KEY, record {_TEXT} NOT NULL, {_NUMBERED})",
    f"CREATE TABLE counter (hostname {_TEXT} PRIMARY KEY, counts {_TEXT} NOT NULL, {_NUMBERED})",
    f"CREATE TABLE meta (key {_TEXT} PRIMARY KEY, value {_TEXT})",
    f"INSERT INTO meta VALUES ('schema', '{VERSION}')",
)

#: Every text that a word is looked for in. What stands in one of them stands in this.
TEXTS: Final = " || ' ' || ".join(
    f"coalesce({column}_folded, {column}, '')" for column in WORD_COLUMNS
)


def substrings(extension: str) -> str:
    """Return the statement for the index of TEXTS; pg_trgm is in the schema `extension`."""
    return (
        "CREATE INDEX IF NOT EXISTS task_texts ON task"
        f" USING gin (({TEXTS}) {extension}.gin_trgm_ops)"
    )
