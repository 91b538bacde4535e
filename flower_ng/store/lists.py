"""Lists by the index: the first tasks that match, in order. On a reading thread."""

from dataclasses import replace
from typing import Any, Final

from flower_ng.store import counts
from flower_ng.store import query as plain
from flower_ng.store.arms import UNION, Arms, Further, anything, together
from flower_ng.store.behind import Behind, both
from flower_ng.store.counts import Count
from flower_ng.store.dialect import SQLITE, Dialect
from flower_ng.store.engine import Found
from flower_ng.store.keyset import Place, attribute
from flower_ng.store.order import Order
from flower_ng.store.parts import PartRows
from flower_ng.store.plan import Plan, gathering_plan, sorted_plan
from flower_ng.store.spread import spread
from flower_ng.store.task_query import TaskQuery, lifted
from flower_ng.store.view import View
from flower_ng.store.where import TaskTable, where

#: To merge more rows than this costs more than to look first where the wanted ones end.
MERGED: Final = 3000


def needs_index(query: TaskQuery) -> bool:
    """Tell whether a page needs the index: all tasks have their order in the main table too."""
    order = query.sort is None or attribute(query.sort) == "received"
    return not order or bool(where(query, TaskTable(), 0.0))


def page(view: View, query: TaskQuery, now: float, dialect: Dialect = SQLITE) -> Found:
    """Return the page that a query with a limit asks for."""
    if not view.directory.parts:
        asked = plain.page(query, now, dialect, view.held)
        total, filtered, rows = view.row(asked.text, asked.parameters)
        return Found(rows, total, filtered, exact=True)
    return _Page(view, lifted(query), now).found()


def after(
    view: View,
    query: TaskQuery,
    behind: Place | None,
    limit: int,
    now: float,
    dialect: Dialect = SQLITE,
) -> str:
    """Return the first rows behind a place in the query's order, as JSON."""
    asked = replace(query, offset=0, limit=limit)
    if not view.directory.parts:
        statement = plain.after(asked, behind, limit, now, dialect)
        (rows,) = view.row(statement.text, statement.parameters)
    else:
        rows = _Page(view, lifted(asked), now, behind).rows()
    return str(rows)


def count(view: View, query: TaskQuery, now: float, dialect: Dialect = SQLITE) -> int:
    """Return how many tasks match, to the last one."""
    if not view.directory.parts:
        asked = plain.page(replace(query, limit=0), now, dialect)
        _, number, _ = view.row(asked.text, asked.parameters)
    else:
        number = _Page(view, lifted(query), now).count()
    return int(number)


def ids(view: View, query: TaskQuery, now: float, dialect: Dialect = SQLITE) -> str:
    """Return the row ids of all that a query asks for, a JSON array."""
    if not view.directory.parts:
        asked = plain.ids(query, now, dialect)
        (found,) = view.row(asked.text, asked.parameters)
    else:
        found = _Page(view, lifted(query), now).ids()
    return str(found)


class _Page:
    """One query at one moment, for what is behind a place in its order."""

    def __init__(
        self, view: View, query: TaskQuery, now: float, behind: Place | None = None
    ) -> None:
        self._query = query
        self._all = Arms.of(view, TaskQuery(), now)
        self._arms = Arms.of(view, query, now)
        self._known = spread(self._arms, query)
        self._order = Order.of(query)
        self._gathering = gathering_plan(self._known, self._arms)
        self._behind = Behind.of(self._order, behind, self._arms)

    def found(self) -> Found:
        total = counts.total(self._all)
        hits, filtered = self._hits(total)
        numbers = f"{total.text}, {filtered.text}" if filtered is not total else total.text
        *counted, found = self._arms.view.row(
            f"WITH hit AS MATERIALIZED ({hits}) SELECT {numbers}, ({self._shown()})",
            self._arms.parameters,
        )
        return Found(found, counted[0], counted[-1], filtered.is_exact(counted[-1]))

    def rows(self) -> str:
        hits, _ = self._hits(Count("0"))
        (found,) = self._arms.view.row(
            f"WITH hit AS MATERIALIZED ({hits}) {self._shown()}", self._arms.parameters
        )
        return str(found)

    def count(self) -> int:
        counted = counts.whole(self._arms, self._known, self._gathering)
        (number,) = self._arms.view.row(f"SELECT {counted.text}", self._arms.parameters)
        return int(number)

    def ids(self) -> str:
        hits = self._gathered() if self._arms.narrow or self._query.sort else self._newest(-1)
        picked = f"SELECT id FROM hit {self._order.by('key', 'uuid')}"
        limit = -1 if self._query.limit is None else self._query.limit
        (found,) = self._arms.view.row(
            f"WITH hit AS MATERIALIZED ({hits}) SELECT json_group_array(id)"
            f" FROM ({picked} LIMIT {limit} OFFSET {self._query.offset})",
            self._arms.parameters,
        )
        return str(found)

    def _shown(self) -> str:
        picked = f"SELECT id FROM hit {self._order.by('key', 'uuid')} LIMIT {self._limit}"
        return (
            f"SELECT {plain.rows_json()} FROM ({picked} OFFSET {self._query.offset}) p"
            " CROSS JOIN task t ON t.id = p.id"
        )

    @property
    def _limit(self) -> int:
        return self._query.limit or 0

    def _hits(self, total: Count) -> tuple[str, Count]:
        """Return a relation that begins with the page's rows, and how many match in all."""
        wanted = self._query.offset + self._limit
        if not self._arms.narrow and self._query.sort is None:
            return self._newest(wanted), total
        plan = self._plan(wanted)
        if plan.way.is_sorted:
            also = self._behind.seek(plan.way)
            if self._is_far(plan, wanted):
                also = both(also, self._reach(plan, wanted))
            return self._sorted(plan, wanted, also), self._matching(total)
        if self._known.is_exact:
            return self._sorted(plan, wanted, self._behind.among), self._matching(total)
        return self._gathered(), Count("(SELECT count(*) FROM hit)")

    def _matching(self, total: Count) -> Count:
        if not self._arms.narrow:
            return total
        return counts.matching(self._arms, self._known, self._gathering)

    def _plan(self, wanted: int) -> Plan:
        """Return the best way; that to all tasks, where the order is not that of any index."""
        is_cased = self._behind.is_cased or any(part.cased for part in self._arms.parts)
        sort = self._order.column or "uuid"
        return sorted_plan(
            self._known,
            self._arms,
            "" if self._order.column == "uuid" and is_cased else sort,
            wanted,
            needs_task=self._order.is_payload,
        )

    def _newest(self, limit: int) -> str:
        """Return the newest of all tasks, for which the main table has an index."""
        order = self._order.by("t.timestamp", "t.uuid")
        columns = self._order.columns().table
        return f"SELECT {columns} FROM task t {self._behind.newest}{order} LIMIT {limit}"

    def _gathered(self) -> str:
        columns, way = self._order.columns(), self._gathering.way
        arms = self._arms.of_parts(columns, way, also=self._behind.among)
        return UNION.join([*arms, *self._arms.of_rest(columns, also=self._behind.of_rest)])

    def _sorted(self, plan: Plan, wanted: int, also: Further) -> str:
        """Return the first of each arm; rows of a part are in the order of their ids."""
        columns, direction = self._order.columns(), self._order.direction
        is_by_place = plan.way.is_sorted and not plan.way.index
        by = f"ORDER BY p.r {direction}" if is_by_place else self._order.by("key", "p.r")
        rest = f" {self._order.by('key', 'uuid')} LIMIT {wanted}"
        return together(
            [
                *self._arms.of_parts(columns, plan.way, f" {by} LIMIT {wanted}", also),
                *self._arms.of_rest(columns, rest, self._behind.of_rest),
            ]
        )

    def _is_far(self, plan: Plan, wanted: int) -> bool:
        """Tell whether each arm alone would go through many rows for its first ones."""
        share = max(self._known.matches, 0.5) / max(plan.rows, 1)
        return bool(plan.way.index) and wanted * len(self._arms.parts) > MERGED * min(share, 1)

    def _reach(self, plan: Plan, wanted: int) -> Further:
        """Find the value of the last row wanted; return conditions for what is not behind it.

        The arms are merged as they come, so that no more rows are gone through than it takes.
        """
        columns = self._order.columns()
        only_key = replace(
            columns,
            part=f"{self._order.key(PartRows())} AS key",
            table=columns.table.partition(", t.uuid")[0],
        )
        merged = UNION.join(
            [
                *self._arms.of_parts(only_key, plan.way, also=self._behind.seek(plan.way)),
                *self._arms.of_rest(only_key, also=self._behind.of_rest),
            ]
        )
        last = self._arms.view.connection.execute(
            f"{merged} ORDER BY key {self._order.direction} LIMIT 1 OFFSET {wanted - 1}",
            self._arms.parameters,
        ).fetchone()
        return self._up_to(last)

    def _up_to(self, last: tuple[Any] | None) -> Further:
        if last is None:
            return anything
        key = self._order.key(PartRows())
        parameter = self._arms.parameter(last[0]) if last[0] is not None else ""
        conditions = self._order.up_to(key, last[0], parameter)
        return lambda _: conditions
