"""TaskEngine answers every question about which tasks there are. On a reading thread.

A store chooses one engine when it opens; nothing above it knows how rows are found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from flower_ng.store.search.query import TaskQuery
from flower_ng.store.sql.cursor import Place
from flower_ng.store.sql.summaries import Facets, FailureGroup, Histogram

QUERY_LIMIT_S = 5.0  # no question takes longer: its asker gets what is known or an error


class Result(Protocol):
    """What a statement answered."""

    def fetchone(self) -> Any:
        """Return the next row, None behind the last."""


class Connection(Protocol):
    """A connection that reads, no transaction begun: sqlite3's, or PostgreSQL's in its shape."""

    def execute(self, statement: str, parameters: Sequence[Any] = ..., /) -> Result:
        """Run a statement with its parameters."""


@dataclass(frozen=True, slots=True)
class Found:
    """Rows as JSON, the number of all tasks and of those that match.

    Unless `exact`, about so many match.
    """

    rows: str
    total: int
    filtered: int
    exact: bool = True


class TaskEngine(Protocol):
    """Finds, counts and sorts tasks; each answer is of one moment, in a transaction of its own.

    All engines give the same answers. `now`, UTC seconds, is when the question was asked. Rows are
    a JSON array of arrays, each a TaskRow. Tasks without a value come first when ascending, tasks
    of equal values in the order of their ids. Errors are those of the connection.
    """

    def page(self, connection: Connection, query: TaskQuery, now: float) -> Found:
        """Return the page that a query with a limit asks for."""

    def after(
        self, connection: Connection, query: TaskQuery, behind: Place | None, limit: int, now: float
    ) -> str:
        """Return the first rows behind a place in the query's order; its offset does not count."""

    def ids(self, connection: Connection, query: TaskQuery, now: float) -> list[int]:
        """Return the row ids of all that a query asks for, in its order."""

    def count(self, connection: Connection, query: TaskQuery, now: float) -> int:
        """Return how many tasks match, to the last one, however long it takes."""

    def facets(
        self,
        connection: Connection,
        query: TaskQuery,
        fields: Sequence[str],
        limit: int,
        now: float,
    ) -> Facets:
        """Count the tasks that match by each field, the `limit` most frequent values each.

        Values of equal numbers come in their order. BadRequest for a field that is not in FACETS.
        """

    def failures(
        self, connection: Connection, query: TaskQuery, limit: int, now: float
    ) -> list[FailureGroup]:
        """Count the failed among the tasks that match by type and exception, the largest groups.

        Those of equal numbers: the newest first, then by name and exception.
        """

    def histogram(
        self,
        connection: Connection,
        query: TaskQuery,
        start: float,
        step_s: float,
        buckets: int,
        now: float,
    ) -> Histogram:
        """Count the tasks that match over time, in so many equal buckets."""
