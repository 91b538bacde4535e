"""PostgresEngine is the TaskEngine for a history in PostgreSQL. On a reading thread.

A page comes before its number: its rows are looked for among the tasks nearest to its end of the
order, which an index tells, and only where too few of these match, among all that match. What
matches is then counted for as long as a page may wait; of more, a sample is counted.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

import msgspec

from flower_ng.store.sql.engine import (
    Asking,
    EnginePage,
    Facets,
    ReadConnection,
    SqlEngine,
    TaskHistogram,
    check,
    row,
)
from flower_ng.store.sql.statements import CursorPosition, Sample, Selection, Statement, those
from flower_ng.store.sql.walks import Part, Walk, nearest
from flower_ng.store.sql.where import Clause, where
from flower_ng.store.tables.dialect import POSTGRESQL, EndedError

#: Tasks nearest to the end of an order that are looked at for a page of a filter or search, and the
#: part of them that is looked at first.
NEAR: Final = 6_000
FIRST_OF_NEAR: Final = 20
#: Rows beyond these are not looked for task by task.
DEEPEST: Final = 10_000
#: Values that are gone through one by one before the rest is sorted.
MOST_VALUES: Final = 4
#: For how long a page's number, and counts beside it, are counted to the last task.
COUNT_MS: Final = 60
SUMMARY_MS: Final = 800
#: Tasks of a sample.
SAMPLE: Final = 4_000
SUMMARY_SAMPLE: Final = 40_000
#: A sample in which fewer tasks match than this says too little.
ENOUGH: Final = 100

_ROWS: Final = msgspec.json.Decoder(list[int])
Answer = TypeVar("Answer")


class PostgresEngine(SqlEngine):
    """Answers from indexes in the order of lists; `count_ms` bounds what a page's number may take.

    Counts that take longer are told from a sample of all tasks, and not `exact`.
    """

    def __init__(
        self, near: int = NEAR, count_ms: int = COUNT_MS, summary_ms: int = SUMMARY_MS
    ) -> None:
        super().__init__(POSTGRESQL)
        self._near = near
        self._count_ms = count_ms
        self._summary_ms = summary_ms

    def page(self, asking: Asking) -> EnginePage:
        """Return the page that a query with a limit asks for."""
        query, clause = asking.query, where(asking.query, POSTGRESQL, asking.now)
        wanted = query.offset + (query.limit or 0)
        with moment(asking.connection):
            rows = self._nearest(asking, clause, Walk.of(query), wanted) if query.limit else []
            if rows is None:
                return super().page(asking)
            total, shown = row(asking, _with_total(rows[query.offset :]))
            if query.limit and len(rows) < wanted:
                return EnginePage(shown, total, len(rows))
            return self._numbered(asking, clause, EnginePage(shown, total, total), len(rows))

    def after(self, asking: Asking, behind: CursorPosition | None, limit: int) -> str:
        """Return the first rows behind a place in the query's order."""
        clause = where(asking.query, POSTGRESQL, asking.now)
        with moment(asking.connection):
            rows = self._nearest(asking, clause, Walk.of(asking.query, behind), limit)
            if rows is None:
                return super().after(asking, behind, limit)
            shown: str = row(asking, those(rows, POSTGRESQL, "id"))[0]
            return shown

    def count(self, asking: Asking) -> int:
        """Return how many tasks match, to the last one."""
        return counted(asking, where(asking.query, POSTGRESQL, asking.now))

    def facets(self, asking: Asking, fields: Sequence[str], limit: int | None) -> Facets:
        """Count the tasks that match by each field."""
        check(fields)
        exact = partial(super().facets, fields=fields, limit=limit)
        return self._summary(asking, exact, facets_scaled) if fields else Facets({})

    def histogram(self, asking: Asking, start: float, step_s: float, buckets: int) -> TaskHistogram:
        """Count the tasks that match over time, in so many equal buckets."""
        exact = partial(super().histogram, start=start, step_s=step_s, buckets=buckets)
        return self._summary(asking, exact, histogram_scaled)

    def _nearest(
        self, asking: Asking, clause: Clause, walk: Walk | None, wanted: int
    ) -> list[int] | None:
        """Return the first rows that match in the order of a walk: all where they are fewer.

        None where they are not to be found among the tasks that may be looked at.
        """
        if walk is None or wanted > DEEPEST:
            return None
        rows: list[int] = []
        left = max(self._near, 4 * wanted) if clause else wanted
        for part in _parts(asking, walk):
            more = _of_part(asking, clause, part, wanted - len(rows), left)
            if more is None:
                return None
            looked, found = more
            rows += found
            left -= looked
            if len(rows) >= wanted:
                return rows[:wanted]
        return rows

    def _numbered(
        self, asking: Asking, clause: Clause, found: EnginePage, least: int
    ) -> EnginePage:
        """Return a page with the number of all that match, which are `least` or more."""
        if not clause:
            return found
        number = within(asking, self._count_ms, lambda: counted(asking, clause))
        if number is not None:
            return replace(found, filtered=number)
        looked, matching = sampled(asking, sample(found.total, SAMPLE))
        about = round(found.total * matching / looked) if looked else 0
        return replace(found, filtered=max(least, about), exact=False)

    def _summary(
        self,
        asking: Asking,
        exact: Callable[[Asking], Answer],
        scaled: Callable[[Answer, float], Answer],
    ) -> Answer:
        """Return a summary of all that match, or of a sample that has enough of them."""
        with moment(asking.connection):
            found = within(asking, self._summary_ms, lambda: exact(asking))
            if found is not None:
                return found
            total = counted(asking, Clause(""))
            some = sample(total, SUMMARY_SAMPLE)
            looked, matching = sampled(asking, some)
            if matching < ENOUGH:
                return exact(asking)
            return scaled(exact(replace(asking, among=some)), total / looked)


@contextmanager
def moment(connection: ReadConnection) -> Iterator[None]:
    """Have all statements see one state of the tables."""
    with connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def _with_total(rows: Sequence[int]) -> Statement:
    """Return the query for the number of all tasks, and for some rows in their order."""
    shown = those(rows, POSTGRESQL, "id")
    text = f"SELECT (SELECT {POSTGRESQL.number_of_tasks}), ({shown.text})"
    return Statement(text, shown.parameters)


def _of_part(
    asking: Asking, clause: Clause, part: Part, wanted: int, most: int
) -> tuple[int, list[int]] | None:
    """Return how many tasks of a part were looked at, and the rows of those that match."""
    for size in (most // FIRST_OF_NEAR, most) if clause else (wanted,):
        looked, rows = row(asking, nearest(part, clause, size))
        found = _ROWS.decode(rows)
        if looked < size or len(found) >= wanted:
            return looked, found
    return None


def _parts(asking: Asking, walk: Walk) -> Iterator[Part]:
    lacking = walk.lacking
    if walk.only is not None:
        yield walk.same(walk.only)
        return
    if lacking is not None and not walk.is_descending:
        yield lacking
    if walk.has_values:
        yield from _by_value(asking, walk) if walk.is_few_valued else (walk.at_and_beyond,)
    if lacking is not None and walk.is_descending:
        yield lacking


def _by_value(asking: Asking, walk: Walk) -> Iterator[Part]:
    key = walk.first_key
    if key is not None:
        yield walk.same(key)
    for _ in range(MOST_VALUES):
        asked = walk.next_key(key)
        found = asking.connection.execute(asked.text, asked.parameters).fetchone()
        if found is None:
            return
        (key,) = found
        yield walk.same(key)
    yield walk.beyond(key)


def within(asking: Asking, limit_ms: int, ask: Callable[[], Answer]) -> Answer | None:
    """Return what is asked in a transaction, None where the answer takes longer than that."""
    say = asking.connection.execute
    say("SAVEPOINT bounded")
    say(f"SET LOCAL statement_timeout = {limit_ms}")
    try:
        return ask()
    except EndedError:
        return None
    finally:
        say("ROLLBACK TO SAVEPOINT bounded")


def counted(asking: Asking, clause: Clause) -> int:
    """Return how many tasks match."""
    text = f"count(*) FROM task t WHERE {clause.text}" if clause else POSTGRESQL.number_of_tasks
    number: int = row(asking, Statement(f"SELECT {text}", clause.parameters))[0]
    return number


def sample(total: int, wanted: int) -> Sample:
    """Return a sample of about so many of all tasks."""
    return Sample(min(100.0, max(0.01, round(100 * wanted / max(1, total), 2))))


def sampled(asking: Asking, some: Sample) -> tuple[int, int]:
    """Return how many tasks are in a sample, and how many of them match."""
    found = Selection.of(asking.query, asking.now, POSTGRESQL, some)
    matching = f" FILTER (WHERE {found.clause.text})" if found.clause else ""
    text = f"SELECT count(*), count(*){matching} FROM {found.source.text}"
    looked, number = row(asking, Statement(text, found.parameters))
    return looked, number


def facets_scaled(found: Facets, times: float) -> Facets:
    """Return what a sample says of all."""
    counts = {
        field: [(value, round(number * times)) for value, number in some]
        for field, some in found.counts.items()
    }
    return Facets(counts, exact=False)


def histogram_scaled(found: TaskHistogram, times: float) -> TaskHistogram:
    """Return what a sample says of all."""
    counts = {
        state: [round(number * times) for number in some] for state, some in found.counts.items()
    }
    return replace(found, counts=counts, exact=False)
