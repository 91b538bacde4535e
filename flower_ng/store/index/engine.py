"""TantivyEngine answers from the index and, for recent changes, from SQL. On a reading thread.

An answer is what the index has, without the rows that changed since, with what SQL says of those
and of the new ones. Where the index is not sure, SQL looks at each of the few that may match.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from flower_ng.search.conditions import TaskQuery
from flower_ng.store.index.commits import Commit, Edges, Fresh, Order, fresh, together, top
from flower_ng.store.index.queries import ALL, Translator, without
from flower_ng.store.index.windows import Windows
from flower_ng.store.sql.engine import (
    Asking,
    EnginePage,
    Facets,
    FailureGroup,
    SqlEngine,
    TaskHistogram,
    check,
)
from flower_ng.store.sql.kinds import FailureKinds, TrendBars
from flower_ng.store.sql.statements import CursorPosition, attribute

#: Tasks that may match, and are each looked at: some 10 ms. Of more, a page looks at a fourth.
FEW: Final = 2_000
#: Tasks that are looked at for the first few of an order.
NEAR: Final = 10_000
#: More tasks than this are found as fast by going through all.
MANY: Final = 200_000

Answer = TypeVar("Answer")
More = ParamSpec("More")


class Question:
    """One query at one moment."""

    def __init__(
        self, sql: SqlEngine, asking: Asking, fresh: Fresh, edges: Edges, few: int
    ) -> None:
        self._sql = sql
        self._asking = asking
        self._query = asking.query
        self._new = fresh.now
        self._fresh = asking.of(fresh.now)
        self._commit = fresh.commit
        self._asked = Translator(fresh.commit, asking.now).asked(asking.query)
        self._windows = Windows(fresh.commit, fresh.changed, self._asked.query, edges, asking.now)
        self._order = self._windows.sorts(asking.query)
        self._few = few

    @property
    def _found(self) -> int:
        """How many tasks may match in the index."""
        return self._windows.count(self._asked.query)

    @property
    def _is_narrow(self) -> bool:
        return not self._asked.exact and self._found <= self._few

    @property
    def _all(self) -> Asking:
        """The question about all rows that may match, about all where those are too many."""
        if self._found > MANY:
            return self._asking
        return self._and_fresh(self._windows.all(self._asked.query, self._found))

    def _and_fresh(self, rows: Sequence[int]) -> Asking:
        """Return the question about some rows and the fresh."""
        return self._asking.of([*rows, *self._new])

    def ids(self) -> list[int]:
        """Return the row ids of all tasks that match."""
        return self._sql.ids(self._all)

    def page(self) -> EnginePage:
        """Return the page."""
        order = self._order
        if self._is_narrow or order is None:
            return replace(self._sql.page(self._all), total=self._total())
        return self._sure(order) if self._asked.exact else self._unsure(order)

    def _total(self) -> int:
        return self._windows.count(ALL.query) + len(self._new)

    def _sure(self, order: Order) -> EnginePage:
        """Return a page of what the index is sure of; the fresh may stand before, or on it."""
        query = self._query
        base = max(0, query.offset - len(self._new)) if order.kind != "start" else 0
        rows = self._rows(order, base, query.offset - base + (query.limit or 0))
        shown = replace(self._and_fresh(rows), query=replace(query, offset=query.offset - base))
        found = self._sql.page(shown)
        filtered = self._found + found.filtered - len(rows)
        return EnginePage(found.rows, self._total(), filtered)

    def _unsure(self, order: Order) -> EnginePage:
        """Return a page of which each row is looked at, with those that may stand before it."""
        wanted = self._query.offset + (self._query.limit or 0)
        own = self._sql.count(self._fresh)
        number = max(self._few // 4, wanted)
        while number <= MANY:
            rows = self._rows(order, 0, number)
            found = self._sql.page(self._and_fresh(rows))
            held = found.filtered - own
            if len(rows) == self._found:
                return replace(found, total=self._total())
            if held >= wanted:
                about = round(self._found * held / number) + own
                return EnginePage(found.rows, self._total(), about, exact=False)
            number *= 4
        return self._sql.page(self._asking)

    def _rows(self, order: Order, base: int, wanted: int) -> list[int]:
        return self._windows.window(self._asked.query, order, base, wanted)

    def after(self, place: CursorPosition | None, limit: int) -> str:
        """Return the first rows behind a place, as JSON."""
        order, number = self._order, limit
        if self._is_narrow or order is None:
            return self._sql.after(self._all, place, limit)
        while number <= MANY:
            if place is None:
                rows = self._rows(order, 0, number)
            else:
                rows = self._windows.behind(self._asked.query, order, place, number)
            if self._asked.exact or len(rows) < number or self._matching(rows) >= limit:
                return self._sql.after(self._and_fresh(rows), place, limit)
            number = max(4 * number, self._few)
        return self._sql.after(self._asking, place, limit)

    def _matching(self, rows: Sequence[int]) -> int:
        return self._sql.count(self._asking.of(rows))

    def count(self) -> int:
        """Return how many tasks match, to the last one."""
        if self._asked.exact:
            return self._found + self._matching(self._new)
        return self._sql.count(self._all)

    def facets(self, fields: Sequence[str], limit: int | None) -> Facets:
        """Count the tasks by each field."""
        if self._is_narrow or not fields:
            return self._sql.facets(self._all, fields, limit)
        counts, is_whole = self._commit.by_value(self._held, fields)
        own = self._sql.facets(self._fresh, fields, None).counts
        summed = {field: counts[field] + Counter(dict(own[field])) for field in fields}
        tops = {field: top(summed[field], limit) for field in fields}
        return Facets(tops, exact=is_whole and self._asked.exact)

    def failures(self, limit: int | None) -> list[FailureGroup]:
        """Count the failed ones by type and exception."""
        if not self._asked.exact:  # a group does not say that it is a guess
            return self._sql.failures(self._all, limit)
        found = self._commit.failures(self._held)
        own = self._sql.failures(self._fresh, None)
        return together([*found, *own], limit)

    def histogram(self, start: float, step_s: float, buckets: int) -> TaskHistogram:
        """Count the tasks over time."""
        asked = (start, step_s, buckets)
        if self._is_narrow:
            return self._sql.histogram(self._all, *asked)
        counts = self._commit.over_time(self._held, *asked)
        own = self._sql.histogram(self._fresh, *asked)
        summed = {
            state: [
                counts.get(state, Counter())[bucket] + one
                for bucket, one in enumerate(own.counts.get(state, [0] * buckets))
            ]
            for state in sorted({*counts, *own.counts})
        }
        return TaskHistogram(own.starts_s, step_s, summed, exact=self._asked.exact)

    @property
    def _held(self) -> Any:
        """What is asked for, of the rows that have not changed."""
        query = self._asked.query
        return without(query, self._windows.left_out) if self._windows.changed else query


class TantivyEngine:
    """Answers by the newest commit; by SQL alone while there is none, or it is far behind.

    Counts are exact, but where a text is longer than a gram and more than `few` tasks may have it:
    then their share of those looked at stands for all.
    """

    def __init__(
        self,
        sql: SqlEngine,
        published: Callable[[], Commit | None],
        failed: Callable[[BaseException], None],
        few: int = FEW,
        near: int = NEAR,
    ) -> None:
        self._sql = sql
        self._published = published
        self._failed = failed
        self._few = few
        self._edges = Edges(near)

    def page(self, asking: Asking) -> EnginePage:
        """Return the page that a query with a limit asks for."""
        if not needs_index(asking.query):
            return self._sql.page(asking)
        return self._answer(asking, Question.page, self._sql.page)

    def after(self, asking: Asking, behind: CursorPosition | None, limit: int) -> str:
        """Return the first rows behind a place in the query's order."""
        return self._answer(asking, Question.after, self._sql.after, behind, limit)

    def ids(self, asking: Asking) -> list[int]:
        """Return the row ids of all that a query asks for, in its order."""
        return self._answer(asking, Question.ids, self._sql.ids)

    def count(self, asking: Asking) -> int:
        """Return how many tasks match, to the last one."""
        return self._answer(asking, Question.count, self._sql.count)

    def facets(self, asking: Asking, fields: Sequence[str], limit: int | None) -> Facets:
        """Count the tasks that match by each field, the `limit` most frequent values each."""
        check(fields)
        return self._answer(asking, Question.facets, self._sql.facets, fields, limit)

    def failures(self, asking: Asking, limit: int | None) -> list[FailureGroup]:
        """Count the failed among the tasks that match by type and exception."""
        return self._answer(asking, Question.failures, self._sql.failures, limit)

    def kinds(self, asking: Asking, bars: TrendBars) -> FailureKinds:
        """Sort the newest failed of the tasks that match by kind: their texts are in the tables."""
        return self._sql.kinds(asking, bars)

    def histogram(self, asking: Asking, start: float, step_s: float, buckets: int) -> TaskHistogram:
        """Count the tasks that match over time, in so many equal buckets."""
        bars = (start, step_s, buckets)
        return self._answer(asking, Question.histogram, self._sql.histogram, *bars)

    def _answer(
        self,
        asking: Asking,
        ask: Callable[Concatenate[Question, More], Answer],
        plain: Callable[Concatenate[Asking, More], Answer],
        *more: More.args,
        **_none: More.kwargs,
    ) -> Answer:
        """Return what the index answers, or SQL where there is none, or it fails."""
        with fresh(asking.connection, self._published) as found:
            if found is None:
                return plain(asking, *more, **_none)
            try:
                return ask(
                    Question(self._sql, asking, found, self._edges, self._few), *more, **_none
                )
            except sqlite3.Error:
                raise
            except BaseException as error:  # noqa: BLE001 - the library's panics are no Exceptions
                self._failed(error)
                return plain(asking, *more, **_none)


def needs_index(query: TaskQuery) -> bool:
    """Tell whether a page needs the index: all tasks have their order in the main table too."""
    order = query.sort is None or attribute(query.sort) == "received"
    return not order or not query.is_of_all
