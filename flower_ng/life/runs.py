"""Records: one event of a task, and one run of it. Pure."""

from collections.abc import Iterable
from typing import Final, TypeAlias

import msgspec
from celery import states

#: How a run ends, by the event's type.
OUTCOMES: Final = {
    "succeeded": states.SUCCESS,
    "failed": states.FAILURE,
    "retried": states.RETRY,
    "revoked": states.REVOKED,
    "rejected": states.REJECTED,
}
#: Of two ends of one run the first of these counts: a task that fails may be rejected too.
RANKS: Final = {
    states.SUCCESS: 0, states.FAILURE: 1, states.REVOKED: 2, states.RETRY: 3, states.REJECTED: 4,
}  # fmt: skip
REQUEUED, TERMINATED, EXPIRED, WAITED = "requeued", "terminated", "expired", "waited"
#: How a task succeeded of which neither a result nor a run time is told: a pool of greenlets says
#: so of one that it killed.
KILLED: Final = "killed"
#: What a worker says of a task that it stopped, because it shuts down or lost the broker.
CANCELLED: Final = "CANCELLED"
#: How a task is revoked that has not started.
UNSTARTED: Final = frozenset({EXPIRED, WAITED})
#: The outcomes after which a task is not run again, unless its message is delivered again.
FINAL: Final = frozenset({states.SUCCESS, states.FAILURE, states.REVOKED})
#: The states in which a task does not run: any other is STARTED, or one that the task sent itself.
NOT_RUNNING: Final = states.ALL_STATES - {states.STARTED} | {
    states.REJECTED,
    states.IGNORED,
    CANCELLED,
}
#: The two events with which a worker tells of one failure whose message it also rejects.
_PAIRED: Final = frozenset({"failed", "rejected"})
#: Events of one time, in the order in which a worker sends them.
_STAGES: Final = {"sent": 0, "received": 1, "started": 2, **dict.fromkeys(OUTCOMES, 4)}
_CUSTOM_STAGE: Final = 3
#: What a worker's main process sends, in its true order.
MAIN: Final = frozenset({"received", "started", *OUTCOMES})
#: Characters of an exception that are kept with each event that has one.
EXCEPTION_LENGTH: Final = 300


#: The name of a task, where it was replaced, and the number of an attempt of it.
AttemptKey: TypeAlias = tuple[str, int | None]


class TaskEvent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One event of a task: its type without `task-`, UTC seconds, whose it was.

    `exception` is how the exception's text begins, where the event had one. `retries` counts for
    sent and received alone, None where it is unknown; so does `name`, which is only there after the
    task was replaced. `how` says more of an end: that a rejected task's message is delivered again
    (REQUEUED), that a revoked one ran (TERMINATED), had expired (EXPIRED), or else WAITED, that one
    may have been KILLED that is said to have succeeded.
    `own` is what an event of the app's own says, as a JSON object.
    """

    type: str
    at: float
    hostname: str
    exception: str = ""
    retries: int | None = 0
    name: str = ""
    how: str = ""
    own: str = ""


class Run(msgspec.Struct, gc=False, eq=False):
    """One run of a task on one worker; times are UTC seconds by that worker's clock.

    `retries` is the number of its attempt, from 0, None where no event told. `outcome` is the state
    that it ended in: None while it runs, and for ever when no event told. `is_inferred` says that
    its start or its end could also be that of another run: Celery's events name no run.
    """

    worker: str
    name: str = ""
    retries: int | None = None
    received: float | None = None
    started: float | None = None
    custom: str | None = None
    custom_at: float | None = None
    ended: float | None = None
    outcome: str | None = None
    exception: str = ""
    is_requeued: bool = False
    is_inferred: bool = False
    #: Where it stands in the task's life, see `ordered`.
    life: int = 0
    place: float = 0.0

    @property
    def attempt(self) -> AttemptKey:
        """Which attempt it is one of."""
        return self.name, self.retries

    @property
    def first_at(self) -> float:
        """The time of its earliest event."""
        for at in (self.received, self.started, self.custom_at, self.ended):
            if at is not None:
                return at
        return 0.0

    @property
    def state(self) -> str:
        """The state that it is in."""
        if self.outcome is not None:
            return self.outcome
        if self.custom is not None:
            return self.custom
        return states.RECEIVED if self.started is None else states.STARTED

    @property
    def state_at(self) -> float:
        """The time of the event that gave the state."""
        for at in (self.ended, self.custom_at, self.started, self.received):
            if at is not None:
                return at
        return 0.0

    @property
    def is_final(self) -> bool:
        """Whether the task ended with it."""
        return self.outcome in FINAL and not self.is_requeued

    def end(self, event: TaskEvent) -> None:
        """Note an end; of several the one that says more counts, of equal ones the first.

        No success is that of a run which its worker has ended.
        """
        if event.how == KILLED and (self.outcome is not None or self.custom == CANCELLED):
            return
        outcome = OUTCOMES[event.type]
        self.is_requeued |= event.how == REQUEUED
        if self.outcome is None or (RANKS[outcome], event.at) < self._told:
            self.outcome, self.ended = outcome, event.at
            self.exception = event.exception or self.exception

    @property
    def _told(self) -> tuple[int, float]:
        return RANKS[self.outcome or ""], self.ended or 0.0


def is_running(state: str) -> bool:
    """Whether a task in this state runs, as far as is known; a custom state (PROGRESS) says so."""
    return state not in NOT_RUNNING


def in_order(events: Iterable[TaskEvent]) -> list[TaskEvent]:
    """Return events by their times, each once; what is of one time has one order too."""
    return sorted(set(events), key=_place)


def _place(event: TaskEvent) -> tuple[float | int | str, ...]:
    stage = _STAGES.get(event.type, _CUSTOM_STAGE)
    retries = -1 if event.retries is None else event.retries
    more = event.type, event.hostname, event.exception, retries, event.name, event.how, event.own
    return event.at, stage, *more


def are_one(first: TaskEvent, second: TaskEvent) -> bool:
    """Whether two events in a row tell of one end: a hard time limit is told of twice."""
    if second.how == KILLED:
        return first.how == TERMINATED
    if first.type == second.type == "failed":
        return first.exception == second.exception
    return {first.type, second.type} == _PAIRED
