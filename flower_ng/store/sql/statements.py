"""Translates a TaskQuery into SQL statements, with the cursors of long lists. Pure.

Every statement gives one row; tasks are in it as a JSON array of arrays, each a TaskRow.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import msgspec

from flower_ng.errors import BadRequest
from flower_ng.search.conditions import TaskQuery
from flower_ng.store.sql.where import Clause, where
from flower_ng.store.tables.dialect import SQLITE, Dialect, Direction, json_text
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

Key: TypeAlias = float | str | None


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


@dataclass(frozen=True, slots=True)
class Sample:
    """Some tasks of PostgreSQL's table, the same each time while it does not change."""

    percent: float


#: Row ids or a sample, outside of which no tasks are looked at; None for all.
Among: TypeAlias = Sequence[int] | Sample | None


@dataclass(frozen=True, slots=True)
class Selection:
    """The tasks `t` that meet a query at a moment, in the SQL of a dialect.

    `source` is the relation that they are in, `clause` what they must meet.
    """

    query: TaskQuery
    dialect: Dialect
    source: Statement
    clause: Clause

    @classmethod
    def of(
        cls,
        query: TaskQuery,
        now: float,
        dialect: Dialect = SQLITE,
        among: Among = None,
    ) -> "Selection":
        """Return what matches at `now` (UTC seconds), of all or `among` the tasks of some rows."""
        source = Statement("task t", ())
        if isinstance(among, Sample):
            source = Statement(f"task t TABLESAMPLE SYSTEM ({among.percent}) REPEATABLE (1)", ())
        elif among is not None:
            text = dialect.looped(dialect.each("INTEGER"), "task t", "t.id = each.value")
            source = Statement(text, (json_text(among),))
        return cls(query, dialect, source, where(query, dialect, now))

    @property
    def parameters(self) -> tuple[Any, ...]:
        """Those of the relation, then those of the condition."""
        return (*self.source.parameters, *self.clause.parameters)

    def with_those(self, begin: str, *conditions: str) -> str:
        """Return a query that begins so, of the tasks that match and meet these conditions too."""
        found = " AND ".join(filter(None, (*conditions, self.clause.text)))
        return f"{begin} FROM {self.source.text}" + (f" WHERE {found}" if found else "")


def page(found: Selection, held: int | None = None) -> Statement:
    """Return a statement for (number of all tasks, of those that match, the page's rows).

    Filters are gone through once, for both the number and the page. All tasks are not counted where
    it is known how many are `held`.
    """
    query, clause, dialect = found.query, found.clause, found.dialect
    hits, given = _hits(found), found.parameters
    total = f"(SELECT {dialect.number_of_tasks})" if held is None else f"{held}"
    before, hit = "", f"({hits}) hit"
    if clause or found.source.parameters:
        before, hit, matching = f"WITH hit AS ({hits})", "hit", "count(*) FROM hit"
    elif held is None:
        before = f"WITH counted (n) AS (SELECT {dialect.number_of_tasks})"
        total, matching = "(SELECT n FROM counted)", "n FROM counted"
    else:
        matching = total
    rows = _rows_of(_picked(query, hit, dialect), dialect)
    text = f"{before} SELECT {total}, (SELECT {matching}), ({rows})"
    return Statement(text, (*given, *_limits(query, dialect)))


def after(found: Selection, place: CursorPosition | None, limit: int) -> Statement:
    """Return a statement for the first rows behind a place, in the query's order."""
    behind = _behind(found.query, place, found.dialect)
    hits = f"({_hits(found, behind.text)}) hit"
    text = _rows_of(_picked(found.query, hits, found.dialect), found.dialect)
    given = (*found.source.parameters, *behind.parameters, *found.clause.parameters)
    return Statement(text, (*given, limit, 0))


def _behind(query: TaskQuery, place: CursorPosition | None, dialect: Dialect) -> Clause:
    """Return the condition for what is behind a place: what lacks a value is less than all."""
    if place is None:
        return Clause("")
    key, relation = sort_key(query.sort, dialect), "<" if is_descending(query) else ">"
    if place.key is None:
        more = "" if is_descending(query) else f" OR {key} IS NOT NULL"
        return Clause(f"({key} IS NULL AND t.uuid {relation} ?{more})", (place.uuid,))
    beyond = f"({key}, t.uuid) {relation} (?, ?)"
    can_lack = is_descending(query) and query.sort is not None
    text = f"({beyond} OR {key} IS NULL)" if can_lack else beyond
    return Clause(text, (place.key, place.uuid))


def ids(found: Selection) -> Statement:
    """Return a statement for the row ids of all tasks that match, a JSON array."""
    picked = _picked(found.query, f"({_hits(found)}) hit", found.dialect)
    text = f"SELECT {found.dialect.array_of('id', 'place')} FROM ({picked}) p"
    return Statement(text, (*found.parameters, *_limits(found.query, found.dialect)))


def those(
    values: Sequence[Any], dialect: Dialect = SQLITE, key: Literal["id", "uuid"] = "uuid"
) -> Statement:
    """Return a statement for the rows with these keys, in their order; unknown ones are out."""
    each = dialect.each("INTEGER" if key == "id" else "TEXT")
    hits = dialect.looped(each, "task t", f"t.{key} = each.value")
    text = f"SELECT {rows_json(dialect, 'each.key')} FROM {hits}"
    return Statement(text, (json_text(values),))


def uuids_of(ids: Sequence[int], dialect: Dialect = SQLITE) -> Statement:
    """Return a statement for the task ids of the rows with these ids, a JSON array."""
    tasks = f"SELECT uuid FROM task WHERE id IN (SELECT value FROM {dialect.each('INTEGER')})"
    text = f"SELECT {dialect.array_of('uuid')} FROM ({tasks}) found"
    return Statement(text, (json_text(ids),))


def groups_of(uuids: Sequence[str], dialect: Dialect = SQLITE) -> Statement:
    """Return a statement for tasks by type, state and queue, and how many were run again.

    The first is a JSON array of [name, state, queue, number], the largest first.
    """
    each = dialect.each()
    among = dialect.looped(each, "task t", "t.uuid = each.value")
    groups = f"SELECT t.name, t.state, t.queue, count(*) AS n FROM {among} GROUP BY 1, 2, 3"
    array = dialect.array("name", "state", "queue", "n")
    counted = f"SELECT {dialect.arrays_of(array, 'n DESC')} FROM ({groups} ORDER BY n DESC) g"
    again = f"SELECT count(DISTINCT rerun_of) FROM rerun JOIN {each} ON rerun_of = each.value"
    return Statement(f"SELECT ({counted}), ({again})", (json_text(uuids), json_text(uuids)))


def one(uuid: str, dialect: Dialect = SQLITE) -> Statement:
    """Return a statement for the rows with this uuid: none or one."""
    rows = rows_json(dialect, whole=True)
    return Statement(f"SELECT {rows} FROM task t WHERE t.uuid = ?", (uuid,))


def _hits(found: Selection, *conditions: str) -> str:
    key = sort_key(found.query.sort, found.dialect)
    return found.with_those(f"SELECT t.id, t.uuid, {key} AS key", *conditions)


def _rows_of(picked: str, dialect: Dialect) -> str:
    """Return the query for the rows of the tasks that another one has picked."""
    joined = dialect.looped(f"({picked}) p", "task t", "t.id = p.id")
    return f"SELECT {rows_json(dialect, 'p.place')} FROM {joined}"


def _picked(query: TaskQuery, source: str, dialect: Dialect) -> str:
    direction: Direction = "DESC" if is_descending(query) else "ASC"
    order = f"{dialect.ordered('key', direction)}, uuid {direction}"
    place = dialect.place_by(order)
    return f"SELECT id, uuid, key{place} FROM {source} ORDER BY {order} LIMIT ? OFFSET ?"


def _limits(query: TaskQuery, dialect: Dialect) -> tuple[int | None, int]:
    return dialect.no_limit if query.limit is None else query.limit, query.offset


def sort_key(sort: str | None, dialect: Dialect) -> str:
    """Return the SQL to sort by, null where lacking: that comes first when ascending."""
    name = attribute(sort)
    if name in FOLDED:
        return folded(name)
    if COLUMNS.get(name) == "INTEGER":
        return dialect.text(f"t.{name}")
    return f"t.{name}" if name in COLUMNS else "NULL"


def rows_json(dialect: Dialect = SQLITE, order: str = "", *, whole: bool = False) -> str:
    """Return the SQL for a JSON array of the tasks `t`, each a TaskRow; `whole` has all of each."""
    values = [
        dialect.exact(value(name)) if kind == "REAL" else value(name)
        for name, kind in COLUMNS.items()
    ]
    each = dialect.array_of("c.uuid")
    children = dialect.json(f"(SELECT {each} FROM task c WHERE c.parent_id = t.uuid)")
    told = [value(name) for name in TOLD_IN_LISTS]
    if whole:
        told += [value("timeline"), rerun_of("t"), reruns("t", dialect), value("log")]
    return dialect.arrays_of(dialect.array(*values, children, *told), order)
