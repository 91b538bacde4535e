"""Survey is all that the doctor collected in one examination: frozen records. Pure.

None means unknown, never 0 or "no"; times are UTC seconds by our own clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from celery.app import defaults

from flower_ng.brokers import BrokerFacts, QueueNumbers
from flower_ng.monitor.remote.worker_answer import WorkerAnswer, task_parts

#: Celery's old names of its settings, by the new ones: apps may use either. The only list of them
#: is private; a Celery without it fails here at import, in the tests of each version.
OLD_NAMES: Final[Mapping[str, str]] = {
    new: old
    for old, new in defaults._TO_NEW_KEY.items()  # type: ignore[attr-defined]  # noqa: SLF001 - as said
}
#: What Celery puts in place of values that may be secret.
CENSORED: Final = "********"


@dataclass(frozen=True, slots=True)
class ServerReply:
    """Whether a server responded: `latency_s` is the round trip, `why` the error if it did not.

    `url` has its passwords masked; it is empty where none is configured.
    """

    url: str = ""
    latency_s: float | None = None
    version: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class BrokerSurvey:
    """The broker: whether it was reached, and its state and queues as its adapter reports them.

    `no_fanout` says why it carries neither events nor commands; it is empty where it does.
    """

    reached: ServerReply
    transport: str
    has_tls: bool
    host: str
    facts: BrokerFacts | None = None
    no_fanout: str = ""
    queues: Sequence[QueueNumbers] = ()
    #: Other key prefixes that Celery uses on this Redis; only looked for if no worker was found.
    prefixes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Conf:
    """Settings of a Celery app by their lowercase names; `values` is None if not reported."""

    values: Mapping[str, Any] | None

    def __bool__(self) -> bool:
        return self.values is not None

    def get(self, name: str) -> Any:
        """Return a setting; LookupError where it is missing or was censored."""
        values = self.values or {}
        found = values[name] if name in values else values[OLD_NAMES.get(name, name)]
        if found == CENSORED:
            raise LookupError(name)
        return found


@dataclass(frozen=True, slots=True)
class AppSurvey:
    """The app that flower_ng runs with: its settings apply to senders, not to the workers.

    `is_known` is False where only a broker was given: the settings are then Celery's defaults.
    `repr_length` is the maximum length of the arguments in its task-sent events.
    """

    is_known: bool
    conf: Conf
    celery: str
    repr_length: int | None = None


@dataclass(frozen=True, slots=True)
class EventSurvey:
    """Whether events can be received; `waited_s` is how long the doctor listened.

    `refused` events could not be decoded; `content_type` is that of the newest, if that was why.
    """

    is_connected: bool
    waited_s: float
    why: str = ""
    refused: int = 0
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class WorkerSurvey:
    """One worker: its answers by inspect method, and what is known from its events.

    `is_heard` says whether heartbeats arrived, None where no events could be received. `every_s` is
    the heartbeat interval, `skew_s` how far its clock is ahead.
    """

    name: str
    answers: Mapping[str, Any] = field(default_factory=dict)
    is_heard: bool | None = None
    has_tasks: bool = False
    every_s: float | None = None
    celery: str = ""
    skew_s: float | None = None
    #: Why its answers could not be decoded, in words; empty where they could, or none arrived.
    unreadable: str = ""

    @property
    def conf(self) -> Conf:
        """Its settings."""
        conf = self.answers.get("conf")
        return Conf(conf if isinstance(conf, Mapping) and set(conf) != {"error"} else None)

    @property
    def answer(self) -> WorkerAnswer:
        """Its answers, parsed."""
        return WorkerAnswer.of(self.answers)

    @property
    def registered(self) -> dict[str, str]:
        """Its registered tasks by name, each with its attributes (`name [key=value …]`)."""
        tasks = self.answers.get("registered")
        return dict(map(task_parts, tasks if isinstance(tasks, list) else ()))


@dataclass(frozen=True, slots=True)
class OwnOptions:
    """flower_ng's own options that hide or change what is shown.

    `history` says where the history is stored, `history_fault` why it can't be written, empty where
    it can. `is_history_lasting`: it survives a restart. `hidden` says what each option hides;
    `warnings` are sentences about options without effect.
    """

    enable_events: bool
    inspect_interval_s: float
    has_broker_api: bool
    has_receiver: bool
    is_history_lasting: bool
    history: str
    history_fault: str = ""
    hidden: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """All that was collected in one examination."""

    broker: BrokerSurvey
    backend: ServerReply
    app: AppSurvey
    events: EventSurvey
    workers: Sequence[WorkerSurvey]
    own: OwnOptions
    #: Errors of answers that could not be decoded, and that no known worker sent.
    unreadable: Sequence[str] = ()
