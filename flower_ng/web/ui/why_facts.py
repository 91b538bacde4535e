"""What is known of a task that does not run, and what follows from it: frozen records. Pure.

Times are UTC seconds by our own clock. None means unknown, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from flower_ng.brokers import QueueNumbers, QueuePlace
from flower_ng.monitor.holds.records import DrainedWorker, PausedQueue
from flower_ng.monitor.state.presence import Status
from flower_ng.store import TaskRow

#: `passed`: this does not keep it. `stops`: this keeps it. `risk`: this may end it without a run.
#: `unknown`: this can't be known.
Kind: TypeAlias = Literal["passed", "stops", "risk", "unknown"]
Certainty: TypeAlias = Literal["sure", "likely", "unknown"]
#: The kind of page that helps.
About: TypeAlias = Literal["queue", "worker", "task", "broker", "workers"]
Evidence: TypeAlias = Mapping[str, str | float | int]


@dataclass(frozen=True, slots=True)
class RunsThere:
    """A task that a worker runs, and for how long as far as is known."""

    uuid: str
    name: str | None = None
    runs_s: float | None = None


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """A worker as its events and its newest answers tell.

    `has_type` is whether it has registered the task's type, `accepts` whether it accepts the
    message's serializer, `limit` its rate limit of the type, as Celery writes it. `told_age_s` is
    how old its answer about its slots is. `holds` is where it said to have the task. `running` are
    tasks that it runs by its events, the longest of them `longest`.
    """

    name: str
    status: Status = "online"
    silent_s: float = 0.0
    slots: int | None = None
    running: int = 0
    longest: RunsThere | None = None
    told_age_s: float | None = None
    has_type: bool | None = None
    accepts: bool | None = None
    limit: str = ""
    multiplier: int | None = None
    holds: Literal["active", "reserved", "nowhere", ""] = ""
    held_age_s: float | None = None
    drain: DrainedWorker | None = None

    @property
    def free(self) -> int | None:
        """How many slots are free; None where that is unknown."""
        return None if self.slots is None else max(0, self.slots - self.running)


@dataclass(frozen=True, slots=True)
class WhyFacts:
    """All that is known of a task and of what it may wait for.

    `queue` is its queue as the broker told `queue_age_s` ago, `why_no_length` why not. `team` are
    the workers that consume from it; `silent_team` counts online workers that did not tell what
    they consume from, `online` all that are there. `worker` is the one that received it.
    `given_back_after_s` is when the broker delivers again what a dead worker holds: 0 is at once.
    """

    row: TaskRow
    now: float
    is_current: bool = True
    doubt: str = ""
    eta: float | None = None
    expires: float | None = None
    is_delayed_by_broker: bool = False
    revoked: str = ""
    revoked_told: tuple[str, ...] = ()
    blocked: str = ""
    broker_trouble: str = ""
    broker_age_s: float | None = None
    queue: QueueNumbers | None = None
    queue_age_s: float | None = None
    place: QueuePlace = field(default_factory=QueuePlace)
    pause: PausedQueue | None = None
    team: tuple[WorkerSeen, ...] = ()
    silent_team: int = 0
    online: int = 0
    drained: tuple[DrainedWorker, ...] = ()
    worker: WorkerSeen | None = None
    given_back_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why it does not run, in one sentence, and what helps; `subject` is of the page about it."""

    sentence: str
    certainty: Certainty
    advice: str = ""
    about: About | None = None
    subject: str = ""

    @property
    def doubt(self) -> str:
        """How sure it is, in words."""
        return {"sure": "Sure", "likely": "Likely", "unknown": "Not known"}[self.certainty]


@dataclass(frozen=True, slots=True)
class WhyStep:
    """One thing that a task needs to run.

    `words` mark their times (see `why_words.timed`). `age_s` is how old the newest evidence is.
    """

    key: str
    label: str
    kind: Kind
    words: str
    age_s: float | None = None
    evidence: Evidence = field(default_factory=dict)
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """The answer: the most likely reason first, by `cause` (a step's key), then all steps."""

    cause: str
    verdict: Verdict
    steps: tuple[WhyStep, ...] = ()
