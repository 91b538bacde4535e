"""The counts of one task type, queue or worker in one period, and the periods kept. Pure.

Tallies merge, so that ten minutes are made of minutes and an answer of either; all are JSON arrays.
"""

from bisect import bisect_left
from collections.abc import Hashable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, log
from typing import Any, Final, TypeAlias, TypeVar, cast

import msgspec

MINUTE_S: Final = 60
TEN_MINUTES_S: Final = 600
HOUR_S: Final = 3600
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class RollupLevel:
    """Rows that each stand for `step_s` seconds, kept for `keep_s`."""

    step_s: int
    keep_s: float

    def floor(self, at: float) -> int:
        """Return the start of the step that a time is in."""
        return int(at // self.step_s) * self.step_s


def levels(
    minutes_days: float, ten_minutes_days: float, hours_days: float
) -> Sequence[RollupLevel]:
    """Return the levels from fine to coarse; a coarse one is kept no shorter than a finer one."""
    kept = accumulate((minutes_days, ten_minutes_days, hours_days), max)
    steps_s = (MINUTE_S, TEN_MINUTES_S, HOUR_S)
    return [RollupLevel(step_s, days * DAY_S) for step_s, days in zip(steps_s, kept, strict=True)]


LEVELS: Final = levels(1, 14, 366)


def minute_of(at: float) -> int:
    """Return the start of the minute that a time is in, as UTC seconds."""
    return int(at // MINUTE_S) * MINUTE_S


#: A quantile is at most this share above or below a value of that rank.
RELATIVE_ERROR = 0.02
#: Shorter durations count as 0: there the error is absolute.
LEAST_S = 1e-4

_BASE = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_SCALE = 1 / log(_BASE)
_LEAST = ceil(log(LEAST_S) * _SCALE)


class Sketch(msgspec.Struct, array_like=True, gc=False):
    """Durations counted in buckets, each 4 % wider than the one before, and their sum.

    The method is DDSketch's (Masson, Rim, Lee: VLDB 2019). Buckets are never joined, so the order
    of merges does not matter; durations of events (up to 2**33 s) fall in at most 803 of them.
    """

    buckets: dict[int, int] = {}
    total_s: float = 0.0

    @property
    def count(self) -> int:
        """How many durations there are."""
        return sum(self.buckets.values())

    def add(self, duration_s: float) -> None:
        """Count one duration, which is not negative; a fraction of a microsecond."""
        bucket = ceil(log(duration_s) * _SCALE) if duration_s > LEAST_S else _LEAST
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        self.total_s += duration_s

    def merge(self, other: "Sketch") -> None:
        """Take in the durations of another sketch."""
        buckets = self.buckets
        for bucket, count in other.buckets.items():
            buckets[bucket] = buckets.get(bucket, 0) + count
        self.total_s += other.total_s

    def quantiles(self, shares: Sequence[float]) -> list[float]:
        """Return the durations (s) that so many of all, 0 to 1, do not exceed; needs a duration.

        They are estimates, but for a single duration, which is its own.
        """
        buckets = sorted(self.buckets)
        up_to = list(accumulate(map(self.buckets.__getitem__, buckets)))
        if up_to[-1] == 1:
            return [self.total_s] * len(shares)
        ranks = (max(1, ceil(share * up_to[-1])) for share in shares)
        return [_middle_s(buckets[bisect_left(up_to, rank)]) for rank in ranks]


def _middle_s(bucket: int) -> float:
    """Return what is equally far, as a share, from both ends of a bucket."""
    return 0.0 if bucket == _LEAST else 2 * _BASE**bucket / (_BASE + 1)


_Key = TypeVar("_Key", bound=Hashable)

#: What is counted of tasks, in the order of `TaskTally.counts`: events, not tasks.
OUTCOMES: Final = (
    "sent", "received", "started", "succeeded", "failed", "retried", "revoked", "rejected",
)  # fmt: skip
#: The name of all task types together; no task can have it.
ALL_TYPES: Final = ""


class TaskTally(msgspec.Struct, array_like=True, gc=False):
    """Events of one task type by outcome, and how long its tasks ran and waited.

    `run` has the runtime of those that succeeded, `unsuccessful_s` is how long all others ran, from
    started to however they ended; `queued` is from sent to received, `wait` from received to
    started where the task had no ETA. `again` counts receipts of tasks that a worker had before:
    further attempts, and messages that were delivered again.
    """

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * len(OUTCOMES))
    run: Sketch = msgspec.field(default_factory=Sketch)
    queued: Sketch = msgspec.field(default_factory=Sketch)
    wait: Sketch = msgspec.field(default_factory=Sketch)
    unsuccessful_s: float = 0.0
    again: int = 0

    def merge(self, other: "TaskTally") -> None:
        """Add what another one counted."""
        self.counts = [
            mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)
        ]
        self.run.merge(other.run)
        self.queued.merge(other.queued)
        self.wait.merge(other.wait)
        self.unsuccessful_s += other.unsuccessful_s
        self.again += other.again


class GaugeTally(msgspec.Struct, array_like=True, gc=False):
    """Samples of a number; `last` is the one at `last_at`, the newest. Empty without `samples`."""

    samples: int = 0
    total: float = 0.0
    least: float = 0.0
    most: float = 0.0
    last: float = 0.0
    last_at: float = 0.0

    def note(self, value: float, at: float) -> None:
        """Take one sample."""
        self.merge(GaugeTally(1, value, value, value, value, at))

    def merge(self, other: "GaugeTally") -> None:
        """Take in the samples of another one."""
        if not other.samples:
            return
        self.least = min(self.least, other.least) if self.samples else other.least
        self.most = max(self.most, other.most) if self.samples else other.most
        if other.last_at >= self.last_at:
            self.last, self.last_at = other.last, other.last_at
        self.samples += other.samples
        self.total += other.total


class QueueTally(msgspec.Struct, array_like=True, gc=False):
    """How many messages waited in a queue, and how long the oldest had.

    `sent` and `received` count the events of tasks whose `task-sent` named the queue.
    """

    length: GaugeTally = msgspec.field(default_factory=GaugeTally)
    oldest_age_s: GaugeTally = msgspec.field(default_factory=GaugeTally)
    sent: int = 0
    received: int = 0

    def merge(self, other: "QueueTally") -> None:
        """Take in the samples of another one."""
        self.length.merge(other.length)
        self.oldest_age_s.merge(other.oldest_age_s)
        self.sent += other.sent
        self.received += other.received


class WorkerTally(msgspec.Struct, array_like=True, gc=False):
    """How many tasks a worker ran at once, and the load of its host (mean of one minute)."""

    active: GaugeTally = msgspec.field(default_factory=GaugeTally)
    load: GaugeTally = msgspec.field(default_factory=GaugeTally)

    def merge(self, other: "WorkerTally") -> None:
        """Take in the samples of another one."""
        self.active.merge(other.active)
        self.load.merge(other.load)


#: An event older than this, or from the future, counts in the minute under way.
LATE_S: Final = 600


class Coverage(msgspec.Struct, array_like=True, gc=False):
    """For how long events could arrive, and how many of them were dropped."""

    observed_ms: int = 0
    dropped: int = 0

    def merge(self, other: "Coverage") -> None:
        """Add what another one saw."""
        self.observed_ms += other.observed_ms
        self.dropped += other.dropped


Tally: TypeAlias = TaskTally | QueueTally | WorkerTally | Coverage

#: What there are series of: task types, queues and workers.
KINDS: Final = ("task", "queue", "worker")
#: Rows of this kind, with an empty name, tell what was observed; each minute that is kept has one.
COVERAGE: Final = "coverage"
TALLIES: Final[Mapping[str, type[Tally]]] = {
    "task": TaskTally,
    "queue": QueueTally,
    "worker": WorkerTally,
    COVERAGE: Coverage,
}


def merged(one: Tally | None, other: Tally) -> Tally:
    """Return both in one, which shares nothing with either."""
    both: Any = type(other)()
    if one is not None:
        both.merge(one)
    both.merge(other)
    return cast("Tally", both)


def add_to(sums: MutableMapping[_Key, Any], key: _Key, tally: Tally) -> None:
    """Add a tally, which is given away, to the sum of its key."""
    if key in sums:
        sums[key].merge(tally)
    else:
        sums[key] = tally


class Minute:
    """What happened in a minute; task types are under None where no event gave a name."""

    def __init__(self) -> None:
        self.coverage = Coverage()
        self.kinds: dict[str, dict[str | None, Any]] = {kind: {} for kind in KINDS}

    def __len__(self) -> int:
        return sum(map(len, self.kinds.values()))

    def tally(self, kind: str, name: str | None) -> Any:
        """Return the tally of a name, a new one where there is none."""
        tallies = self.kinds[kind]
        found = tallies.get(name)
        if found is None:
            found = tallies[name] = TALLIES[kind]()
        return found

    def merge(self, other: "Minute") -> None:
        """Take in what another one holds of the same minute."""
        self.coverage.merge(other.coverage)
        for kind, tallies in other.kinds.items():
            for name, tally in tallies.items():
                self.tally(kind, name).merge(tally)

    def rows(self) -> Iterator[tuple[str, str, Tally]]:
        """Yield the tallies with kind and name, that of all task types among them."""
        yield COVERAGE, "", self.coverage
        if self.kinds["task"]:
            yield "task", ALL_TYPES, self._all_types()
        for kind, tallies in self.kinds.items():
            for name, tally in tallies.items():
                if name is not None:
                    yield kind, name, tally

    def _all_types(self) -> TaskTally:
        total = TaskTally()
        for tally in self.kinds["task"].values():
            total.merge(tally)
        return total
