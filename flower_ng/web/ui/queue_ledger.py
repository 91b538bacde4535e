"""The ledger of a queue: what was sent is waiting, received or missing. Pure.

sent = waiting + received + missing + unknown, and received = done + running + held + retrying +
returning + lost + unsure. Words mark their times (see `why_words.timed`).
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from flower_ng.brokers import QueueIds
from flower_ng.monitor.state.eta import delayed_key, eta_s
from flower_ng.monitor.state.presence import OFFLINE, Status
from flower_ng.store import Gap, QueueTask, QueueTasks
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.why_words import when

#: What was sent so lately is not judged: events trail behind messages.
SETTLE_S: Final = 10.0
#: So many tasks are listed.
MOST_LISTED: Final = 200
OVER: Final = frozenset({"SUCCESS", "FAILURE", "REVOKED", "REJECTED", "IGNORED"})
NO_SENDS: Final = (
    "No task-sent event named this queue in that time, so nothing can be told. If tasks were sent,"
    " set task_send_sent_event = True where they are published."
)
#: Nobody can tell whether such a worker is there.
DOUBTED: Final = frozenset({"unknown", "busy"})
MISSING: Final = "no worker has received it, and its message is not in the queue"
GONE: Final = {
    "STARTED": "had started it and is gone; no event says how it ended",
    "RECEIVED": "had received it and is gone; its message is not in the queue again",
}
WHY_GAP: Final = {
    "broker": "there was no connection to the broker",
    "inbox": "events were dropped",
    "store": "the history could not be written",
    "stopped": "flower_ng did not run",
}

Place = Literal[
    "waiting",
    "missing",
    "unknown",
    "done",
    "running",
    "held",
    "retrying",
    "returning",
    "lost",
    "unsure",
]
#: Of these places some tasks may be that are counted as not known.
UNTOLD: Final[Mapping[Place, Place]] = {
    "waiting": "unknown",
    "missing": "unknown",
    "lost": "unsure",
}


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """What is known beside the tasks; times are UTC seconds.

    `ids` are those of the messages of the queue, `length` and `unacked` the broker's numbers.
    `statuses` are those of the workers by name. `suspects` are who was missing or lost a moment ago
    too, None at the first look.
    """

    start: float
    now: float
    ids: QueueIds
    length: int | None
    unacked: int | None
    statuses: Mapping[str, Status]
    suspects: AbstractSet[str] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the broker says that nothing waits in the queue and nothing of it is held.

        RabbitMQ without its management API does not say what is held.
        """
        return self.length == 0 and self.unacked == 0


@dataclass(frozen=True, slots=True)
class LostTask:
    """A task that is missing or lost, when it was sent, and why it is taken for that."""

    uuid: str
    place: Place
    sent: float
    worker: str
    why: str


@dataclass(frozen=True, slots=True)
class TaskLedger:
    """How many tasks that were sent between `start` and `end` are where.

    `listed` are the first of those that are missing or lost, `suspects` the ids of all. `notes` say
    what can't be told, and why the numbers are about right only, where they are.
    """

    start: float
    end: float
    counts: Mapping[Place, int] = field(default_factory=dict)
    listed: tuple[LostTask, ...] = ()
    suspects: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    is_about: bool = False

    @property
    def sent(self) -> int:
        """How many were sent."""
        return sum(self.counts.values())

    @property
    def received(self) -> int:
        """How many a worker received."""
        outside = sum(self.of(place) for place in ("waiting", "missing", "unknown"))
        return self.sent - outside

    @property
    def is_told(self) -> bool:
        """Whether events tell of what is sent at all."""
        return bool(self.counts)

    def of(self, place: Place) -> int:
        """How many are known to be there."""
        return self.counts.get(place, 0)

    def told(self, place: Place) -> int | None:
        """How many are known to be there; None where none is, and of others it is not known."""
        unknown = UNTOLD.get(place)
        return self.of(place) or (None if unknown and self.of(unknown) else 0)


def ledger(found: QueueTasks, facts: LedgerFacts) -> TaskLedger:
    """Return where the tasks of a queue are."""
    start, end = max(facts.start, found.since), facts.now - SETTLE_S
    counts: dict[Place, int] = {}
    lost: list[LostTask] = []
    for task in found.tasks:
        if task.sent is None or not start <= task.sent <= end:
            continue
        place = _place(task, facts)
        if place in {"missing", "lost"} and not _is_suspect(task, facts):
            place = "waiting" if place == "missing" else "unsure"  # it is on its way just now
        counts[place] = counts.get(place, 0) + 1
        if place in {"missing", "lost"}:
            lost.append(LostTask(task.uuid, place, task.sent, task.worker or "", _why(task, place)))
    lost.sort(key=lambda one: -one.sent)
    notes = tuple(_notes(found, facts, start, bool(counts)))
    suspects = frozenset(one.uuid for one in lost)
    is_about = found.is_cut or bool(counts.get("unknown") or counts.get("unsure"))
    return TaskLedger(start, end, counts, tuple(lost[:MOST_LISTED]), suspects, notes, is_about)


def with_gaps(told: TaskLedger, gaps: tuple[Gap, ...], *, has_eventless: bool) -> TaskLedger:
    """Return it with what events can't have told."""
    notes = [
        f"Events are missing since {_bare(gap.start)}{_until(gap)}, because"
        f" {WHY_GAP.get(gap.why, gap.why)}: what is listed may have been received then."
        for gap in gaps
    ]
    if has_eventless:
        notes.append("A worker sends no events: what it received and did is missing here.")
    is_about = told.is_about or bool(notes)
    return replace(told, notes=(*told.notes, *notes), is_about=is_about)


def _until(gap: Gap) -> str:
    return "" if gap.end is None else f" until {_bare(gap.end)}"


def _bare(at: float) -> str:
    return when(at).removeprefix("at ")


def _place(task: QueueTask, facts: LedgerFacts) -> Place:
    ids = facts.ids
    is_there = task.uuid in ids.waiting or task.uuid in ids.held
    is_seen_whole = (ids.is_whole and not ids.why_not) or facts.is_empty
    if not task.is_waiting:
        return _received(task, facts, is_there=is_there, is_seen_whole=is_seen_whole)
    is_delayed = delayed_key(task.routing_key) is not None
    if is_there or (is_delayed and (eta_s(task.eta) or 0.0) > facts.now):
        return "waiting"
    return "missing" if is_seen_whole else "unknown"


def _received(task: QueueTask, facts: LedgerFacts, *, is_there: bool, is_seen_whole: bool) -> Place:
    if task.state in OVER:
        return "done"
    if task.state == "RETRY":
        return "retrying"
    status = facts.statuses.get(task.worker or "", "purged")
    if status in DOUBTED:
        return "unsure"
    if task.worker is None or status not in OFFLINE:
        return "held" if task.state == "RECEIVED" else "running"
    if is_there:
        return "returning"
    return "lost" if is_seen_whole else "unsure"


def _is_suspect(task: QueueTask, facts: LedgerFacts) -> bool:
    return facts.suspects is None or task.uuid in facts.suspects


def _why(task: QueueTask, place: Place) -> str:
    if place == "missing":
        return MISSING
    return f"{task.worker} {GONE.get(task.state, GONE['STARTED'])}"


def _notes(found: QueueTasks, facts: LedgerFacts, start: float, has_any: bool) -> Iterator[str]:  # noqa: FBT001
    if not has_any:
        yield NO_SENDS
    if found.is_cut:
        yield f"Only the newest tasks are looked at: the ledger begins {when(start)}."
    if facts.ids.why_not and not facts.is_empty:
        yield (
            "Which messages wait can't be seen, so which tasks are missing is known only while the"
            f" queue is empty. {facts.ids.why_not}"
        )
    elif not facts.ids.is_whole and not facts.is_empty:
        looked = fmt.number(len(facts.ids.waiting))
        yield f"Only the first {looked} messages of the queue were looked at."
