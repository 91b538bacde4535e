"""The one way from a TaskQuery to SQL. Pure.

Every statement gives one row; tasks are in it as a JSON array of arrays, each a TaskRow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from flower_ng.store.merge import pair_pattern
from flower_ng.store.schema import COLUMNS, FOLDED, folded
from flower_ng.store.search import (
    WORD_FIELDS,
    AllOf,
    AnyOf,
    HasPair,
    InField,
    IsState,
    Search,
    Word,
)

#: What a query may be counted by.
COUNTED = ("state", "name", "worker")


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """Which tasks, in which order, and which of them.

    `state`, `name` and `worker` are whole values, their case ignored. The received range (UTC
    seconds) includes both ends, and tasks that no one received pass it. Without `sort` the newest
    come first, whatever the direction; an attribute that tasks do not have sorts by id.
    """

    search: Search | None = None
    state: str | None = None
    name: str | None = None
    worker: str | None = None
    received_start: float | None = None
    received_end: float | None = None
    sort: str | None = None
    descending: bool = False
    offset: int = 0
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL and its parameters."""

    text: str
    parameters: Sequence[Any]


def page(query: TaskQuery) -> Statement:
    """Return a statement for (number of all tasks, of those that match, the page's rows).

    Filters are gone through once, for both the number and the page.
    """
    where = _Where(query)
    total = "(SELECT count(*) FROM task)"
    if where:
        found, source, matching = f"WITH hit AS ({_hits(query, where)})", "hit", "count(*) FROM hit"
    else:
        found, source, matching = "", f"({_hits(query, where)})", total
    rows = f"SELECT {_rows()} FROM ({_picked(query, source)}) p CROSS JOIN task t ON t.id = p.id"
    text = f"{found} SELECT {total}, (SELECT {matching}), ({rows})"
    return Statement(text, (*where.parameters, *_limits(query)))


def ids(query: TaskQuery) -> Statement:
    """Return a statement for the row ids of all tasks that match, a JSON array."""
    where = _Where(query)
    picked = _picked(query, f"({_hits(query, where)})")
    text = f"SELECT json_group_array(id) FROM ({picked})"
    return Statement(text, (*where.parameters, *_limits(query)))


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


class _Where:
    """The filters of a query as a WHERE clause; false when there are none."""

    def __init__(self, query: TaskQuery) -> None:
        self.parameters: list[Any] = []
        conditions = [
            f"{folded(field)} = {self._value(wanted.casefold())}"
            for field in COUNTED
            if (wanted := getattr(query, field)) is not None
        ]
        conditions += [
            f"(t.received IS NULL OR t.received {relation} {self._value(limit)})"
            for relation, limit in ((">=", query.received_start), ("<=", query.received_end))
            if limit is not None
        ]
        if query.search is not None:
            conditions.append(self._search(query.search))
        self._conditions = conditions

    def __bool__(self) -> bool:
        return bool(self._conditions)

    def __str__(self) -> str:
        return f"WHERE {' AND '.join(self._conditions)}" if self._conditions else ""

    def _value(self, value: object) -> str:
        self.parameters.append(value)
        return "?"

    def _search(self, search: Search) -> str:
        match search:
            case AllOf(parts):
                return f"({' AND '.join(map(self._search, parts))})"
            case AnyOf(parts):
                return f"({' OR '.join(map(self._search, parts))})"
            case Word(text):
                return f"({' OR '.join(self._holds(field, text) for field in WORD_FIELDS)})"
            case InField(field, text):
                return self._holds(field, text)
            case IsState(text):
                return f"{folded('state')} = {self._value(text)}"
            case HasPair(text):
                return f"instr(t.pairs, {self._value(pair_pattern(text))})"

    def _holds(self, field: str, text: str) -> str:
        return f"instr({folded(field)}, {self._value(text)})"


def _hits(query: TaskQuery, where: _Where) -> str:
    return f"SELECT t.id, t.uuid, {_sort_key(query.sort)} AS key FROM task t {where}"


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
