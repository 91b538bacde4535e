"""The one way from a TaskQuery to SQL. Pure.

Every statement gives one row; tasks are in it as a JSON array of arrays, each a TaskRow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from flower_ng.store.schema import COLUMNS, FOLDED, folded
from flower_ng.store.task_query import TaskQuery
from flower_ng.store.where import Clause, TaskTable, where

#: What a query may be counted by.
COUNTED = ("state", "name", "worker")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL and its parameters."""

    text: str
    parameters: Sequence[Any]


def page(query: TaskQuery, now: float) -> Statement:
    """Return a statement for (number of all tasks, of those that match, the page's rows).

    Filters are gone through once, for both the number and the page.
    """
    clause = where(query, TaskTable(), now)
    total = "(SELECT count(*) FROM task)"
    if clause:
        found, source, matching = (
            f"WITH hit AS ({_hits(query, clause)})",
            "hit",
            "count(*) FROM hit",
        )
    else:
        found, source, matching = "", f"({_hits(query, clause)})", total
    rows = f"SELECT {_rows()} FROM ({_picked(query, source)}) p CROSS JOIN task t ON t.id = p.id"
    text = f"{found} SELECT {total}, (SELECT {matching}), ({rows})"
    return Statement(text, (*clause.parameters, *_limits(query)))


def ids(query: TaskQuery, now: float) -> Statement:
    """Return a statement for the row ids of all tasks that match, a JSON array."""
    clause = where(query, TaskTable(), now)
    picked = _picked(query, f"({_hits(query, clause)})")
    text = f"SELECT json_group_array(id) FROM ({picked})"
    return Statement(text, (*clause.parameters, *_limits(query)))


def rows_of(ids: Sequence[int]) -> Statement:
    """Return a statement for the rows with these ids, in their order."""
    hits = "json_each(?) hit CROSS JOIN task t ON t.id = hit.value"
    return Statement(f"SELECT {_rows()} FROM {hits}", (msgspec.json.encode(ids).decode(),))


def one(uuid: str) -> Statement:
    """Return a statement for the rows with this uuid: none or one."""
    return Statement(f"SELECT {_rows()} FROM task t WHERE t.uuid = ?", (uuid,))


def types() -> Statement:
    """Return a statement for the sorted names of all tasks, a JSON array."""
    names = "SELECT DISTINCT name FROM task WHERE name IS NOT NULL ORDER BY name"
    return Statement(f"SELECT json_group_array(name) FROM ({names})", ())


def counts(column: str) -> Statement:
    """Return a statement for an object of value and number, of the tasks that have the value."""
    if column not in COUNTED:
        raise ValueError(f"Tasks are counted by {', '.join(COUNTED)}, not by {column!r}")
    groups = f"SELECT {column} AS value, count(*) AS n FROM task GROUP BY 1"
    return Statement(
        f"SELECT json_group_object(value, n) FROM ({groups}) WHERE value IS NOT NULL", ()
    )


def _hits(query: TaskQuery, clause: Clause) -> str:
    condition = f"WHERE {clause.text}" if clause else ""
    return f"SELECT t.id, t.uuid, {_sort_key(query.sort)} AS key FROM task t {condition}"


def _picked(query: TaskQuery, source: str) -> str:
    direction = "DESC" if query.descending or query.sort is None else "ASC"
    order = f"key {direction}, uuid {direction}"
    return f"SELECT id FROM {source} ORDER BY {order} LIMIT ? OFFSET ?"


def _limits(query: TaskQuery) -> tuple[int, int]:
    return -1 if query.limit is None else query.limit, query.offset


_SYNONYMS = {"root": "root_id", "parent": "parent_id"}


def _sort_key(sort: str | None) -> str:
    """Return the SQL to sort by, null where lacking: SQLite puts nulls first when ascending."""
    attribute = "timestamp" if sort is None else _SYNONYMS.get(sort, sort)
    if attribute in FOLDED:
        return folded(attribute)
    if COLUMNS.get(attribute) == "INTEGER":
        return f"CAST(t.{attribute} AS TEXT)"
    return f"t.{attribute}" if attribute in COLUMNS else "NULL"


def _rows() -> str:
    values = ", ".join(_wire(name, kind) for name, kind in COLUMNS.items())
    children = "(SELECT json_group_array(c.uuid) FROM task c WHERE c.parent_id = t.uuid)"
    return f"'[' || ifnull(group_concat(json_array({values}, json({children}))), '') || ']'"


def _wire(name: str, kind: str) -> str:
    """Return the SQL for a value in JSON; SQLite's own JSON would cut a time to 10 µs."""
    return f"quote(t.{name})" if kind == "REAL" else f"t.{name}"
