"""Facts is one frozen snapshot of the cluster, which the rules judge. Pure.

Times are UTC seconds by our own clock. None means unknown; no rule may treat it as 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

from flower_ng.brokers.condition import BrokerFacts
from flower_ng.monitor.remote.worker_answer import WorkerAnswer
from flower_ng.monitor.state.presence import Status

#: A loss of events or connections is reported for this long.
LOSS_S: Final = 300.0
#: Why a problem of a worker is no longer checked, by the worker's status.
LAPSED: Final[Mapping[Status, str]] = {
    "purged": "its worker was offline for so long that it was removed",
    "gone": "its worker has sent nothing for a day",
}


@dataclass(frozen=True, slots=True)
class Churn:
    """Pool processes replaced within `over_s`; `explained` is the number that settings explain."""

    replaced: int
    explained: float
    over_s: float


@dataclass(frozen=True, slots=True)
class Growth:
    """The peak memory of a worker's main process `over_s` ago, and now."""

    before_bytes: int
    now_bytes: int
    over_s: float


@dataclass(frozen=True, slots=True)
class HeldTasks:
    """What a worker said `age_s` ago to hold: `active` tasks that it ran, others ready to run.

    Those that are known here by their events too have waited for up to `waiting_s`, 0 where it
    named none of them. Tasks held back by an ETA or a rate limit are not among them.
    """

    active: int
    waiting_s: float
    age_s: float


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """One worker. `silent_s` counts only time in which it could have been heard.

    One that is `purged` is known for its tasks alone. `running` and `reserved` count tasks in
    memory, of which the oldest reserved one waits for `waiting_s` (those with an ETA not among
    them). `unanswered_s` is since when it has answered nothing of what it was asked, None when it
    answered the last time. `skew_s` is how far its clock is ahead. `switches` counts how often its
    identity changed back and forth within a minute. `lost` of the running tasks have no end that
    anyone knows, after the result backend was asked; `lost_because` is why it can't be asked.
    `begun_s` is for how long it has begun no task at least, by its heartbeats.
    """

    name: str
    status: Status = "online"
    silent_s: float = 0.0
    running: int = 0
    lost: int = 0
    lost_because: str = ""
    reserved: int = 0
    waiting_s: float | None = None
    begun_s: float | None = None
    held: HeldTasks | None = None
    load: tuple[float, ...] | None = None
    version: str | None = None
    told: WorkerAnswer | None = None
    unanswered_s: float | None = None
    why: str = ""
    skew_s: float | None = None
    switches: int = 0
    growth: Growth | None = None
    churn: Churn | None = None

    @property
    def is_online(self) -> bool:
        """Whether its heartbeats come."""
        return self.status == "online"

    @property
    def is_unknown(self) -> bool:
        """Whether nobody can know now if it is online."""
        return self.status in {"unknown", "busy"}


@dataclass(frozen=True, slots=True)
class RunningTask:
    """A task that was started and is not known to have ended.

    `claimed` is whether its worker said that it runs; None where it was not asked, or did not say.
    `is_asked` is that the result backend was asked after that and knew no end, or that it can't be
    asked; `is_held` that its worker said that it has not acknowledged the message.
    """

    uuid: str
    type: str
    worker: str
    runs_s: float
    is_worker_online: bool = True
    limit_s: float | None = None
    claimed: bool | None = None
    is_asked: bool = False
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class UnackedTask:
    """A task whose message a worker has held unacknowledged for `held_s`.

    Either it waits for its ETA, and will have been held for `until_eta_s` by then, or it runs with
    `acks_late`.
    """

    uuid: str
    type: str
    held_s: float
    until_eta_s: float | None = None

    @property
    def total_s(self) -> float:
        """How long it will have been held at least, as far as is known."""
        return max(self.held_s, self.until_eta_s or 0.0)


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of what happened to the tasks of one type within `over_s`."""

    over_s: float
    received: int = 0
    succeeded: int = 0
    failed: int = 0
    retried: int = 0
    sent: int = 0

    @property
    def ended(self) -> int:
        """How many succeeded or failed."""
        return self.succeeded + self.failed

    @property
    def failed_share(self) -> float | None:
        """The failure rate; None where no task ended."""
        return self.failed / self.ended if self.ended else None


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """One task type: recent counts, usual counts, and how long its tasks run."""

    name: str
    recent: Counts
    usual: Counts
    p99_s: float | None = None
    runs: int = 0


@dataclass(frozen=True, slots=True)
class NewException:
    """A class of exception that a task type is not known to have raised before."""

    type: str
    exception: str
    uuid: str
    at: float
    count: int


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """One queue. `growing_s` is for how long it has only grown, by `grown` messages.

    With `is_oldest_least` its oldest message waits for `oldest_s` at least.

    `consumers` is what the broker counts, `workers` how many online workers say that they consume.
    """

    name: str
    length: int | None = None
    oldest_s: float | None = None
    consumers: int | None = None
    workers: int | None = None
    growing_s: float = 0.0
    grown: int = 0
    is_oldest_least: bool = False
    #: Who keeps it from its consumers on purpose; empty where nobody does.
    paused_by: str = ""


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """An entry of the beat schedule, and for how long its task has been overdue.

    `last_at` is when it was sent last, as was seen or as beat's store tells, None if neither.
    `due_at` is when it is due next, infinity if never; the latest moment for that where
    `is_latest`, because nobody knows from when beat counts: no run was seen since events came.
    """

    name: str
    type: str
    last_at: float | None
    overdue_s: float
    due_at: float = inf
    is_latest: bool = False


@dataclass(frozen=True, slots=True)
class IngestFacts:
    """How events come in: `dropped` and `malformed` within the last `over_s`, `lag_s` behind.

    `was_tried` is that a connection was made or refused since the start.
    `disallowed` is the content type of the newest that could not be read, empty where that was not
    the reason. `cuts` is how often the broker closed the connection within `over_s`.
    """

    connected_since: float | None
    why: str = ""
    away_s: float = 0.0
    dropped: int = 0
    malformed: int = 0
    over_s: float = 0.0
    lag_s: float | None = None
    disallowed: str = ""
    inspect_s: float | None = None
    was_tried: bool = True
    cuts: int = 0


@dataclass(frozen=True, slots=True)
class HistoryFacts:
    """The history: why it can't be written, changes lost within `over_s`, how far it lags."""

    failing: str | None = None
    lost: int = 0
    over_s: float = 0.0
    lag_s: float = 0.0
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known about the cluster at `now`. None for a whole field: it could not be read.

    `began` is when collecting began: growth and losses are counted from then on. `has_returned`:
    all tasks of the previous run are back in memory. `online_at` is when any worker was last known
    to be online, None before. `eventless` are workers that answered but sent no event although
    events are enabled, or that ran tasks without sending events. `cut_off` is how many slow clients
    the broker disconnected recently; `missing` are how many tasks each worker says to have begun
    within LOSS_S of which no event came; `waiting_for_eta` are tasks that workers hold until then.
    """

    now: float
    ingest: IngestFacts
    keeping: HistoryFacts = HistoryFacts()
    workers: Sequence[WorkerFacts] = ()
    running: Sequence[RunningTask] = ()
    types: Sequence[TypeFacts] | None = None
    new_exceptions: Sequence[NewException] = ()
    queues: Sequence[QueueFacts] | None = None
    entries: Sequence[EntryFacts] | None = None
    eventless: Sequence[str] = ()
    broker: BrokerFacts | None = None
    cut_off: int = 0
    waiting_for_eta: Sequence[UnackedTask] = ()
    began: float = 0.0
    has_returned: bool = True
    online_at: float | None = None
    missing: Mapping[str, int] = field(default_factory=dict)

    @property
    def can_hear(self) -> bool:
        """Whether events can arrive: where they can't, silence says nothing."""
        return self.ingest.connected_since is not None

    def lapsed(self, about: str, subject: str) -> str:
        """Return why a subject is no longer checked; empty where it still is."""
        if about != "worker":
            return ""
        statuses: dict[str, Status] = {one.name: one.status for one in self.workers}
        return LAPSED.get(statuses.get(subject, "purged"), "")
