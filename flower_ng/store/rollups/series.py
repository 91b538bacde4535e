"""Series over time, by range and step: asked on the loop, read by the reader, added up in threads.

The coarsest rows that fit the step are read, and finer ones where those are not made yet.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from typing import Any, Final, Protocol

from flower_ng.errors import BadRequest, Unavailable
from flower_ng.store.rollups.levels import MINUTE_S, Level
from flower_ng.store.rollups.points import Bucket, Point, bucket, point
from flower_ng.store.rollups.sketch import RELATIVE_ERROR
from flower_ng.store.rollups.tables import ROWS, Covered, chosen, found, marks
from flower_ng.store.rollups.tallies import (
    COVERAGE,
    KINDS,
    TALLIES,
    Coverage,
    Tally,
    TaskTally,
    add_to,
)

MAX_BUCKETS: Final = 2000
MAX_NAMES: Final = 100
#: Points of one answer, all names together.
MAX_POINTS: Final = 20_000
LIMIT_S: Final = 5.0
#: Rows read at once: their decoding holds the interpreter for some milliseconds.
PAGE_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """Which series, from when to when (UTC seconds), in buckets of `step_s`, a multiple of 60.

    `names` are task types, queues or workers; None is all that are known. Among task types,
    `ALL_TYPES` is all of them together.
    """

    kind: str
    names: tuple[str, ...] | None
    start: float
    end: float
    step_s: int


@dataclass(frozen=True, slots=True)
class Series:
    """The points of one name, one a bucket: None where nothing is known, which is never zero.

    `whole` is all of them in one.
    """

    name: str
    points: tuple[Point | None, ...]
    whole: Point | None


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """Series whose points stand for the same buckets, oldest first.

    `step_s` may be coarser than was asked for, where finer rows are not kept so long. Percentiles
    are within `relative_error` of a value of that rank.
    """

    kind: str
    step_s: int
    relative_error: float
    buckets: tuple[Bucket, ...]
    series: tuple[Series, ...]


class RowReader(Protocol):
    """Runs queries that give one row."""

    async def row(self, statement: str, parameters: Sequence[Any], /) -> tuple[Any, ...]:
        """Return the one row of a query."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Rows of one level, and which writer's they are, by their start."""

    level: Level
    covered: Mapping[int, Covered]


async def series(
    reader: RowReader, query: SeriesQuery, levels: Sequence[Level], now: float
) -> SeriesPage:
    """Return what a query asks for.

    Raises BadRequest where it cannot be meant, Unavailable when it takes too long.
    """
    checked(query)
    try:
        async with asyncio.timeout(LIMIT_S):
            return await _read(reader, query, levels, now)
    except TimeoutError:
        raise Unavailable(
            f"The series took longer than {LIMIT_S:g} s: ask for fewer names or a shorter range"
        ) from None


def checked(query: SeriesQuery) -> None:
    """Raise BadRequest where a query cannot be meant: what is wrong, and what would be right."""
    if query.kind not in KINDS:
        raise BadRequest(f"Unknown kind '{query.kind}', expected one of {', '.join(KINDS)}")
    if query.step_s < MINUTE_S or query.step_s % MINUTE_S:
        raise BadRequest(f"Invalid step {query.step_s}, expected a multiple of 60 seconds")
    if not (isfinite(query.start) and isfinite(query.end) and 0 <= query.start < query.end):
        raise BadRequest(
            f"Invalid range from {query.start} to {query.end}, expected a start before its end"
        )
    if query.names is not None and len(query.names) > MAX_NAMES:
        raise BadRequest(f"{len(query.names)} names are too many, expected at most {MAX_NAMES}")
    if (query.end - query.start) / query.step_s > MAX_BUCKETS:
        least_s = ceil((query.end - query.start) / MAX_BUCKETS / MINUTE_S) * MINUTE_S
        raise BadRequest(
            f"A step of {query.step_s} s makes more than {MAX_BUCKETS} buckets of this range,"
            f" expected a step of at least {least_s}"
        )


async def _read(
    reader: RowReader, query: SeriesQuery, levels: Sequence[Level], now: float
) -> SeriesPage:
    step_s = _step_s(query, levels, now)
    starts = range(int(query.start // step_s) * step_s, ceil(min(query.end, now)), step_s)
    sources = await _sources(reader, levels, starts)
    sums = _Sums(query, starts, now)
    for source in sources:
        sums.cover(source)
        if query.names is None:
            await _add_all(reader, query.kind, source, sums)
        else:
            await _add_named(reader, query.kind, query.names, source, sums)
    return await asyncio.to_thread(sums.page)


def _step_s(query: SeriesQuery, levels: Sequence[Level], now: float) -> int:
    """Return the step, made a multiple of the finest that is still kept of the query's start."""
    kept = [level for level in levels if query.start >= now - level.keep_s]
    finest = kept[0] if kept else levels[-1]
    return ceil(query.step_s / finest.step_s) * finest.step_s


async def _sources(reader: RowReader, levels: Sequence[Level], starts: range) -> list[_Source]:
    """Return what to read, coarse to fine: each second of the range comes from one row only."""
    sources: list[_Source] = []
    for level in reversed(levels):
        if starts and not starts.step % level.step_s:
            query = found("step_s = ? AND kind = ? AND start >= ? AND start < ?")
            asked = (level.step_s, COVERAGE, starts[0], starts[-1] + starts.step)
            best = chosen(ROWS[COVERAGE].decode((await reader.row(query, asked))[0]))
            covered = {
                start: best[start]
                for start in sorted(best)
                if not any(source.level.floor(start) in source.covered for source in sources)
            }
            sources.append(_Source(level, covered))
    return sources


async def _add_named(
    reader: RowReader, kind: str, names: Sequence[str], source: _Source, sums: "_Sums"
) -> None:
    """Add up the rows of some names, looked up one by one."""
    starts, size = list(source.covered), max(1, PAGE_ROWS // max(1, len(names)))
    for first in range(0, len(starts), size):
        page = starts[first : first + size]
        query = found(
            f"step_s = ? AND kind = ? AND start IN {marks(page)} AND name IN {marks(names)}"
        )
        (text,) = await reader.row(query, (source.level.step_s, kind, *page, *names))
        await asyncio.to_thread(sums.add, source, text)


async def _add_all(reader: RowReader, kind: str, source: _Source, sums: "_Sums") -> None:
    """Add up the rows of all names, page by page."""
    query = found(
        "step_s = ? AND kind = ? AND start <= ? AND (start, name, writer) > (?, ?, ?) AND name > ''"
        f" ORDER BY start, name, writer LIMIT {PAGE_ROWS}"
    )
    after: tuple[int, str, str] | None = (min(source.covered, default=0), "", "")
    while after is not None and source.covered:
        asked = (source.level.step_s, kind, max(source.covered), *after)
        (text,) = await reader.row(query, asked)
        after = await asyncio.to_thread(sums.add, source, text)


class _Sums:
    """Adds rows up to the buckets of an answer; in a thread, one at a time."""

    def __init__(self, query: SeriesQuery, starts: range, now: float) -> None:
        self._query = query
        self._starts = starts
        self._now = now
        self._coverage = {start: Coverage() for start in starts}
        self._tallies: dict[str, dict[int, Tally]] = {name: {} for name in query.names or ()}

    def cover(self, source: _Source) -> None:
        """Add up for how long the rows of a source were observed."""
        for start, covered in source.covered.items():
            self._coverage[self._bucket(start)].merge(covered.coverage)

    def add(self, source: _Source, text: str) -> tuple[int, str, str] | None:
        """Add rows; return the key of the last one, None when there are fewer than a page."""
        rows = ROWS[self._query.kind].decode(text)
        for start, name, writer, tally in rows:
            covered = source.covered.get(start)
            if covered is not None and covered.writer == writer:
                self._merge(name, self._bucket(start), tally)
        return rows[-1][:3] if len(rows) >= PAGE_ROWS else None

    def page(self) -> SeriesPage:
        """Return the answer."""
        if len(self._tallies) * len(self._starts) > MAX_POINTS:
            raise BadRequest(
                f"{len(self._tallies)} series of {len(self._starts)} buckets are too many points,"
                f" expected at most {MAX_POINTS}: name some, or ask for a longer step"
            )
        buckets = tuple(self._covered(start) for start in self._starts)
        series = tuple(self._series(name, buckets) for name in sorted(self._tallies))
        return SeriesPage(self._query.kind, self._starts.step, RELATIVE_ERROR, buckets, series)

    def _bucket(self, start: int) -> int:
        return start // self._starts.step * self._starts.step

    def _merge(self, name: str, start: int, tally: Any) -> None:
        add_to(self._tallies.setdefault(name, {}), start, tally)

    def _covered(self, start: int) -> Bucket:
        past_s = min(self._now - start, self._starts.step)
        return bucket(start, past_s, self._coverage[start])

    def _series(self, name: str, buckets: Sequence[Bucket]) -> Series:
        tallies = self._tallies[name]
        points = tuple(self._point(tallies.get(one.start), one) for one in buckets)
        whole: Any = TALLIES[self._query.kind]()
        for tally in tallies.values():
            whole.merge(tally)
        return Series(name, points, point(whole) if tallies else None)

    def _point(self, tally: Tally | None, one: Bucket) -> Point | None:
        """Return a point; zero events are a fact only where all of the time was observed."""
        if tally is not None:
            return point(tally)
        is_zero = self._query.kind == "task" and one.gap == "none"
        return point(TaskTally()) if is_zero else None
