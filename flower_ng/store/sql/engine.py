"""SqlEngine is the TaskEngine that goes through the task table. On a reading thread."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from flower_ng.store.search.query import TaskQuery
from flower_ng.store.sql import statements as sql
from flower_ng.store.sql import summaries
from flower_ng.store.sql.cursor import Place
from flower_ng.store.sql.statements import Statement
from flower_ng.store.sql.summaries import Facets, FailureGroup, Histogram
from flower_ng.store.sql.task_engine import Connection, Found
from flower_ng.store.tables.dialect import SQLITE, Dialect


class SqlEngine:
    """Answers by one statement each, as exact as the tables are.

    `held` tells how many tasks there are, None where only a count can. With `among`, row ids, the
    other tasks are as if they were not there: what an index has not yet is asked for so.
    """

    def __init__(
        self, dialect: Dialect = SQLITE, held: Callable[[], int | None] = lambda: None
    ) -> None:
        self._dialect = dialect
        self._held = held

    def page(
        self,
        connection: Connection,
        query: TaskQuery,
        now: float,
        among: Sequence[int] | None = None,
    ) -> Found:
        """Return the page that a query asks for."""
        asked = sql.page(query, now, self._dialect, self._held(), among)
        total, filtered, rows = _row(connection, asked)
        return Found(rows, total, filtered)

    def after(
        self,
        connection: Connection,
        query: TaskQuery,
        behind: Place | None,
        limit: int,
        now: float,
        among: Sequence[int] | None = None,
    ) -> str:
        """Return the first rows behind a place in the query's order."""
        asked = sql.after(query, behind, limit, now, self._dialect, among)
        return str(_row(connection, asked)[0])

    def ids(
        self,
        connection: Connection,
        query: TaskQuery,
        now: float,
        among: Sequence[int] | None = None,
    ) -> list[int]:
        """Return the row ids of all that a query asks for, in its order."""
        (found,) = _row(connection, sql.ids(query, now, self._dialect, among))
        return msgspec.json.decode(found, type=list[int])

    def count(
        self,
        connection: Connection,
        query: TaskQuery,
        now: float,
        among: Sequence[int] | None = None,
    ) -> int:
        """Return how many tasks match."""
        return self.page(connection, replace(query, offset=0, limit=0), now, among).filtered

    def facets(
        self,
        connection: Connection,
        query: TaskQuery,
        fields: Sequence[str],
        limit: int | None,
        now: float,
        among: Sequence[int] | None = None,
    ) -> Facets:
        """Count the tasks that match by each field; without a limit all values are counted."""
        summaries.check(fields)
        if not fields:
            return Facets({})
        asked = summaries.facets(query, fields, limit, now, self._dialect, among)
        return summaries.facets_of(fields, _row(connection, asked))

    def failures(
        self,
        connection: Connection,
        query: TaskQuery,
        limit: int | None,
        now: float,
        among: Sequence[int] | None = None,
    ) -> list[FailureGroup]:
        """Count the failed among the tasks that match; without a limit all groups are counted."""
        asked = summaries.failures(query, limit, now, self._dialect, among)
        return summaries.failures_of(_row(connection, asked)[0])

    def histogram(
        self,
        connection: Connection,
        query: TaskQuery,
        start: float,
        step_s: float,
        buckets: int,
        now: float,
        among: Sequence[int] | None = None,
    ) -> Histogram:
        """Count the tasks that match over time, in so many equal buckets."""
        asked = summaries.histogram(query, start, step_s, buckets, now, self._dialect, among)
        return summaries.histogram_of(start, step_s, buckets, _row(connection, asked)[0])


def _row(connection: Connection, asked: Statement) -> tuple[Any, ...]:
    found: tuple[Any, ...] = connection.execute(asked.text, asked.parameters).fetchone()
    return found
