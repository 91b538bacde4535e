"""The tables of the store in PostgreSQL, and its indexes, which stand in for SQLite's parts. Pure.

Their columns are those of schema; nothing is sealed here, so there is nothing stale either.
"""

from typing import Final

from flower_ng.store.tables.dialect import POSTGRESQL
from flower_ng.store.tables.schema import COLUMNS, SHARED, STORED, VERSION, beside, folded

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
    f"CREATE TABLE {SHARED} (id bigint PRIMARY KEY, text {_TEXT} NOT NULL)",
    *beside(POSTGRESQL),
    f"CREATE TABLE worker (hostname {_TEXT} PRIMARY KEY, record {_TEXT} NOT NULL, {_NUMBERED})",
    f"CREATE TABLE counter (hostname {_TEXT} PRIMARY KEY, counts {_TEXT} NOT NULL, {_NUMBERED})",
    f"CREATE TABLE meta (key {_TEXT} PRIMARY KEY, value {_TEXT})",
    f"INSERT INTO meta VALUES ('schema', '{VERSION}')",
)

#: What lists are narrowed, sorted and counted by, but for the large texts and `_KEYS`: as much as
#: an index can hold. Most of it is null in most tasks, and takes no room there.
_LISTED: Final = (
    *("state", "state_folded", "name", "name_folded", "worker", "worker_folded"),
    *("queue", "queue_folded", "exception_class", "exception_class_folded", "timestamp", "sent"),
    *("started", "succeeded", "failed", "revoked", "runtime", "retries", "exchange"),
    *("exchange_folded", "routing_key", "routing_key_folded", "eta", "eta_folded", "expires"),
    *("expires_folded", "uuid_folded", "original_name", "original_name_folded"),
)

#: The indexes of `task`, by their names; they are made at a start where they are missing.
INDEXES: Final = {
    # The newest first, the oldest finished first: retention, and what memory starts with.
    "task_newest": f"({_key('timestamp')}, uuid, state)",
    # The list as it is seen at first. Most of what else is asked is found by going through this,
    # not the table, several times as large; ten small ones would cost the writer much more.
    "task_listed": f"({_key('received')}, uuid) INCLUDE (id, {', '.join(_LISTED)})",
    # The drill-down to one type, and the slowest.
    "task_by_name": f"({_key('name')}, uuid)",
    "task_by_runtime": f"({_key('runtime')}, uuid)",
    "task_children": "(parent_id) WHERE parent_id IS NOT NULL",
    f"task_{SHARED}": f"({SHARED}) WHERE {SHARED} IS NOT NULL",
}
#: What 0.1.0 made, and is not needed.
FORMER_INDEXES: Final = (
    *("task_newest_of_state", "task_newest_of_name", "task_newest_of_worker", "task_by_state"),
    *("task_by_worker", "task_by_received", "task_by_started"),
)
#: Rows that changed are fetched from the table until it was vacuumed: sooner than at a fifth of it.
VACUUMED: Final = (
    "ALTER TABLE task SET (autovacuum_vacuum_scale_factor = 0.02,"
    " autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)"
)


def substrings(extension: str) -> str:
    """Return the index of the texts of words; pg_trgm is in the schema `extension`."""
    return f"USING gin (({POSTGRESQL.all_texts(str)}) {extension}.gin_trgm_ops)"
