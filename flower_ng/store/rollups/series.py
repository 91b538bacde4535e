"""Series over time, by range and step: asked on the loop, read by the reader, added up in threads.

The coarsest rows that fit the step are read, and finer ones where those are not made yet, and at
both ends of the range.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Protocol

from flower_ng.errors import Unavailable
from flower_ng.store.rollups.cut import Cut, cut
from flower_ng.store.rollups.levels import Level
from flower_ng.store.rollups.queries import SeriesQuery, checked
from flower_ng.store.rollups.sums import SeriesPage, Source, Sums
from flower_ng.store.rollups.tables import ROWS, chosen, found, marks
from flower_ng.store.rollups.tallies import COVERAGE
from flower_ng.store.tables.dialect import SQLITE, Dialect

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
    levels: Sequence[Level],
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

    async def page(self, levels: Sequence[Level], now: float) -> SeriesPage:
        query, found = self._query, cut(self._query, levels, now)
        sums = Sums(query, found, now)
        for source in await self._sources(levels, found):
            sums.cover(source)
            if query.names is None:
                await self._add_all(source, sums)
            elif query.names:
                await self._add_named(query.names, source, sums)
        return await asyncio.to_thread(sums.page)

    async def _sources(self, levels: Sequence[Level], found: Cut) -> list[Source]:
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
