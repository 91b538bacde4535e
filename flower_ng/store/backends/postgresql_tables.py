"""The tables, indexes and triggers of a store in PostgreSQL. Pure.

The columns are those of `tables.schema`; the indexes stand in for the search library that a SQLite
file has beside it.
"""

from typing import Final

from flower_ng.store.sql.walks import FEW_VALUED, NUMBERS
from flower_ng.store.tables.dialect import POSTGRESQL
from flower_ng.store.tables.schema import (
    COLUMNS,
    FOLDED,
    KIN,
    SHARED,
    STORED,
    VERSION,
    beside,
    folded,
)

_TEXT: Final = POSTGRESQL.type("TEXT")
_NUMBERED: Final = "place bigint GENERATED ALWAYS AS IDENTITY"


def _task() -> str:
    columns = ", ".join(f"{name} {POSTGRESQL.type(kind)}" for name, kind in STORED.items())
    return (
        "CREATE TABLE task (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        f" {columns}, UNIQUE (uuid))"
    )


def _key(column: str) -> str:
    """Return what lists are sorted by, see `sort_key`, in the order of an index."""
    if column in FOLDED:
        key = folded(column, "task")
    else:
        key = POSTGRESQL.text(column) if COLUMNS[column] == "INTEGER" else column
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

#: Numbers that an index has beside more.
_WITH_MORE: Final = ("timestamp", "received")

#: The indexes of `task`, by their names; they are made at a start where they are missing.
INDEXES: Final = {
    # The newest first, the oldest finished first: retention, and what memory starts with.
    "task_newest": f"({_key('timestamp')}, uuid, state)",
    # The list as it is seen at first. Most of what else is asked is found by going through this,
    # not the table, several times as large; ten small ones would cost the writer much more.
    "task_listed": f"({_key('received')}, uuid) INCLUDE (id, {', '.join(_LISTED)})",
    # What lists are narrowed and sorted by. Equal values share an entry, so that these cost little;
    # of the tasks of one value, `walks` tells how they come in the order of their ids.
    **{f"task_of_{column}": f"({_key(column)})" for column in (*FEW_VALUED, "exception_class")},
    **{f"task_of_{column}": f"({_key(column)})" for column in NUMBERS if column not in _WITH_MORE},
    # Searches compare with numbers that need not be whole.
    "task_retried": "((CAST(retries AS double precision)))",
    "task_children": "(parent_id) WHERE parent_id IS NOT NULL",
    **KIN,
    f"task_{SHARED}": f"({SHARED}) WHERE {SHARED} IS NOT NULL",
}
#: What earlier versions made, and is not needed.
FORMER_INDEXES: Final = (
    *("task_newest_of_state", "task_newest_of_name", "task_newest_of_worker", "task_by_state"),
    *("task_by_worker", "task_by_received", "task_by_started", "task_by_name", "task_by_runtime"),
)


def _counting(name: str, when: str, rows: str = "") -> tuple[str, str]:
    counting = "FOR EACH STATEMENT EXECUTE FUNCTION task_total_kept()"
    return (
        f"DROP TRIGGER IF EXISTS {name} ON task",
        f"CREATE TRIGGER {name} AFTER {when} ON task {rows} {counting}",
    )


#: The number of all tasks, kept by the database itself, whoever writes: to count a million of them
#: takes longer than a page may.
TOTAL: Final = (
    """CREATE TABLE task_total (
      is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only), tasks bigint NOT NULL)""",
    """CREATE OR REPLACE FUNCTION task_total_kept() RETURNS trigger
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN
      IF TG_OP = 'INSERT' THEN
        UPDATE task_total SET tasks = tasks + (SELECT count(*) FROM changed);
      ELSIF TG_OP = 'DELETE' THEN
        UPDATE task_total SET tasks = tasks - (SELECT count(*) FROM changed);
      ELSE
        UPDATE task_total SET tasks = 0;
      END IF;
      RETURN NULL;
    END $$""",
    *_counting("task_added", "INSERT", "REFERENCING NEW TABLE AS changed"),
    *_counting("task_deleted", "DELETE", "REFERENCING OLD TABLE AS changed"),
    *_counting("task_truncated", "TRUNCATE"),
    "INSERT INTO task_total (tasks) VALUES (0)",
)
RECOUNT: Final = "UPDATE task_total SET tasks = (SELECT count(*) FROM task)"
#: Rows that changed are fetched from the table until it was vacuumed: sooner than at a fifth of it.
VACUUMED: Final = (
    "ALTER TABLE task SET (autovacuum_vacuum_scale_factor = 0.02,"
    " autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)"
)


def substrings(extension: str) -> str:
    """Return the index of the texts of words; pg_trgm is in the schema `extension`."""
    return f"USING gin (({POSTGRESQL.all_texts(str)}) {extension}.gin_trgm_ops)"
