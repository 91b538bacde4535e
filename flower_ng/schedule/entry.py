"""BeatEntry is one line of a beat schedule, wherever that is kept. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from celery.beat import BeatLazyFunc
from celery.schedules import BaseSchedule, crontab, solar
from celery.utils.saferepr import saferepr

from flower_ng.redaction import Redactor

#: A task type and the texts of its arguments; None where these can't be known.
Sign: TypeAlias = tuple[str, str | None, str | None]


class Kind(Enum):
    """Where an entry is kept."""

    SETTINGS = "beat_schedule"
    DJANGO = "django-celery-beat"
    REDBEAT = "RedBeat"


@dataclass(frozen=True, slots=True)
class BeatEntry:
    """A task that beat is to send: `words` say when, in `zone` where that matters, else empty.

    `schedule` is None where it can't be read, which `problem` says. `last_run_at` (UTC seconds),
    `runs` and `due_at` are beat's own notes, None where its store has none. Nothing is expected of
    an entry that is not enabled, or that `rests`, which says why in a sentence. With `is_once` it
    runs once. `args` and `kwargs` are as they are sent; with `is_made_when_sent` nobody knows them
    before.
    """

    name: str
    kind: Kind
    task: str
    schedule: BaseSchedule | None
    words: str = ""
    zone: str = ""
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    is_enabled: bool = True
    is_once: bool = False
    last_run_at: float | None = None
    runs: int | None = None
    due_at: float | None = None
    rests: str = ""
    problem: str = ""

    @property
    def is_made_when_sent(self) -> bool:
        """Whether a function of the app makes its arguments each time."""
        values = (*self.args, *self.kwargs.values())
        return any(isinstance(value, BeatLazyFunc) for value in values)

    @property
    def is_expected(self) -> bool:
        """Whether beat, if it runs, will send it."""
        return self.is_enabled and not self.rests and self.schedule is not None

    @property
    def is_by_clock(self) -> bool:
        """Whether it is due at times of its own, not so long after the run before."""
        it = self.schedule
        return isinstance(it, crontab | solar) or hasattr(it, "clocked_time")

    @property
    def queue(self) -> str:
        """The queue that its options name; empty where the app's routes choose it."""
        return str(self.options.get("queue") or "")


#: What tells nothing of arguments.
NO_ARGUMENTS: Final = (None, None)


def sign_of(entry: BeatEntry, length: int, redactor: Redactor) -> Sign:
    """Return the type and arguments of an entry as its events tell them (celery.beat).

    `length` is the app's `argsrepr_maxsize`; events are known without what `redactor` hides.
    """
    if entry.is_made_when_sent:
        return entry.task, *NO_ARGUMENTS
    options = entry.options
    args = options.get("argsrepr") or saferepr(list(entry.args) or (), length)
    kwargs = options.get("kwargsrepr") or saferepr(dict(entry.kwargs), length)
    return entry.task, redactor.text(str(args)), redactor.text(str(kwargs))
