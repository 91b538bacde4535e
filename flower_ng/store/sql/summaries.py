"""SQL that counts matching tasks: by value, by failure, and over time. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from flower_ng.errors import BadRequest
from flower_ng.store.sql.statements import Selection, Statement
from flower_ng.store.tables.dialect import Dialect

#: What tasks may be counted by, and the columns that hold it.
FACETS: Final = {
    "state": "state",
    "name": "name",
    "worker": "worker",
    "queue": "queue",
    "exception": "exception_class",
}
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
