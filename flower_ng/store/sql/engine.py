"""SqlEngine finds and counts tasks by plain SQL; the index's has the same methods. Reading thread.

A store chooses one engine when it opens; nothing above it knows how rows are found.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, TypeAlias

import msgspec

from flower_ng.errors import BadRequest
from flower_ng.search.conditions import FACETS, TaskQuery
from flower_ng.store.sql import kinds, statements
from flower_ng.store.sql.statements import Among, CursorPosition, Selection, Statement
from flower_ng.store.tables.dialect import SQLITE, Dialect

MOST_BUCKETS: Final = 1000

#: What failures of one kind have in common.
_KIND: Final = ("name", "exception_class")
_Group: TypeAlias = tuple[str | None, str | None, int, float | None, float | None]


@dataclass(frozen=True, slots=True)
class Facets:
    """`counts` is `{field: [(value, number of tasks)]}`, the most frequent first.

    Tasks without a value are not in it. Unless `exact`, the numbers are estimates.
    """

    counts: Mapping[str, Sequence[tuple[str, int]]]
    exact: bool = True


@dataclass(frozen=True, slots=True)
class TaskHistogram:
    """How many tasks of each state fall in each bucket, by when they were received, else heard of.

    Bucket i begins at `starts_s[i]`, UTC seconds, and is `step_s` long; `counts` has a number for
    each bucket, by state. Unless `exact`, the numbers are estimates.
    """

    starts_s: Sequence[float]
    step_s: float
    counts: Mapping[str, Sequence[int]]
    exact: bool = True


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed tasks of one type with one class of exception; `first` and `last` are UTC seconds."""

    name: str | None
    exception: str | None
    count: int
    first: float | None
    last: float | None


def check(fields: Sequence[str]) -> None:
    """Raise BadRequest for what tasks are not counted by."""
    if wrong := [field for field in fields if field not in FACETS]:
        known = ", ".join(FACETS)
        raise BadRequest(f"Invalid field '{wrong[0]}', expected one of {known}")


def facets(found: Selection, fields: Sequence[str], limit: int | None) -> Statement:
    """Return a statement with a JSON array of [value, number] for each field."""
    dialect = found.dialect
    columns = ", ".join(dict.fromkeys(f"t.{FACETS[field]}" for field in fields))
    hits = dialect.grouped(columns, found.with_those(""))
    counted = ", ".join(f"({_top(FACETS[field], dialect)})" for field in fields)
    text = f"WITH hit AS ({hits}) SELECT {counted}"
    limits = [dialect.no_limit if limit is None else limit] * len(fields)
    return Statement(text, (*found.parameters, *limits))


def facets_of(fields: Sequence[str], row: Sequence[str]) -> Facets:
    """Return what the statement answered."""
    counted = [msgspec.json.decode(found, type=list[tuple[str, int]]) for found in row]
    return Facets(dict(zip(fields, counted, strict=True)))


def failures(found: Selection, limit: int | None) -> Statement:
    """Return a statement with a JSON array of FailureGroup's fields, the largest groups first."""
    dialect = found.dialect
    largest = (dialect.ordered(key, "DESC") for key in ("n", "last_at"))
    order = ", ".join((*largest, *(dialect.ordered(key, "ASC") for key in _KIND)))
    groups = found.with_those(
        "SELECT t.name, t.exception_class, count(*) AS n, min(t.failed) AS first_at,"
        " max(t.failed) AS last_at",
        "t.state = 'FAILURE'",
    )
    times = (dialect.exact("first_at"), dialect.exact("last_at"))
    array = dialect.array("name", "exception_class", "n", *times)
    largest_first = f"{groups} GROUP BY 1, 2 ORDER BY {order} LIMIT ?"
    text = f"SELECT {dialect.arrays_of(array, order)} FROM ({largest_first}) groups"
    return Statement(text, (*found.parameters, dialect.no_limit if limit is None else limit))


def failures_of(found: str) -> list[FailureGroup]:
    """Return what the statement answered."""
    groups = msgspec.json.decode(found, type=list[_Group], strict=False)
    return [FailureGroup(*group) for group in groups]


def histogram(found: Selection, start: float, step_s: float, buckets: int) -> Statement:
    """Return a statement with a JSON array of [state, bucket, number]."""
    dialect, at = found.dialect, "coalesce(t.received, t.timestamp)"
    bucket = dialect.whole(f"({at} - ?) / ?")
    hits = found.with_those(f"SELECT t.state, {bucket} AS bucket", f"{at} >= ? AND {at} < ?")
    groups = f"SELECT state, bucket, count(*) AS n FROM ({hits}) hit GROUP BY 1, 2"
    counted = dialect.arrays_of(dialect.array("state", "bucket", "n"))
    times = (start, step_s, *found.source.parameters, start, start + step_s * buckets)
    return Statement(
        f"SELECT {counted} FROM ({groups}) counted", (*times, *found.clause.parameters)
    )


def histogram_of(start: float, step_s: float, buckets: int, found: str) -> TaskHistogram:
    """Return what the statement answered."""
    counts: dict[str, list[int]] = {}
    for state, bucket, number in msgspec.json.decode(found, type=list[tuple[str, int, int]]):
        counts.setdefault(state, [0] * buckets)[min(bucket, buckets - 1)] += number
    starts = [start + step_s * bucket for bucket in range(buckets)]
    return TaskHistogram(starts, step_s, dict(sorted(counts.items())))


def _top(column: str, dialect: Dialect) -> str:
    groups = f"SELECT {column} AS value, sum(n) AS n FROM hit WHERE {column} IS NOT NULL"
    top = f"{groups} GROUP BY 1 ORDER BY n DESC, value LIMIT ?"
    pairs = dialect.arrays_of(dialect.array("value", "n"), "n DESC, value")
    return f"SELECT {pairs} FROM ({top}) top"


QUERY_LIMIT_S = 5.0  # no question takes longer: its asker gets what is known or an error


class StatementResult(Protocol):
    """What a statement answered."""

    def fetchone(self) -> Any:
        """Return the next row, None behind the last."""


class ReadConnection(AbstractContextManager[Any], Protocol):
    """A connection that reads, no transaction begun: sqlite3's, or PostgreSQL's in its shape.

    One that is begun inside of `with` ends with it.
    """

    def execute(self, statement: str, parameters: Sequence[Any] = ..., /) -> StatementResult:
        """Run a statement with its parameters."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A query, and what answers it: a connection, and the moment, UTC seconds, of the question.

    With `among`, row ids or a sample, the other tasks are as if they were not there.
    """

    connection: ReadConnection
    query: TaskQuery
    now: float
    among: Among = None

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
        total, filtered, rows = row(asking, statements.page(self._found(asking), self._held()))
        return EnginePage(rows, total, filtered)

    def after(self, asking: Asking, behind: CursorPosition | None, limit: int) -> str:
        """Return the first rows behind a place in the query's order; its offset does not count."""
        return str(row(asking, statements.after(self._found(asking), behind, limit))[0])

    def ids(self, asking: Asking) -> list[int]:
        """Return the row ids of all that a query asks for, in its order."""
        (found,) = row(asking, statements.ids(self._found(asking)))
        return msgspec.json.decode(found, type=list[int])

    def count(self, asking: Asking) -> int:
        """Return how many tasks match, to the last one, however long it takes."""
        return self.page(replace(asking, query=replace(asking.query, offset=0, limit=0))).filtered

    def facets(self, asking: Asking, fields: Sequence[str], limit: int | None) -> Facets:
        """Count the tasks that match by each field, the `limit` most frequent values each.

        Values of equal numbers come in their order. BadRequest for a field that is not in FACETS.
        """
        check(fields)
        if not fields:
            return Facets({})
        found = row(asking, facets(self._found(asking), fields, limit))
        return facets_of(fields, found)

    def failures(self, asking: Asking, limit: int | None) -> list[FailureGroup]:
        """Count the failed among the tasks that match by type and exception, the largest groups.

        Those of equal numbers: the newest first, then by name and exception.
        """
        (found,) = row(asking, failures(self._found(asking), limit))
        return failures_of(found)

    def kinds(self, asking: Asking, bars: kinds.TrendBars) -> kinds.FailureKinds:
        """Sort the newest failed of the tasks that match by kind, whatever the query's page."""
        (found,) = row(asking, kinds.newest(self._found(asking)))
        return kinds.kinds_of(found, bars)

    def histogram(self, asking: Asking, start: float, step_s: float, buckets: int) -> TaskHistogram:
        """Count the tasks that match over time, in so many equal buckets."""
        bars = (start, step_s, buckets)
        (found,) = row(asking, histogram(self._found(asking), *bars))
        return histogram_of(*bars, found)

    def _found(self, asking: Asking) -> Selection:
        return Selection.of(asking.query, asking.now, self._dialect, asking.among)


def row(asking: Asking, asked: Statement) -> tuple[Any, ...]:
    """Return the one row of a statement."""
    found: tuple[Any, ...] = asking.connection.execute(asked.text, asked.parameters).fetchone()
    return found
