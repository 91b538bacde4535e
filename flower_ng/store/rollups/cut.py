"""Cut: which minutes a query is about, and the buckets that they are cut into. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from flower_ng.store.rollups.levels import MINUTE_S, Level
from flower_ng.store.rollups.queries import SeriesQuery

#: A range that ends less than this before now ends now: answering takes a moment.
NOW_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Cut:
    """What is between `low` and `high` (UTC seconds), in buckets of `step_s` from `first` on.

    The first and the last bucket hold only what is in the range.
    """

    low: int
    high: int
    step_s: int
    first: int

    @property
    def starts(self) -> range:
        """Where the buckets begin."""
        return range(self.first, self.high, self.step_s)

    def bucket(self, at: int) -> int:
        """Return the start of the bucket that a time is in."""
        return self.first + (at - self.first) // self.step_s * self.step_s

    def past_s(self, start: int, now: float) -> float:
        """Return how many seconds of a bucket are in the range, and over."""
        return min(now, start + self.step_s, self.high) - max(start, self.low)

    def holds(self, level: Level) -> bool:
        """Whether each row of a level falls into one bucket."""
        return self.step_s % level.step_s == 0 or self.first + self.step_s >= self.high


def cut(query: SeriesQuery, levels: Sequence[Level], now: float) -> Cut:
    """Return the minutes that a query is about, or what is still kept of its start and its end."""
    finest = _finest(levels, query.start, now)
    low = finest.floor(query.start)
    high = max(low, _high(query.end, levels, now))
    if query.step_s is None:
        return Cut(low, high, max(high - low, MINUTE_S), low)
    step_s = ceil(query.step_s / finest.step_s) * finest.step_s
    return Cut(low, high, step_s, low // step_s * step_s)


def _high(end: float, levels: Sequence[Level], now: float) -> int:
    """Return where a range ends: with the minute under way, where it ends now."""
    if end > now - NOW_S:
        return ceil(now / MINUTE_S) * MINUTE_S
    return _finest(levels, end, now).floor(end)


def _finest(levels: Sequence[Level], at: float, now: float) -> Level:
    """Return the finest level that is still kept of a time."""
    return next((level for level in levels if at >= now - level.keep_s), levels[-1])
