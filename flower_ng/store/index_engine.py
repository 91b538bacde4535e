"""IndexEngine is the TaskEngine that goes by the index of a SQLite store. On a reading thread."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec

from flower_ng.store import grouping, lists
from flower_ng.store.engine import Connection, Found
from flower_ng.store.keyset import Place
from flower_ng.store.summaries import Facets, FailureGroup, Histogram
from flower_ng.store.task_query import TaskQuery
from flower_ng.store.view import Sight, View

if TYPE_CHECKING:
    import sqlite3
Answer = TypeVar("Answer")


class IndexEngine:
    """Answers by the index's parts; `held` tells how many tasks there are, if it can.

    Each connection has the index attached, and is one thread's at a time.
    """

    def __init__(self, held: Callable[[], int | None]) -> None:
        self._held = held
        self._sights: dict[Connection, Sight] = {}

    def page(self, connection: Connection, query: TaskQuery, now: float) -> Found:
        """Return the page that a query with a limit asks for."""
        return self._seen(
            connection,
            lambda view: lists.page(view, query, now),
            with_index=lists.needs_index(query),
        )

    def after(
        self, connection: Connection, query: TaskQuery, behind: Place | None, limit: int, now: float
    ) -> str:
        """Return the first rows behind a place in the query's order."""
        return self._seen(connection, lambda view: lists.after(view, query, behind, limit, now))

    def ids(self, connection: Connection, query: TaskQuery, now: float) -> list[int]:
        """Return the row ids of all that a query asks for, in its order."""
        found = self._seen(connection, lambda view: lists.ids(view, query, now))
        return msgspec.json.decode(found, type=list[int])

    def count(self, connection: Connection, query: TaskQuery, now: float) -> int:
        """Return how many tasks match, to the last one."""
        return self._seen(connection, lambda view: lists.count(view, query, now))

    def facets(
        self,
        connection: Connection,
        query: TaskQuery,
        fields: Sequence[str],
        limit: int,
        now: float,
    ) -> Facets:
        """Count the tasks that match by each field."""
        return self._seen(connection, lambda view: grouping.facets(view, query, fields, limit, now))

    def failures(
        self, connection: Connection, query: TaskQuery, limit: int, now: float
    ) -> list[FailureGroup]:
        """Count the failed among the tasks that match by type and exception."""
        return self._seen(connection, lambda view: grouping.failures(view, query, limit, now))

    def histogram(
        self,
        connection: Connection,
        query: TaskQuery,
        start: float,
        step_s: float,
        buckets: int,
        now: float,
    ) -> Histogram:
        """Count the tasks that match over time."""
        return self._seen(
            connection, lambda view: grouping.histogram(view, query, start, step_s, buckets, now)
        )

    def _seen(
        self,
        connection: Connection,
        question: Callable[[View], Answer],
        *,
        with_index: bool = True,
    ) -> Answer:
        if connection not in self._sights:
            sight = Sight(cast("sqlite3.Connection", connection), has_index=True, held=self._held)
            self._sights[connection] = sight
        with self._sights[connection].view(with_index=with_index) as view:
            return question(view)
