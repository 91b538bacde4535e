"""Counts by value and over time, by the index. On a reading thread.

Where what matches is too much to go through, a sample of each part is, and the numbers are
estimates.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from flower_ng.store import summaries
from flower_ng.store.arms import UNION, Arms, Columns, Way
from flower_ng.store.dialect import SQLITE, Dialect
from flower_ng.store.parts import COUNTED
from flower_ng.store.plan import gathering_plan, sampling_plan
from flower_ng.store.spread import spread
from flower_ng.store.summaries import (
    FACETS,
    Facets,
    FailureGroup,
    Histogram,
    facets_of,
    failures_of,
    histogram_of,
)
from flower_ng.store.task_query import TaskQuery, lifted
from flower_ng.store.view import View

#: What is gone through takes at most about so long.
BUDGET_US: Final = 40_000
#: Microseconds for a row that is counted, beside those of finding it.
COUNTED_US: Final = 1.0

_NAMES: Final = ", ".join(COUNTED)
_FIELDS: Final = ", ".join(f"t.{name} AS {name}" for name in COUNTED)
_RAW: Final = ", ".join(f"coalesce(p.{name}_raw, p.{name}) AS {name}" for name in COUNTED)
_WHOLE: Final = "CAST(round(sum(n)) AS INTEGER)"


def facets(
    view: View,
    query: TaskQuery,
    fields: Sequence[str],
    limit: int,
    now: float,
    dialect: Dialect = SQLITE,
) -> Facets:
    """Count the tasks that match by each field, the `limit` most frequent values each."""
    summaries.check(fields)
    if not fields:
        return Facets({})
    if not view.directory.parts:
        asked = summaries.facets(query, fields, limit, now, dialect)
        return facets_of(fields, view.row(asked.text, asked.parameters))
    return _Groups(view, lifted(query), now).facets(fields, limit)


def failures(
    view: View, query: TaskQuery, limit: int, now: float, dialect: Dialect = SQLITE
) -> list[FailureGroup]:
    """Count the failed among the tasks that match by type and exception, the largest groups."""
    failed = replace(query, state=query.state or "FAILURE")
    if failed.state and failed.state.casefold() != "failure":
        return []
    if view.directory.parts:
        return _Groups(view, lifted(failed), now).failures(limit)
    asked = summaries.failures(query, limit, now, dialect)
    (found,) = view.row(asked.text, asked.parameters)
    return failures_of(found)


def histogram(
    view: View,
    query: TaskQuery,
    start: float,
    step_s: float,
    buckets: int,
    now: float,
    dialect: Dialect = SQLITE,
) -> Histogram:
    """Count the tasks that match over time, in so many equal buckets."""
    if not view.directory.parts:
        asked = summaries.histogram(query, start, step_s, buckets, now, dialect)
        (found,) = view.row(asked.text, asked.parameters)
        return histogram_of(start, step_s, buckets, found)
    end = start + step_s * buckets
    return _Groups(view, lifted(query), now, (start, end)).histogram(start, step_s, buckets)


class _Groups:
    """One query at one moment; `between` are the times of which its tasks are counted."""

    def __init__(
        self,
        view: View,
        query: TaskQuery,
        now: float,
        between: tuple[float, float] | None = None,
    ) -> None:
        self._arms = Arms.of(view, query, now)
        if between:
            self._arms.period = self._arms.period.within(*between)
        self._known = spread(self._arms, query)
        self._gathering = gathering_plan(self._known, self._arms)
        self._way, self._share = self._affordable()

    def facets(self, fields: Sequence[str], limit: int) -> Facets:
        columns = [FACETS[field] for field in fields]
        is_told = self._known.is_exact and len(self._known.filters) <= 1
        counted = self._moved() if is_told else self._counted()
        tops = [self._top(column, limit, is_told=is_told) for column in columns]
        found = self._arms.view.row(
            f"WITH counted AS MATERIALIZED ({counted}) SELECT {', '.join(tops)}",
            self._arms.parameters,
        )
        return replace(facets_of(fields, found), exact=is_told or self._share == 1)

    def failures(self, limit: int) -> list[FailureGroup]:
        values, way = ("name", "exception_class"), self._gathering.way
        told = ", ".join(f"coalesce(p.{name}_raw, p.{name}) AS {name}" for name in values)
        columns = Columns(
            f"{told}, p.failed AS failed",
            "t.name AS name, t.exception_class AS exception_class, t.failed AS failed",
        )
        hits = UNION.join([*self._arms.of_parts(columns, way), *self._arms.of_rest(columns)])
        array = "json_array(name, exception_class, n, first_at, last_at)"
        (found,) = self._arms.view.row(
            f"SELECT {SQLITE.arrays_of(array)} FROM (SELECT name, exception_class, count(*) AS n,"
            f" min(failed) AS first_at, max(failed) AS last_at FROM ({hits}) GROUP BY 1, 2"
            f" ORDER BY n DESC, last_at DESC, 1, 2 LIMIT {limit})",
            self._arms.parameters,
        )
        return failures_of(found)

    def histogram(self, start: float, step_s: float, buckets: int) -> Histogram:
        begin, step = self._arms.parameter(start), self._arms.parameter(step_s)
        end = self._arms.parameter(start + step_s * buckets)

        def within(alias: str) -> str:
            return f"{_at(alias)} >= {begin} AND {_at(alias)} < {end}"

        def bucket(alias: str) -> str:
            return f"CAST(({_at(alias)} - {begin}) / {step} AS INTEGER) AS bucket"

        columns = Columns(
            f"coalesce(p.state_raw, p.state) AS state, {bucket('p')}, {1 / self._share} AS n",
            f"t.state AS state, {bucket('t')}, 1 AS n",
        )
        of_parts = self._arms.of_parts(
            columns, self._way, also=lambda _: [within("p")], share=self._share
        )
        hits = UNION.join([*of_parts, *self._arms.of_rest(columns, also=within("t"))])
        (found,) = self._arms.view.row(
            f"SELECT {SQLITE.arrays_of('json_array(state, bucket, n)')}"
            f" FROM (SELECT state, bucket, {_WHOLE} AS n FROM ({hits}) GROUP BY 1, 2)",
            self._arms.parameters,
        )
        return replace(histogram_of(start, step_s, buckets, found), exact=self._share == 1)

    def _affordable(self) -> tuple[Way, float]:
        """Return the way to what matches, and which share of it there is time for."""
        counting_us = self._known.matches * COUNTED_US
        plan = self._gathering
        if plan.cost_us + counting_us <= BUDGET_US:
            return plan.way, 1.0
        plan = sampling_plan(self._known, self._arms)
        return plan.way, min(1.0, BUDGET_US / (plan.cost_us + counting_us))

    def _counted(self) -> str:
        """Return how many match by all their values, as far as is gone through."""
        columns = Columns(f"{_RAW}, {1 / self._share} AS n", f"{_FIELDS}, 1 AS n")
        of_parts = self._arms.of_parts(columns, self._way, share=self._share)
        hits = UNION.join([*of_parts, *self._arms.of_rest(columns)])
        return f"SELECT {_NAMES}, sum(n) AS n FROM ({hits}) GROUP BY {_NAMES}"

    def _moved(self) -> str:
        """Return what there is beside what is in the index's counts, and what is no more."""
        rest = self._arms.of_rest(Columns("", f"{_FIELDS}, 1 AS n"))
        return UNION.join([*rest, *self._arms.superseded(f"{_RAW}, -1")])

    def _top(self, column: str, limit: int, *, is_told: bool) -> str:
        told = [self._told(column)] if is_told else []
        counts = UNION.join([*told, f"SELECT {column} AS value, n FROM counted"])
        groups = f"SELECT value, {_WHOLE} AS number FROM ({counts}) WHERE value IS NOT NULL"
        top = f"{groups} GROUP BY value HAVING number > 0 ORDER BY number DESC, value LIMIT {limit}"
        return f"(SELECT {SQLITE.arrays_of('json_array(value, number)')} FROM ({top}))"

    def _told(self, column: str) -> str:
        """Return the counts of a column's values that the index has, of the one filter if any."""
        own = COUNTED.index(column)
        if not self._known.filters:
            return f"SELECT a AS value, n FROM tally WHERE first = {own} AND second = {own}"
        ((filtered, wanted),) = self._known.filters.items()
        other = COUNTED.index(filtered)
        values = self._arms.view.directory.values(filtered, wanted)
        listed = ", ".join(map(self._arms.parameter, values))
        value, held = ("a", "b") if own < other else ("b", "a")
        return (
            f"SELECT {value} AS value, n FROM tally WHERE first = {min(own, other)}"
            f" AND second = {max(own, other)} AND {held} IN ({listed})"
        )


def _at(alias: str) -> str:
    """Return the SQL for when a task was received, else heard of."""
    return f"coalesce({alias}.received, {alias}.timestamp)"
