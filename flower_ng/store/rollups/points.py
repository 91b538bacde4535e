"""What series answer: the query, the range that it covers, and the points of each kind. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from typing import Any, Final, Literal, TypeAlias

from flower_ng.errors import BadRequest
from flower_ng.store.rollups.tallies import (
    KINDS,
    MINUTE_S,
    OUTCOMES,
    Coverage,
    GaugeTally,
    QueueTally,
    RollupLevel,
    Sketch,
    Tally,
    TaskTally,
    WorkerTally,
)

#: What may be missing of a bucket's time before it has a gap: rounding.
TOLERANCE_S: Final = 0.5
_SHARES: Final = (0.5, 0.95, 0.99)

Gap: TypeAlias = Literal["none", "part", "whole"]


@dataclass(frozen=True, slots=True)
class Bucket:
    """How much of the time from `start` (UTC seconds) was observed.

    `past_s` is how many of its seconds are over; `dropped` is how many events were lost. `gap` says
    how much of that is missing: with a part, there were at least as many events as were counted;
    with the whole, nothing is known.
    """

    start: int
    past_s: float
    observed_s: float
    dropped: int
    gap: Gap


@dataclass(frozen=True, slots=True)
class Spread:
    """How some durations are spread, in seconds; percentiles are within the sketches' error."""

    count: int
    total_s: float
    mean_s: float
    p50_s: float
    p95_s: float
    p99_s: float

    @property
    def is_exact(self) -> bool:
        """Whether the percentiles are no estimates: those of a single duration are itself."""
        return self.count == 1


@dataclass(frozen=True, slots=True)
class TaskPoint:
    """How many events of each kind there were, and how long tasks ran and waited.

    `tasks` were received for the first time: retries and redeliveries are in `received` alone.
    `run` is of those that succeeded; `total_run_s` is how long all ran, however they ended.
    """

    sent: int
    received: int
    started: int
    succeeded: int
    failed: int
    retried: int
    revoked: int
    rejected: int
    run: Spread | None = None
    queued: Spread | None = None
    wait: Spread | None = None
    total_run_s: float = 0.0
    tasks: int = 0


@dataclass(frozen=True, slots=True)
class GaugePoint:
    """What was sampled of a number; `last` is the newest sample."""

    samples: int
    mean: float
    least: float
    most: float
    last: float


@dataclass(frozen=True, slots=True)
class QueuePoint:
    """Messages in a queue and the age of the oldest; None where it was not known.

    `sent` and `received` are of tasks whose `task-sent` named the queue: without such events both
    are 0, and say nothing.
    """

    length: GaugePoint | None
    oldest_age_s: GaugePoint | None
    sent: int = 0
    received: int = 0


@dataclass(frozen=True, slots=True)
class WorkerPoint:
    """Tasks that a worker ran at once and the load of its host; None where it was not told."""

    active: GaugePoint | None
    load: GaugePoint | None


Point: TypeAlias = TaskPoint | QueuePoint | WorkerPoint


def bucket(start: int, past_s: float, coverage: Coverage) -> Bucket:
    """Return what a coverage says of a bucket of which so much is over."""
    observed_s, dropped = coverage.observed_ms / 1000, coverage.dropped
    is_missing = past_s - observed_s > TOLERANCE_S
    gap: Gap = "whole" if not observed_s else "part" if is_missing or dropped else "none"
    return Bucket(start, past_s, observed_s, dropped, gap)


def point(tally: Tally, *, percentiles: bool = True) -> Point:
    """Return what a tally says; how durations are spread takes some time, and may be left out."""
    match tally:
        case TaskTally(counts, run, queued, wait, unsuccessful_s, again):
            numbers: dict[str, Any] = dict(zip(OUTCOMES, counts, strict=True))
            numbers["total_run_s"] = run.total_s + unsuccessful_s
            numbers["tasks"] = numbers["received"] - again
            if percentiles:
                numbers |= {"run": _spread(run), "queued": _spread(queued), "wait": _spread(wait)}
            return TaskPoint(**numbers)
        case QueueTally(length, oldest_age_s, sent, received):
            return QueuePoint(_level(length), _level(oldest_age_s), sent, received)
        case WorkerTally(active, load):
            return WorkerPoint(_level(active), _level(load))
    raise TypeError(f"There are no points of {tally!r}")


def _spread(sketch: Sketch) -> Spread | None:
    count = sketch.count
    if not count:
        return None
    return Spread(count, sketch.total_s, sketch.total_s / count, *sketch.quantiles(_SHARES))


def _level(gauge: GaugeTally) -> GaugePoint | None:
    if not gauge.samples:
        return None
    mean = gauge.total / gauge.samples
    return GaugePoint(gauge.samples, mean, gauge.least, gauge.most, gauge.last)


MAX_BUCKETS: Final = 2000
MAX_SERIES: Final = 500
#: Points of one answer, all names together.
MAX_POINTS: Final = 100_000


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """Which series, from when to when (UTC seconds), in buckets of `step_s`, a multiple of 60.

    The range reaches from the minute of `start` up to the minute of `end`, which is in it only
    while it is under way: two ranges that meet never count a minute twice. A `step_s` of None
    makes one bucket of it all. `names` are task types, queues or workers; None is all that are
    known, of those that contain `containing` whatever its case. Among task types, `ALL_TYPES` is
    all of them together. Without `percentiles` the points have none, only the whole of a series
    has, which is quicker for many names. `max_points` bounds the answer.
    """

    kind: str
    names: tuple[str, ...] | None
    start: float
    end: float
    step_s: int | None
    percentiles: bool = True
    max_points: int = MAX_POINTS
    containing: str = ""


def checked(query: SeriesQuery) -> None:
    """Raise BadRequest where a query cannot be meant: what is wrong, and what would be right."""
    if query.kind not in KINDS:
        raise BadRequest(f"Unknown kind '{query.kind}', expected one of {', '.join(KINDS)}")
    step_s = query.step_s
    if step_s is not None and (step_s < MINUTE_S or step_s % MINUTE_S):
        raise BadRequest(f"Invalid step {step_s}, expected a multiple of 60 seconds")
    if not (isfinite(query.start) and isfinite(query.end) and 0 <= query.start < query.end):
        raise BadRequest(
            f"Invalid range from {query.start} to {query.end}, expected a start before its end"
        )
    if query.names is not None and len(query.names) > MAX_SERIES:
        raise BadRequest(f"{len(query.names)} names are too many, expected at most {MAX_SERIES}")
    if step_s is not None and (query.end - query.start) / step_s > MAX_BUCKETS:
        least_s = ceil((query.end - query.start) / MAX_BUCKETS / MINUTE_S) * MINUTE_S
        raise BadRequest(
            f"A step of {step_s} s makes more than {MAX_BUCKETS} buckets of this range,"
            f" expected a step of at least {least_s}"
        )


#: A range that ends less than this before now ends now: answering takes a moment.
NOW_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class SeriesRange:
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

    def holds(self, level: RollupLevel) -> bool:
        """Whether each row of a level falls into one bucket."""
        return self.step_s % level.step_s == 0 or self.first + self.step_s >= self.high


def range_of(query: SeriesQuery, levels: Sequence[RollupLevel], now: float) -> SeriesRange:
    """Return the minutes that a query is about, or what is still kept of its start and its end."""
    first = finest(levels, query.start, now)
    low = first.floor(query.start)
    high = max(low, _high(query.end, levels, now))
    if query.step_s is None:
        return SeriesRange(low, high, max(high - low, MINUTE_S), low)
    step_s = ceil(query.step_s / first.step_s) * first.step_s
    return SeriesRange(low, high, step_s, low // step_s * step_s)


def _high(end: float, levels: Sequence[RollupLevel], now: float) -> int:
    """Return where a range ends: with the minute under way, where it ends now."""
    if end > now - NOW_S:
        return ceil(now / MINUTE_S) * MINUTE_S
    return finest(levels, end, now).floor(end)


def finest(levels: Sequence[RollupLevel], at: float, now: float) -> RollupLevel:
    """Return the finest level that is still kept of a time."""
    return next((level for level in levels if at >= now - level.keep_s), levels[-1])
