"""Sums: adds rows up to the points of an answer. In a thread, one call at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flower_ng.errors import BadRequest
from flower_ng.store.rollups.cut import Cut
from flower_ng.store.rollups.levels import Level
from flower_ng.store.rollups.points import Bucket, Point, bucket, point
from flower_ng.store.rollups.queries import SeriesQuery
from flower_ng.store.rollups.sketch import RELATIVE_ERROR
from flower_ng.store.rollups.tables import ROWS, Covered
from flower_ng.store.rollups.tallies import TALLIES, Coverage, Tally, TaskTally, add_to


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

    They are of what happened from `start` up to `end` (UTC seconds): the first and the last bucket
    may begin before, and end after. `step_s` may be coarser than was asked for, where finer rows
    are not kept so long. Percentiles are within `relative_error` of a value of that rank.
    """

    kind: str
    step_s: int
    relative_error: float
    buckets: tuple[Bucket, ...]
    series: tuple[Series, ...]
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one level, and which writer's they are, by their start."""

    level: Level
    covered: Mapping[int, Covered]

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

    def __init__(self, query: SeriesQuery, cut: Cut, now: float) -> None:
        self._query = query
        self._cut = cut
        self._now = now
        self._wanted = query.containing.casefold()
        self._coverage = {start: Coverage() for start in cut.starts}
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
                self._merge(name, self._cut.bucket(start), tally)
        return rows[-1][:3] if rows else None

    def page(self) -> SeriesPage:
        """Return the answer."""
        names, most, starts = sorted(self._tallies), self._query.max_points, self._cut.starts
        if len(names) * len(starts) > most:
            raise BadRequest(
                f"{len(names)} series of {len(starts)} buckets are too many points,"
                f" expected at most {most}: name some, or ask for a longer step"
            )
        buckets = tuple(self._covered(start) for start in starts)
        return SeriesPage(
            kind=self._query.kind,
            step_s=self._cut.step_s,
            relative_error=RELATIVE_ERROR,
            buckets=buckets,
            series=tuple(self._series(name, buckets) for name in names),
            start=self._cut.low,
            end=self._cut.high,
        )

    def _merge(self, name: str, start: int, tally: Any) -> None:
        add_to(self._tallies.setdefault(name, {}), start, tally)

    def _covered(self, start: int) -> Bucket:
        return bucket(start, self._cut.past_s(start, self._now), self._coverage[start])

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
            return point(tally, percentiles=self._query.percentiles)
        is_zero = self._query.kind == "task" and one.gap == "none"
        return point(TaskTally()) if is_zero else None
