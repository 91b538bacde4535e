"""Series over time, by range and step: asked on the loop, summed in the reading threads.

The coarsest rows that fit the step are read, and finer ones where those are not made yet, and at
both ends of the range.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from flower_ng.errors import BadRequest, Unavailable
from flower_ng.store.rollups.points import (
    Bucket,
    Point,
    SeriesQuery,
    SeriesRange,
    bucket,
    checked,
    point,
    range_of,
)
from flower_ng.store.rollups.tables import ROWS, WriterCoverage, chosen, found, marks
from flower_ng.store.rollups.tallies import (
    COVERAGE,
    RELATIVE_ERROR,
    TALLIES,
    Coverage,
    RollupLevel,
    Tally,
    TaskTally,
    add_to,
)
from flower_ng.store.tables.dialect import SQLITE, Dialect


@dataclass(frozen=True, slots=True)
class NamedSeries:
    """The points of one name, one a bucket: None where nothing is known, which is never zero.

    `whole` is all of them in one.
    """

    name: str
    points: tuple[Point | None, ...]
    whole: Point | None


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """Series whose points stand for the same buckets, oldest first.

    They are of what happened from `start` up to `end` (UTC seconds): the first and the last bucket
    may begin before, and end after. `step_s` may be coarser than was asked for, where finer rows
    are not kept so long. Percentiles are within `relative_error` of a value of that rank.
    """

    kind: str
    step_s: int
    relative_error: float
    buckets: tuple[Bucket, ...]
    series: tuple[NamedSeries, ...]
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one level, and which writer's they are, by their start."""

    level: RollupLevel
    covered: Mapping[int, WriterCoverage]

    def stretches(self) -> Iterator[tuple[int, int]]:
        """Yield the first and the last start of rows that follow each other."""
        first = last = None
        for start in self.covered:  # the oldest first
            if first is None or last is None:
                first = start
            elif start != last + self.level.step_s:
                yield first, last
                first = start
            last = start
        if first is not None and last is not None:
            yield first, last


class Sums:
    """Adds rows up to the buckets of an answer; in a thread, one at a time."""

    def __init__(self, query: SeriesQuery, range_of: SeriesRange, now: float) -> None:
        self._query = query
        self._cut = range_of
        self._now = now
        self._wanted = query.containing.casefold()
        self._coverage = {start: Coverage() for start in range_of.starts}
        self._tallies: dict[str, dict[int, Tally]] = {name: {} for name in query.names or ()}

    def cover(self, source: Source) -> None:
        """Add up for how long the rows of a source were observed."""
        for start, covered in source.covered.items():
            self._coverage[self._cut.bucket(start)].merge(covered.coverage)

    def add(self, source: Source, text: str) -> tuple[int, str, str] | None:
        """Add rows; return the key of the last one, None when there is none."""
        rows = ROWS[self._query.kind].decode(text)
        for start, name, writer, tally in rows:
            covered = source.covered.get(start)
            if covered is not None and covered.writer == writer and self._wanted in name.casefold():
                add_to(self._tallies.setdefault(name, {}), self._cut.bucket(start), tally)
        return rows[-1][:3] if rows else None

    def page(self) -> SeriesPage:
        """Return the answer."""
        names, most, starts = sorted(self._tallies), self._query.max_points, self._cut.starts
        if len(names) * len(starts) > most:
            raise BadRequest(
                f"{len(names)} series of {len(starts)} buckets are too many points,"
                f" expected at most {most}: name some, or ask for a longer step"
            )
        buckets = tuple(
            bucket(start, self._cut.past_s(start, self._now), self._coverage[start])
            for start in starts
        )
        return SeriesPage(
            kind=self._query.kind,
            step_s=self._cut.step_s,
            relative_error=RELATIVE_ERROR,
            buckets=buckets,
            series=tuple(self._series(name, buckets) for name in names),
            start=self._cut.low,
            end=self._cut.high,
        )

    def _series(self, name: str, buckets: Sequence[Bucket]) -> NamedSeries:
        tallies = self._tallies[name]
        points = tuple(self._point(tallies.get(one.start), one) for one in buckets)
        whole: Any = TALLIES[self._query.kind]()
        for tally in tallies.values():
            whole.merge(tally)
        return NamedSeries(name, points, point(whole) if tallies else None)

    def _point(self, tally: Tally | None, one: Bucket) -> Point | None:
        """Return a point; zero events are a fact only where all of the time was observed."""
        if tally is not None:
            return point(tally, percentiles=self._query.percentiles)
        is_zero = self._query.kind == "task" and one.gap == "none"
        return point(TaskTally()) if is_zero else None


__all__ = ["SeriesPage", "SeriesQuery", "series"]

LIMIT_S: Final = 5.0
#: Rows read at once: their decoding holds the interpreter for some milliseconds.
PAGE_ROWS: Final = 200
#: The rows of a level up to a start, after one that was read.
ALL_NAMES: Final = (
    "step_s = ? AND start <= ? AND (start, name, writer) > (?, ?, ?) AND name > ''"
    " ORDER BY start, name, writer"
)


class RowReader(Protocol):
    """Runs queries that give one row."""

    async def row(self, statement: str, parameters: Sequence[Any], /) -> tuple[Any, ...]:
        """Return the one row of a query."""


async def series(
    reader: RowReader,
    query: SeriesQuery,
    levels: Sequence[RollupLevel],
    now: float,
    dialect: Dialect = SQLITE,
) -> SeriesPage:
    """Return what a query asks for.

    Raises BadRequest where it cannot be meant, Unavailable when it takes too long.
    """
    checked(query)
    reading = _Reading(reader, query, dialect)
    try:
        async with asyncio.timeout(LIMIT_S):
            return await reading.page(levels, now)
    except TimeoutError:
        raise Unavailable(
            f"The series took longer than {LIMIT_S:g} s: ask for fewer names or a shorter range"
        ) from None


class _Reading:
    """The reading of one answer."""

    def __init__(self, reader: RowReader, query: SeriesQuery, dialect: Dialect) -> None:
        self._reader = reader
        self._query = query
        self._dialect = dialect

    async def page(self, levels: Sequence[RollupLevel], now: float) -> SeriesPage:
        query, found = self._query, range_of(self._query, levels, now)
        sums = Sums(query, found, now)
        for source in await self._sources(levels, found):
            sums.cover(source)
            if query.names is None:
                await self._add_all(source, sums)
            elif query.names:
                await self._add_named(query.names, source, sums)
        return await asyncio.to_thread(sums.page)

    async def _sources(self, levels: Sequence[RollupLevel], found: SeriesRange) -> list[Source]:
        """Return what to read, coarse to fine: each second of the range comes from one row only."""
        sources: list[Source] = []
        for level in reversed(levels):
            if found.holds(level):
                asked = (level.step_s, found.low, found.high - level.step_s)
                text = await self._text(COVERAGE, "step_s = ? AND start BETWEEN ? AND ?", *asked)
                best = chosen(ROWS[COVERAGE].decode(text))
                covered = {
                    start: best[start]
                    for start in sorted(best)
                    if not any(source.level.floor(start) in source.covered for source in sources)
                }
                sources.append(Source(level, covered))
        return sources

    async def _add_named(self, names: Sequence[str], source: Source, sums: Sums) -> None:
        """Add up the rows of some names, looked up one by one."""
        starts, size = list(source.covered), max(1, PAGE_ROWS // len(names))
        for first in range(0, len(starts), size):
            page = starts[first : first + size]
            condition = f"step_s = ? AND start IN {marks(page)} AND name IN {marks(names)}"
            asked = (source.level.step_s, *page, *names)
            text = await self._text(self._query.kind, condition, *asked)
            await asyncio.to_thread(sums.add, source, text)

    async def _add_all(self, source: Source, sums: Sums) -> None:
        """Add up the rows of all names, page by page."""
        condition = f"{ALL_NAMES} LIMIT {PAGE_ROWS}"
        for first, last in source.stretches():
            after: tuple[int, str, str] | None = (first, "", "")
            while after is not None:
                asked = (source.level.step_s, last, *after)
                text = await self._text(self._query.kind, condition, *asked)
                after = await asyncio.to_thread(sums.add, source, text)

    async def _text(self, kind: str, condition: str, *parameters: object) -> str:
        text: str
        (text,) = await self._reader.row(found(condition, self._dialect), (kind, *parameters))
        return text
