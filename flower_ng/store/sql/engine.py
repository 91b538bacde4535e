"""SqlEngine finds and counts tasks by plain SQL; the index's has the same methods. Reading thread.

A store chooses one engine when it opens; nothing above it knows how rows are found.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import msgspec

from flower_ng.store.search.conditions import TaskQuery
from flower_ng.store.sql import statements, summaries
from flower_ng.store.sql.statements import CursorPosition, Selection, Statement
from flower_ng.store.sql.summaries import Facets, FailureGroup, TaskHistogram
from flower_ng.store.tables.dialect import SQLITE, Dialect

QUERY_LIMIT_S = 5.0  # no question takes longer: its asker gets what is known or an error


class StatementResult(Protocol):
    """What a statement answered."""

    def fetchone(self) -> Any:
        """Return the next row, None behind the last."""


class ReadConnection(Protocol):
    """A connection that reads, no transaction begun: sqlite3's, or PostgreSQL's in its shape."""

    def execute(self, statement: str, parameters: Sequence[Any] = ..., /) -> StatementResult:
        """Run a statement with its parameters."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A query, and what answers it: a connection, and the moment, UTC seconds, of the question.

    With `among`, row ids, the other tasks are as if they were not there.
    """

    connection: ReadConnection
    query: TaskQuery
    now: float
    among: Sequence[int] | None = None

    def of(self, among: Sequence[int] | None) -> "Asking":
        """Return the same question about some rows alone, None for all."""
        return replace(self, among=among)


@dataclass(frozen=True, slots=True)
class EnginePage:
    """Rows as JSON, the number of all tasks and of those that match.

    Unless `exact`, about so many match.
    """

    rows: str
    total: int
    filtered: int
    exact: bool = True


class SqlEngine:
    """Finds, counts and sorts tasks by one statement each, as exact as the tables are.

    All engines give the same answers, each of one moment, in a transaction of its own. Rows are a
    JSON array of arrays, each a TaskRow. Tasks without a value come first when ascending, tasks of
    equal values in the order of their ids. Errors are those of the connection. `held` tells how
    many tasks there are, None where only a count can.
    """

    def __init__(
        self, dialect: Dialect = SQLITE, held: Callable[[], int | None] = lambda: None
    ) -> None:
        self._dialect = dialect
        self._held = held

    def page(self, asking: Asking) -> EnginePage:
        """Return the page that a query with a limit asks for."""
        total, filtered, rows = _row(asking, statements.page(self._found(asking), self._held()))
        return EnginePage(rows, total, filtered)

    def after(self, asking: Asking, behind: CursorPosition | None, limit: int) -> str:
        """Return the first rows behind a place in the query's order; its offset does not count."""
        return str(_row(asking, statements.after(self._found(asking), behind, limit))[0])

    def ids(self, asking: Asking) -> list[int]:
        """Return the row ids of all that a query asks for, in its order."""
        (found,) = _row(asking, statements.ids(self._found(asking)))
        return msgspec.json.decode(found, type=list[int])

    def count(self, asking: Asking) -> int:
        """Return how many tasks match, to the last one, however long it takes."""
        return self.page(replace(asking, query=replace(asking.query, offset=0, limit=0))).filtered

    def facets(self, asking: Asking, fields: Sequence[str], limit: int | None) -> Facets:
        """Count the tasks that match by each field, the `limit` most frequent values each.

        Values of equal numbers come in their order. BadRequest for a field that is not in FACETS.
        """
        summaries.check(fields)
        if not fields:
            return Facets({})
        found = _row(asking, summaries.facets(self._found(asking), fields, limit))
        return summaries.facets_of(fields, found)

    def failures(self, asking: Asking, limit: int | None) -> list[FailureGroup]:
        """Count the failed among the tasks that match by type and exception, the largest groups.

        Those of equal numbers: the newest first, then by name and exception.
        """
        (found,) = _row(asking, summaries.failures(self._found(asking), limit))
        return summaries.failures_of(found)

    def histogram(self, asking: Asking, start: float, step_s: float, buckets: int) -> TaskHistogram:
        """Count the tasks that match over time, in so many equal buckets."""
        bars = (start, step_s, buckets)
        (found,) = _row(asking, summaries.histogram(self._found(asking), *bars))
        return summaries.histogram_of(*bars, found)

    def _found(self, asking: Asking) -> Selection:
        return Selection.of(asking.query, asking.now, self._dialect, asking.among)


def _row(asking: Asking, asked: Statement) -> tuple[Any, ...]:
    found: tuple[Any, ...] = asking.connection.execute(asked.text, asked.parameters).fetchone()
    return found
