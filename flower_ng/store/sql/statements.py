"""Translates a TaskQuery into SQL statements, with the cursors of long lists. Pure.

Every statement gives one row; tasks are in it as a JSON array of arrays, each a TaskRow.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from flower_ng.errors import BadRequest
from flower_ng.store.search.conditions import TaskQuery
from flower_ng.store.sql.where import Clause, where
from flower_ng.store.tables.dialect import SQLITE, Dialect, Direction
from flower_ng.store.tables.rows import TaskRow
from flower_ng.store.tables.schema import (
    COLUMNS,
    FOLDED,
    TOLD_IN_LISTS,
    case_folded,
    folded,
    rerun_of,
    reruns,
    value,
)

#: Flower's second names.
SYNONYMS = {"root": "root_id", "parent": "parent_id"}

Key = float | str | None


class CursorPosition(msgspec.Struct, frozen=True, array_like=True):
    """Behind the task with this key and id, in the order of `sort`.

    A list does not shift under it: what comes in front of it later is not on a later page, and a
    task whose key changes may be on two or on none.
    """

    sort: str
    is_descending: bool
    key: Key
    uuid: str

    @classmethod
    def of(cls, query: TaskQuery, key: Key, uuid: str) -> "CursorPosition":
        """Return a task's place in a query's list."""
        return cls(attribute(query.sort), is_descending(query), key, uuid)


@dataclass(frozen=True, slots=True)
class CursorPage:
    """Some rows of a list, and the cursor of those that follow; None behind the last."""

    rows: list[TaskRow]
    next: str | None


def attribute(sort: str | None) -> str:
    """Return the column that a TaskQuery's `sort` names."""
    return "timestamp" if sort is None else SYNONYMS.get(sort, sort)


def is_descending(query: TaskQuery) -> bool:
    """Whether the largest come first."""
    return query.descending or query.sort is None


def place_of(query: TaskQuery, cursor: str | None) -> CursorPosition | None:
    """Return the place that a cursor names, None without one.

    Raises BadRequest for what is no cursor, or one of a list in another order.
    """
    if not cursor:
        return None
    try:
        place = msgspec.json.decode(urlsafe_b64decode(cursor), type=CursorPosition)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise BadRequest(f"Invalid cursor '{cursor[:40]}', begin without one") from None
    if (place.sort, place.is_descending) != (attribute(query.sort), is_descending(query)):
        raise BadRequest("The cursor is of a list in another order, begin without one")
    return place


def cursor_behind(query: TaskQuery, row: TaskRow) -> str:
    """Return the cursor of what follows a row."""
    place = CursorPosition.of(query, _key(attribute(query.sort), row), row.uuid)
    return urlsafe_b64encode(msgspec.json.encode(place)).decode()


def _key(sort: str, row: TaskRow) -> Key:
    """Return what a row is sorted by: texts case-folded, whole numbers as texts."""
    value = getattr(row, sort) if sort in COLUMNS else None
    if isinstance(value, str):
        return case_folded(sort, value)
    return str(value) if COLUMNS.get(sort) == "INTEGER" and value is not None else value


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL and its parameters."""

    text: str
    parameters: Sequence[Any]


def page(
    query: TaskQuery,
    now: float,
    dialect: Dialect = SQLITE,
    held: int | None = None,
    among: Sequence[int] | None = None,
) -> Statement:
    """Return a statement for (number of all tasks, of those that match, the page's rows).

    Filters are gone through once, for both the number and the page, unless the dialect
    `counts_apart` what its indexes hold. All tasks are not counted where it is known how many are
    `held`. With `among`, row ids, other tasks neither match nor are shown.
    """
    clause = where(query, dialect, now)
    source = tasks(dialect, among)
    hits = _hits(query, source, clause, dialect)
    total = "(SELECT count(*) FROM task)" if held is None else f"{held}"
    given = (*source.parameters, *clause.parameters)
    if clause and dialect.counts_apart and not clause.payload:
        matching = f"count(*) FROM {source.text} WHERE {clause.text}"
        found, hit, given = "", f"({hits}) hit", given * 2
    elif clause or among is not None:
        found, hit, matching = f"WITH hit AS ({hits})", "hit", "count(*) FROM hit"
    elif held is None:
        found, hit = "WITH counted AS (SELECT count(*) AS n FROM task)", f"({hits}) hit"
        total, matching = "(SELECT n FROM counted)", "n FROM counted"
    else:
        found, hit, matching = "", f"({hits}) hit", total
    picked = dialect.looped(f"({_picked(query, hit, dialect)}) p", "task t", "t.id = p.id")
    rows = f"SELECT {rows_json(dialect, 'p.place')} FROM {picked}"
    text = f"{found} SELECT {total}, (SELECT {matching}), ({rows})"
    return Statement(text, (*given, *_limits(query, dialect)))


def after(
    query: TaskQuery,
    place: CursorPosition | None,
    limit: int,
    now: float,
    dialect: Dialect = SQLITE,
    among: Sequence[int] | None = None,
) -> Statement:
    """Return a statement for the first rows behind a place, in the query's order."""
    picked = _first(query, place, limit, now, dialect, among)
    joined = dialect.looped(f"({picked.text}) p", "task t", "t.id = p.id")
    return Statement(f"SELECT {rows_json(dialect, 'p.place')} FROM {joined}", picked.parameters)


def _first(
    query: TaskQuery,
    place: CursorPosition | None,
    limit: int,
    now: float,
    dialect: Dialect,
    among: Sequence[int] | None,
) -> Statement:
    clause, behind = where(query, dialect, now), _behind(query, place, dialect)
    source = tasks(dialect, among)
    conditions = " AND ".join(part.text for part in (clause, behind) if part)
    hits = _hits(query, source, Clause(conditions), dialect)
    picked = _picked(query, f"({hits}) hit", dialect)
    given = (*source.parameters, *clause.parameters, *behind.parameters)
    return Statement(picked, (*given, limit, 0))


def _behind(query: TaskQuery, place: CursorPosition | None, dialect: Dialect) -> Clause:
    """Return the condition for what is behind a place: what lacks a value is less than all."""
    if place is None:
        return Clause("")
    key, relation = _sort_key(query.sort, dialect), "<" if is_descending(query) else ">"
    if place.key is None:
        more = "" if is_descending(query) else f" OR {key} IS NOT NULL"
        return Clause(f"({key} IS NULL AND t.uuid {relation} ?{more})", (place.uuid,))
    beyond = f"({key}, t.uuid) {relation} (?, ?)"
    can_lack = is_descending(query) and query.sort is not None
    text = f"({beyond} OR {key} IS NULL)" if can_lack else beyond
    return Clause(text, (place.key, place.uuid))


def ids(
    query: TaskQuery,
    now: float,
    dialect: Dialect = SQLITE,
    among: Sequence[int] | None = None,
) -> Statement:
    """Return a statement for the row ids of all tasks that match, a JSON array."""
    clause, source = where(query, dialect, now), tasks(dialect, among)
    picked = _picked(query, f"({_hits(query, source, clause, dialect)}) hit", dialect)
    text = f"SELECT {dialect.array_of('id', 'place')} FROM ({picked}) p"
    return Statement(text, (*source.parameters, *clause.parameters, *_limits(query, dialect)))


def rows_of(ids: Sequence[int], dialect: Dialect = SQLITE) -> Statement:
    """Return a statement for the rows with these ids, in their order."""
    hits = dialect.looped(dialect.each("INTEGER"), "task t", "t.id = each.value")
    text = f"SELECT {rows_json(dialect, 'each.key')} FROM {hits}"
    return Statement(text, (msgspec.json.encode(ids).decode(),))


def uuids_of(ids: Sequence[int], dialect: Dialect = SQLITE) -> Statement:
    """Return a statement for the task ids of the rows with these ids, a JSON array."""
    tasks = f"SELECT uuid FROM task WHERE id IN (SELECT value FROM {dialect.each('INTEGER')})"
    text = f"SELECT {dialect.array_of('uuid')} FROM ({tasks}) found"
    return Statement(text, (msgspec.json.encode(ids).decode(),))


def one(uuid: str, dialect: Dialect = SQLITE) -> Statement:
    """Return a statement for the rows with this uuid: none or one."""
    rows = rows_json(dialect, whole=True)
    return Statement(f"SELECT {rows} FROM task t WHERE t.uuid = ?", (uuid,))


def those(uuids: Sequence[str], dialect: Dialect = SQLITE) -> Statement:
    """Return a statement for the rows with these uuids, in their order; unknown ones are out."""
    hits = dialect.looped(dialect.each(), "task t", "t.uuid = each.value")
    text = f"SELECT {rows_json(dialect, 'each.key')} FROM {hits}"
    return Statement(text, (msgspec.json.encode(uuids).decode(),))


def tasks(dialect: Dialect, among: Sequence[int] | None = None) -> Statement:
    """Return the relation of the tasks `t`, of those with these row ids where any are given."""
    if among is None:
        return Statement("task t", ())
    text = dialect.looped(dialect.each("INTEGER"), "task t", "t.id = each.value")
    return Statement(text, (msgspec.json.encode(among).decode(),))


def _hits(query: TaskQuery, source: Statement, clause: Clause, dialect: Dialect) -> str:
    condition = f" WHERE {clause.text}" if clause else ""
    key = _sort_key(query.sort, dialect)
    return f"SELECT t.id, t.uuid, {key} AS key FROM {source.text}{condition}"


def _picked(query: TaskQuery, source: str, dialect: Dialect) -> str:
    direction: Direction = "DESC" if is_descending(query) else "ASC"
    order = f"{dialect.ordered('key', direction)}, uuid {direction}"
    place = dialect.place_by(order)
    return f"SELECT id, uuid, key{place} FROM {source} ORDER BY {order} LIMIT ? OFFSET ?"


def _limits(query: TaskQuery, dialect: Dialect) -> tuple[int | None, int]:
    return dialect.no_limit if query.limit is None else query.limit, query.offset


def _sort_key(sort: str | None, dialect: Dialect) -> str:
    """Return the SQL to sort by, null where lacking: that comes first when ascending."""
    name = attribute(sort)
    if name in FOLDED:
        return folded(name)
    if COLUMNS.get(name) == "INTEGER":
        return dialect.text(f"t.{name}")
    return f"t.{name}" if name in COLUMNS else "NULL"


def rows_json(dialect: Dialect = SQLITE, order: str = "", *, whole: bool = False) -> str:
    """Return the SQL for a JSON array of the tasks `t`, each a TaskRow; `whole` has all of each."""
    values = [_wire(name, kind, dialect) for name, kind in COLUMNS.items()]
    each = dialect.array_of("c.uuid")
    children = dialect.json(f"(SELECT {each} FROM task c WHERE c.parent_id = t.uuid)")
    told = [value(name) for name in TOLD_IN_LISTS]
    if whole:
        told += [value("timeline"), rerun_of("t"), reruns("t", dialect)]
    return dialect.arrays_of(dialect.array(*values, children, *told), order)


def _wire(name: str, kind: str, dialect: Dialect) -> str:
    return dialect.exact(value(name)) if kind == "REAL" else value(name)
