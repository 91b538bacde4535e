"""Tallies: what a minute, or several, hold of one task type, queue or worker. Pure.

All merge, so that ten minutes are made of minutes and an answer of either; all are JSON arrays.
"""

from collections.abc import Hashable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias, TypeVar, cast

import msgspec

from flower_ng.store.rollups.sketch import Sketch

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


class Gauge(msgspec.Struct, array_like=True, gc=False):
    """Samples of a number; `last` is the one at `last_at`, the newest. Empty without `samples`."""

    samples: int = 0
    total: float = 0.0
    least: float = 0.0
    most: float = 0.0
    last: float = 0.0
    last_at: float = 0.0

    def note(self, value: float, at: float) -> None:
        """Take one sample."""
        self.merge(Gauge(1, value, value, value, value, at))

    def merge(self, other: "Gauge") -> None:
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

    length: Gauge = msgspec.field(default_factory=Gauge)
    oldest_age_s: Gauge = msgspec.field(default_factory=Gauge)
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

    active: Gauge = msgspec.field(default_factory=Gauge)
    load: Gauge = msgspec.field(default_factory=Gauge)

    def merge(self, other: "WorkerTally") -> None:
        """Take in the samples of another one."""
        self.active.merge(other.active)
        self.load.merge(other.load)


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
