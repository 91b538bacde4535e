"""Told is what the doctor heard from everyone: frozen records that the checks judge. Pure.

None is what is not known, never 0 or "no"; times are UTC seconds by our own clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from celery.app import defaults

from flower_ng.brokers import BrokerFacts, QueueNumbers
from flower_ng.monitor.remote.worker_answer import WorkerAnswer, task_parts

#: Celery's old names of its settings, by the new ones: apps may use either. It has no public list.
OLD_NAMES: Final[Mapping[str, str]] = {
    new: old
    for old, new in defaults._TO_NEW_KEY.items()  # type: ignore[attr-defined]  # noqa: SLF001 - as said
}
#: What Celery puts in place of values that may be secret.
CENSORED: Final = "********"


@dataclass(frozen=True, slots=True)
class Reached:
    """A server that was asked: `latency_s` is one question's round trip, `why` why there is none.

    `url` is masked; it is empty where none is configured.
    """

    url: str = ""
    latency_s: float | None = None
    version: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class BrokerTold:
    """The broker: whether it was reached, and what its adapter tells of it and of its queues.

    `no_fanout` says that it carries neither events nor commands, and is empty where it does.
    """

    reached: Reached
    transport: str
    has_tls: bool
    host: str
    facts: BrokerFacts | None = None
    no_fanout: str = ""
    queues: Sequence[QueueNumbers] = ()
    #: Other prefixes of keys that Celery uses on this Redis, looked for where no worker was found.
    prefixes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Conf:
    """Settings of a Celery app by their new names; None as a whole where they were not told."""

    values: Mapping[str, Any] | None

    def __bool__(self) -> bool:
        return self.values is not None

    def get(self, name: str) -> Any:
        """Return a setting; LookupError where it was not told, or only stars for it."""
        values = self.values or {}
        found = values[name] if name in values else values[OLD_NAMES.get(name, name)]
        if found == CENSORED:
            raise LookupError(name)
        return found


@dataclass(frozen=True, slots=True)
class AppTold:
    """The app that we were given: its settings count for what it sends, not for the workers.

    `is_known` is False where only a broker was named: the settings are Celery's defaults then.
    `repr_length` is how many characters of the arguments it sends.
    """

    is_known: bool
    conf: Conf
    celery: str
    repr_length: int | None = None


@dataclass(frozen=True, slots=True)
class EventsTold:
    """Whether events can be heard; `waited_s` is for how long they were.

    `refused` could not be read, the newest of them because of its content type, if that is known.
    """

    is_connected: bool
    waited_s: float
    why: str = ""
    refused: int = 0
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class WorkerTold:
    """One worker: its answers by inspect method, and what its events tell.

    `is_heard` is None where no events could be heard. `every_s` is between two heartbeats, `skew_s`
    how far its clock is ahead.
    """

    name: str
    answers: Mapping[str, Any] = field(default_factory=dict)
    is_heard: bool | None = None
    has_tasks: bool = False
    every_s: float | None = None
    celery: str = ""
    skew_s: float | None = None
    #: Why its answers could not be read, in words; empty where they could, or none came.
    unreadable: str = ""

    @property
    def conf(self) -> Conf:
        """Its settings."""
        told = self.answers.get("conf")
        return Conf(told if isinstance(told, Mapping) and set(told) != {"error"} else None)

    @property
    def answer(self) -> WorkerAnswer:
        """What it told, read."""
        return WorkerAnswer.of(self.answers)

    @property
    def registered(self) -> dict[str, str]:
        """The tasks that it told of, each with what it told of it (`name [key=value …]`)."""
        told = self.answers.get("registered")
        return dict(map(task_parts, told if isinstance(told, list) else ()))


@dataclass(frozen=True, slots=True)
class Own:
    """flower_ng's own options, as far as they hide or change what is seen.

    `history` says in words where tasks are kept, `history_fault` why they can't be, empty where
    they can. `is_history_lasting` is whether they outlast the dashboard. `hidden` says by option
    what it hides; `warnings` are sentences about options that have no effect.
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
class Told:
    """All that was heard in one look."""

    broker: BrokerTold
    backend: Reached
    app: AppTold
    events: EventsTold
    workers: Sequence[WorkerTold]
    own: Own
    #: Why answers could not be read that nobody known can have sent.
    unreadable: Sequence[str] = ()
