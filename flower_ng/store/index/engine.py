"""TantivyEngine is the TaskEngine that uses the index. On a reading thread."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Concatenate, Final, ParamSpec, TypeVar

from flower_ng.store.index.commits import Commit, fresh
from flower_ng.store.index.orders import Edges
from flower_ng.store.index.question import Question
from flower_ng.store.search.conditions import TaskQuery
from flower_ng.store.sql.engine import Asking, EnginePage, SqlEngine
from flower_ng.store.sql.statements import CursorPosition, attribute
from flower_ng.store.sql.summaries import Facets, FailureGroup, TaskHistogram, check
from flower_ng.store.sql.where import where
from flower_ng.store.tables.dialect import SQLITE

#: Tasks that may match, and are each looked at: some 10 ms. Of more, a page looks at a fourth.
FEW: Final = 2_000
#: Tasks that are looked at for the first few of an order.
NEAR: Final = 10_000

Answer = TypeVar("Answer")
More = ParamSpec("More")


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
    return not order or bool(where(query, SQLITE, 0.0))
