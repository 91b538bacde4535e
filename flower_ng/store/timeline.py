"""Timeline: the events of one task as text that only grows, and the attempts they tell of. Pure.

Text is written by the store thread, and read wherever a task is shown.
"""

from collections.abc import Iterable
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


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An event that waits to be written, with the `before` it of the same task; so many in all.

    A chain of these is nothing that Python's collector of garbage would ever look at.
    """

    type: str
    at: float
    hostname: str
    exception: str | None = None
    before: "Entry | None" = None
    count: int = 1


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


def entries(newest: Entry | None) -> list[Entry]:
    """Return a chain as a list, the oldest first."""
    found = []
    while newest is not None:
        found.append(newest)
        newest = newest.before
    return found[::-1]


def chain(links: Iterable[Entry]) -> Entry | None:
    """Return a chain of events that come the oldest first."""
    newest: Entry | None = None
    for link in links:
        count = 1 if newest is None else newest.count + 1
        newest = msgspec.structs.replace(link, before=newest, count=count)
    return newest


def written(newest: Entry | None) -> str | None:
    """Return a chain as text, to be put behind the text that is there; None for none."""
    if newest is None:
        return None
    return msgspec.json.encode([_told(link) for link in entries(newest)])[1:-1].decode() + ","


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


def _told(link: Entry) -> tuple[str | float, ...]:
    kind = link.type.removeprefix("task-")
    if link.exception is None:
        return kind, link.at, link.hostname
    return kind, link.at, link.hostname, link.exception[:EXCEPTION_LENGTH]


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
