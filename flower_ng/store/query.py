"""The one way from a TaskQuery to SQL. Pure.

Every statement gives one row; tasks are in it as a JSON array of arrays, each a TaskRow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from flower_ng.store.dialect import SQLITE, Dialect, Direction
from flower_ng.store.keyset import Place, attribute, is_descending
from flower_ng.store.lineage import rerun_of, reruns
from flower_ng.store.schema import COLUMNS, FOLDED, TOLD_IN_LISTS, folded, value
from flower_ng.store.task_query import TaskQuery
from flower_ng.store.where import Clause, TaskTable, where


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL and its parameters."""

    text: str
    parameters: Sequence[Any]


def page(
    query: TaskQuery, now: float, dialect: Dialect = SQLITE, held: int | None = None
) -> Statement:
    """Return a statement for (number of all tasks, of those that match, the page's rows).

    Filters are gone through once, for both the number and the page. All tasks are not counted where
    it is known how many are `held`.
    """
    clause = where(query, TaskTable(dialect=dialect), now)
    total = "(SELECT count(*) FROM task)" if held is None else f"{held}"
    if clause:
        found, source, matching = (
            f"WITH hit AS ({_hits(query, clause, dialect)})",
            "hit",
            "count(*) FROM hit",
        )
    else:
        found, source, matching = "", f"({_hits(query, clause, dialect)}) hit", total
    picked = dialect.looped(f"({_picked(query, source, dialect)}) p", "task t", "t.id = p.id")
    rows = f"SELECT {rows_json(dialect, 'p.place')} FROM {picked}"
    text = f"{found} SELECT {total}, (SELECT {matching}), ({rows})"
    return Statement(text, (*clause.parameters, *_limits(query, dialect)))


def after(
    query: TaskQuery, place: Place | None, limit: int, now: float, dialect: Dialect = SQLITE
) -> Statement:
    """Return a statement for the first rows behind a place, in the query's order."""
    clause = where(query, TaskTable(dialect=dialect), now)
    behind = _behind(query, place, dialect)
    conditions = " AND ".join(part.text for part in (clause, behind) if part)
    hits = _hits(query, Clause(conditions), dialect)
    picked = _picked(replace(query, offset=0), f"({hits}) hit", dialect)
    joined = dialect.looped(f"({picked}) p", "task t", "t.id = p.id")
    text = f"SELECT {rows_json(dialect, 'p.place')} FROM {joined}"
    return Statement(text, (*clause.parameters, *behind.parameters, limit, 0))


def _behind(query: TaskQuery, place: Place | None, dialect: Dialect) -> Clause:
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


def ids(query: TaskQuery, now: float, dialect: Dialect = SQLITE) -> Statement:
    """Return a statement for the row ids of all tasks that match, a JSON array."""
    clause = where(query, TaskTable(dialect=dialect), now)
    picked = _picked(query, f"({_hits(query, clause, dialect)}) hit", dialect)
    text = f"SELECT {dialect.array_of('id', 'place')} FROM ({picked}) p"
    return Statement(text, (*clause.parameters, *_limits(query, dialect)))


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


def _hits(query: TaskQuery, clause: Clause, dialect: Dialect) -> str:
    condition = f"WHERE {clause.text}" if clause else ""
    return f"SELECT t.id, t.uuid, {_sort_key(query.sort, dialect)} AS key FROM task t {condition}"


def _picked(query: TaskQuery, source: str, dialect: Dialect) -> str:
    direction: Direction = "DESC" if is_descending(query) else "ASC"
    order = f"{dialect.ordered('key', direction)}, uuid {direction}"
    return f"SELECT id{dialect.place_by(order)} FROM {source} ORDER BY {order} LIMIT ? OFFSET ?"


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
