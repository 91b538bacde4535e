"""The parts of a series: how much of a bucket was observed, and one point of each kind. Pure."""

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from flower_ng.store.rollups.tallies import (
    OUTCOMES,
    Coverage,
    GaugeTally,
    QueueTally,
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
