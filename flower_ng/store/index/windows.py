"""Finds the rows of one page in the order of a list, from the index. On a reading thread.

The library sorts by one field. Tasks of equal values are sorted by their ids in a second search, of
those that the window cuts through; it has no order within, for SQL sorts what is shown.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

import tantivy
from tantivy import FieldType, Query

from flower_ng.search.conditions import TaskQuery
from flower_ng.store.index.commits import Commit, Edges, Order
from flower_ng.store.index.documents import CASED, start
from flower_ng.store.index.queries import (
    ALL,
    NONE,
    both,
    compared,
    either,
    having,
    lacking,
    without,
)
from flower_ng.store.sql.statements import CursorPosition, attribute

#: So many values are looked for one after the other, before all tasks are sorted.
FIRST_VALUES: Final = 4
#: Hits beyond those wanted, of which some may not count.
SLACK: Final = 50

Hit = tuple[Any, int]


class Windows:
    """A commit without the rows that have `changed` since; `asked` is the query it is made for."""

    def __init__(
        self, commit: Commit, changed: Sequence[int], asked: Any, edges: Edges, now: float
    ) -> None:
        self._commit = commit
        self._edges = edges
        self._now = now
        self._asked = asked
        self._searcher = commit.searcher
        self._schema = commit.schema
        self.changed = frozenset(changed)

    def count(self, query: Any) -> int:
        """Return how many tasks a query finds."""
        return self._found if query is self._asked else self._count(query)

    @cached_property
    def _found(self) -> int:
        return self._count(self._asked)

    def _count(self, query: Any) -> int:
        counted = self._commit.total if query is ALL.query else self._commit.count(query)
        return counted - self._commit.count(both(query, self.left_out)) if self.changed else counted

    def sorts(self, query: TaskQuery) -> Order | None:
        """Return the order that a query asks for, None where the index has not that.

        Ids are sorted case-folded, but that of equals is as they are.
        """
        order = Order.of(query)
        is_folded = order is not None and order.kind == "id" and attribute(query.sort) == "uuid"
        if is_folded and self._commit.count(Query.term_query(self._schema, "has", CASED)):
            return None
        return order

    def all(self, query: Any, count: int) -> list[int]:
        """Return all `count` rows that a query finds."""
        by_row = Order("id", "id", "number", is_descending=False)
        return [row for _, row in self._top(query, by_row, 0, count)]

    def window(self, query: Any, order: Order, base: int, wanted: int) -> list[int]:
        """Return the rows that stand behind the first `base`: as many as wanted, if there are.

        In a rough order, which has no base, those that may stand among the wanted ones.
        """
        if order.kind == "id":
            return self._by_id(query, order, base, wanted)
        if order.is_descending or not order.may_lack or not self._commit.lacks(order.column):
            return self._having(query, order, base, wanted)
        lacking_it = self.count(both(query, lacking(self._schema, order.column)))
        first = self._equal(query, order, None, base, min(wanted, lacking_it - base))
        rest = both(query, having(self._schema, order.column)) if lacking_it else query
        base = max(0, base - lacking_it)
        return [*first, *self._having(rest, order, base, wanted - len(first))]

    def behind(self, query: Any, order: Order, place: CursorPosition, wanted: int) -> list[int]:
        """Return the first rows behind a place."""
        if order.kind == "id":
            return self._behind_id(query, order, place.uuid, wanted)
        key = place.key
        if order.kind == "start" and key is not None:
            key = start(str(key))
        equal = both(query, self._is(order, key))
        if order.kind == "start" and key is not None:
            first = self.all(equal, self.count(equal))
            wanted += len(first)
        else:
            first = self._behind_id(equal, order.by_id, place.uuid, wanted)
        rest = both(query, self._beyond(order, key, is_behind=True))
        return [*first, *self._sorted(rest, order, 0, wanted - len(first))]

    @cached_property
    def left_out(self) -> Any:
        """The query for rows that have changed."""
        return Query.term_set_query(self._schema, "id", sorted(self.changed))

    def _top(self, query: Any, order: Order, base: int, wanted: int) -> list[Hit]:
        """Return the values and rows of the first that a query finds behind some others."""
        if wanted <= 0:
            return []
        if not self.changed or base:
            some = without(query, self.left_out) if self.changed else query
            return self._hits(some, order, base, wanted)
        found: list[Hit] = []
        for more in (min(SLACK, len(self.changed)), len(self.changed)):
            hits = self._hits(query, order, 0, wanted + more)
            found = [hit for hit in hits if hit[1] not in self.changed]
            if len(found) >= wanted or len(hits) < wanted + more:
                break
        return found[:wanted]

    def _hits(self, query: Any, order: Order, base: int, wanted: int) -> list[Hit]:
        if order.kind in {"number", "start"} and self._are_near(base + wanted):
            near = self._near(order)
            hits = self._search(both(query, near), order, base, wanted) if near else []
            if len(hits) == wanted:
                return hits
        return self._search(query, order, base, wanted)

    def _are_near(self, wanted: int) -> bool:
        """Tell whether there are so many among the `near` ones, by the share that is asked for."""
        share = self._found / max(1, self._commit.total)
        return 2 * wanted <= share * self._edges.near

    def _near(self, order: Order) -> Any:
        """Return the query for tasks near the end of an order, None where that is not known."""
        descending = order.is_descending
        edge = self._edges.value(self._commit, order.field, self._now, is_descending=descending)
        kind = FieldType.Integer if isinstance(edge, int) else FieldType.Float
        bounds = (edge, None) if descending else (None, edge)
        return None if edge is None else Query.range_query(self._schema, order.field, kind, *bounds)

    def _search(self, query: Any, order: Order, base: int, wanted: int) -> list[Hit]:
        hits = self._searcher.search(
            query,
            limit=wanted,
            count=False,
            order_by_field=order.field,
            offset=base,
            order=tantivy.Order.Desc if order.is_descending else tantivy.Order.Asc,
        ).hits
        rows = self._searcher.fast_field_values("id", [address for _, address in hits])
        return [(key, row) for (key, _), row in zip(hits, rows, strict=True)]

    def _having(self, query: Any, order: Order, base: int, wanted: int) -> list[int]:
        """Return a window of tasks that have a value, or of which those that lack it are last.

        To sort the tasks of one value by id takes half as long as to sort all by value first.
        """
        values = self._commit.values(order.field) if order.kind == "text" else ()
        rows: list[int] = []
        before = base
        for key in (values[::-1] if order.is_descending else values)[:FIRST_VALUES]:
            equal = both(query, self._is(order, key))
            if before and (number := self.count(equal)) <= before:
                before -= number
                continue
            rows += self._by_id(equal, order.by_id, before, wanted - len(rows))
            before = 0
            if len(rows) >= wanted:
                return rows
        return self._sorted(query, order, base, wanted)

    def _sorted(self, query: Any, order: Order, base: int, wanted: int) -> list[int]:
        """Return a window of tasks that have a value, or of which those that lack it are last."""
        if order.kind == "start":
            return self._roughly(query, order, wanted)
        hits = self._top(query, order, base, wanted + 1) if wanted > 0 else []
        shown, rows = hits[:wanted], []
        if shown and base:  # the first value may begin before
            key = shown[0][0]
            number = sum(hit[0] == key for hit in shown)
            before = base - self.count(both(query, self._beyond(order, key, is_behind=False)))
            rows = self._equal(query, order, key, before, number)
            shown = shown[number:]
        if shown and len(hits) > wanted and hits[-1][0] == shown[-1][0]:  # the last one goes on
            key = shown[-1][0]
            number = sum(hit[0] == key for hit in shown)
            rows += self._equal(query, order, key, 0, number)
            shown = shown[:-number]
        return [*rows, *(row for _, row in shown)]

    def _roughly(self, query: Any, order: Order, wanted: int) -> list[int]:
        """Return the first tasks, with all whose value begins as that of the last of them."""
        number = wanted + SLACK
        while wanted > 0:
            hits = self._top(query, order, 0, number)
            last = hits[min(wanted, len(hits)) - 1][0] if hits else None
            if last is None:  # those that lack a value have an order
                rows = [row for key, row in hits if key is not None]
                return [*rows, *self._equal(query, order, None, 0, wanted - len(rows))]
            if len(hits) < number or hits[-1][0] != last:
                return [row for _, row in hits]
            number *= 4
        return []

    def _equal(self, query: Any, order: Order, key: Any, base: int, wanted: int) -> list[int]:
        """Return a window of the tasks of one value."""
        return self._by_id(both(query, self._is(order, key)), order.by_id, base, wanted)

    def _by_id(self, query: Any, order: Order, base: int, wanted: int) -> list[int]:
        """Return a window in the order of ids, by their starts; by all of them where it cuts ties.

        To sort by whole ids takes ten times as long, however few tasks a query finds.
        """
        if wanted <= 0:
            return []
        before = min(base, 1)
        near = Order("uuid", "uuid_start", "number", order.is_descending)
        hits = self._top(query, near, base - before, before + wanted + 1)
        keys = [key for key, _ in hits]
        cuts = [place for place in (before, before + wanted) if 0 < place < len(keys)]
        if any(keys[place - 1] == keys[place] for place in cuts):
            hits, before = self._top(query, order, base, wanted), 0
        return [row for _, row in hits[before : before + wanted]]

    def _behind_id(self, query: Any, order: Order, uuid: str, wanted: int) -> list[int]:
        """Return the first rows behind an id."""
        near, descending = start(uuid), order.is_descending
        bounds = (None, near) if descending else (near, None)
        some = both(
            query, Query.range_query(self._schema, "uuid_start", FieldType.Integer, *bounds)
        )
        number = wanted + SLACK
        while wanted > 0:
            hits = self._top(some, order, 0, number)
            found = [row for key, row in hits if (key < uuid if descending else key > uuid)]
            if len(found) >= wanted or len(hits) < number:
                return found[:wanted]
            number *= 4
        return []

    def _is(self, order: Order, key: Any) -> Any:
        """Return the query for tasks with a value; the value None stands for none."""
        if key is None:
            return lacking(self._schema, order.column)
        if order.kind == "text":
            return Query.term_query(self._schema, order.field, key)
        number = float(key)
        return Query.range_query(self._schema, order.field, FieldType.Float, number, number)

    def _beyond(self, order: Order, key: Any, *, is_behind: bool) -> Any:
        """Return the query for tasks that stand behind those with a value, or before them."""
        is_less = order.is_descending == is_behind
        if key is None:
            return NONE.query if is_less else having(self._schema, order.column)
        if order.kind != "text":
            found = compared(self._schema, order.field, "<" if is_less else ">", key)
        else:
            values = self._commit.values(order.field)
            some = [value for value in values if (value < key if is_less else value > key)]
            found = Query.term_set_query(self._schema, order.field, some) if some else NONE.query
        return (
            either(found, lacking(self._schema, order.column))
            if is_less and order.may_lack
            else found
        )
