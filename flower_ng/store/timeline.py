"""Timeline: the events of one task as text that only grows, and the attempts they tell of. Pure.

Text is written by the store thread, and read wherever a task is shown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec

#: Characters of an exception that are kept with each event that has one.
EXCEPTION_LENGTH: Final = 300
#: How an attempt ends, by the event's type.
OUTCOMES: Final = {
    "succeeded": "SUCCESS",
    "failed": "FAILURE",
    "retried": "RETRY",
    "revoked": "REVOKED",
    "rejected": "REJECTED",
}

#: An event as it waits to be written: type, UTC seconds, host name, and an exception if it had one.
Entry: TypeAlias = tuple[str, float, str] | tuple[str, float, str, str]


class TaskEvent(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """One event of a task: its type without `task-`, UTC seconds, whose it was.

    `exception` is how the exception's text begins, where the event had one.
    """

    type: str
    at: float
    hostname: str
    exception: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a task, on one worker; times are UTC seconds by that worker's clock.

    `outcome` is the state it ended in: None while it runs, and for ever when nobody told.
    """

    worker: str | None = None
    received: float | None = None
    started: float | None = None
    ended: float | None = None
    outcome: str | None = None
    exception: str | None = None

    @property
    def runtime_s(self) -> float | None:
        """From its start to its end; None where one of them is not known."""
        if self.started is None or self.ended is None or self.ended < self.started:
            return None
        return self.ended - self.started


#: The fields of an Attempt that are known.
_Try: TypeAlias = dict[str, Any]


def entry(kind: str, at: float, hostname: str, exception: str | None) -> Entry:
    """Return an event as it waits to be written."""
    if exception is None:
        return (kind, at, hostname)
    return (kind, at, hostname, exception[:EXCEPTION_LENGTH])


def written(entries: Sequence[Entry]) -> str | None:
    """Return entries as text, to be put behind the text that is there; None for none."""
    if not entries:
        return None
    rows = [(kind.removeprefix("task-"), *rest) for kind, *rest in entries]
    return msgspec.json.encode(rows)[1:-1].decode() + ","


def events(timeline: str | None) -> tuple[TaskEvent, ...]:
    """Return the events in a text, the earliest first; what came twice is there once."""
    return tuple(sorted(set(_decoded(timeline)), key=_by_time))


def kept(timeline: str | None) -> int:
    """Return how many events a text holds, each as often as it came."""
    return len(_decoded(timeline))


def attempts(told: Iterable[TaskEvent]) -> tuple[Attempt, ...]:
    """Return the tries that events, the earliest first, tell of.

    Clocks of workers differ: an event belongs to the newest try of its own worker that still lacks
    it. A task that was received again without an end of the try before (its worker died, say) has
    a try that did not end.
    """
    tries: list[_Try] = []
    for event in told:
        if event.type == "received":
            tries.append({"worker": event.hostname, "received": event.at})
        elif event.type == "started":
            _try_of(event, tries, lacking="started")["started"] = event.at
        elif event.type in OUTCOMES:
            _end(_try_of(event, tries, lacking="ended"), event)
    return tuple(Attempt(**fields) for fields in tries)


_DECODER: Final = msgspec.json.Decoder(list[TaskEvent])


def _decoded(timeline: str | None) -> list[TaskEvent]:
    return _DECODER.decode(f"[{timeline[:-1]}]") if timeline else []


def _by_time(event: TaskEvent) -> tuple[float, int]:
    """Put an end behind what happened at the same time."""
    return event.at, event.type in OUTCOMES


def _try_of(event: TaskEvent, tries: list[_Try], lacking: str) -> _Try:
    """Return the newest try that an event can belong to, a new one where there is none."""
    for one in reversed(tries):
        if one["worker"] == event.hostname and lacking not in one and "ended" not in one:
            return one
    new: _Try = {"worker": event.hostname}
    tries.append(new)
    return new


def _end(one: _Try, event: TaskEvent) -> None:
    one |= {
        "ended": event.at,
        "outcome": OUTCOMES[event.type],
        "exception": event.exception or None,
    }
