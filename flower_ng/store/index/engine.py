"""TantivyEngine is the TaskEngine that uses the index. On a reading thread."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from flower_ng.store.index.commits import Commit, fresh
from flower_ng.store.index.question import Question
from flower_ng.store.search.conditions import TaskQuery
from flower_ng.store.sql.engine import EnginePage, ReadConnection, SqlEngine
from flower_ng.store.sql.statements import CursorPosition, attribute
from flower_ng.store.sql.summaries import Facets, FailureGroup, TaskHistogram, check
from flower_ng.store.sql.where import where
from flower_ng.store.tables.dialect import SQLITE

#: Tasks that may match, and are each looked at: some 10 ms. Of more, a page looks at a fourth.
FEW: Final = 2_000

Answer = TypeVar("Answer")


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
    ) -> None:
        self._sql = sql
        self._published = published
        self._failed = failed
        self._few = few

    def page(self, connection: ReadConnection, query: TaskQuery, now: float) -> EnginePage:
        """Return the page that a query with a limit asks for."""
        if not needs_index(query):
            return self._sql.page(connection, query, now)
        return self._answer(
            connection,
            query,
            now,
            lambda question: question.page(),
            lambda: self._sql.page(connection, query, now),
        )

    def after(
        self,
        connection: ReadConnection,
        query: TaskQuery,
        behind: CursorPosition | None,
        limit: int,
        now: float,
    ) -> str:
        """Return the first rows behind a place in the query's order."""
        return self._answer(
            connection,
            query,
            now,
            lambda question: question.after(behind, limit),
            lambda: self._sql.after(connection, query, behind, limit, now),
        )

    def ids(self, connection: ReadConnection, query: TaskQuery, now: float) -> list[int]:
        """Return the row ids of all that a query asks for, in its order."""
        return self._answer(
            connection,
            query,
            now,
            lambda question: self._sql.ids(connection, query, now, question.among),
            lambda: self._sql.ids(connection, query, now),
        )

    def count(self, connection: ReadConnection, query: TaskQuery, now: float) -> int:
        """Return how many tasks match, to the last one."""
        return self._answer(
            connection,
            query,
            now,
            lambda question: question.count(),
            lambda: self._sql.count(connection, query, now),
        )

    def facets(
        self,
        connection: ReadConnection,
        query: TaskQuery,
        fields: Sequence[str],
        limit: int,
        now: float,
    ) -> Facets:
        """Count the tasks that match by each field, the `limit` most frequent values each."""
        check(fields)
        return self._answer(
            connection,
            query,
            now,
            lambda question: question.facets(fields, limit),
            lambda: self._sql.facets(connection, query, fields, limit, now),
        )

    def failures(
        self, connection: ReadConnection, query: TaskQuery, limit: int, now: float
    ) -> list[FailureGroup]:
        """Count the failed among the tasks that match by type and exception."""
        return self._answer(
            connection,
            query,
            now,
            lambda question: question.failures(limit),
            lambda: self._sql.failures(connection, query, limit, now),
        )

    def histogram(
        self,
        connection: ReadConnection,
        query: TaskQuery,
        start: float,
        step_s: float,
        buckets: int,
        now: float,
    ) -> TaskHistogram:
        """Count the tasks that match over time, in so many equal buckets."""
        asked = (start, step_s, buckets)
        return self._answer(
            connection,
            query,
            now,
            lambda question: question.histogram(*asked),
            lambda: self._sql.histogram(connection, query, *asked, now),
        )

    def _answer(
        self,
        connection: ReadConnection,
        query: TaskQuery,
        now: float,
        ask: Callable[[Question], Answer],
        plain: Callable[[], Answer],
    ) -> Answer:
        """Return what the index answers, or SQL where there is none, or it fails."""
        with fresh(connection, self._published) as found:
            if found is None:
                return plain()
            try:
                return ask(Question(self._sql, connection, query, now, found, self._few))
            except sqlite3.Error:
                raise
            except BaseException as error:  # noqa: BLE001 - the library's panics are no Exceptions
                self._failed(error)
                return plain()


def needs_index(query: TaskQuery) -> bool:
    """Tell whether a page needs the index: all tasks have their order in the main table too."""
    order = query.sort is None or attribute(query.sort) == "received"
    return not order or bool(where(query, SQLITE, 0.0))
