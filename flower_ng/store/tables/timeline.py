"""The events of one task as one text, to which new events are appended. Pure.

Text is written by the store thread, and read wherever a task is shown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import msgspec

from flower_ng.life.matching import runs_of
from flower_ng.life.runs import EXCEPTION_LENGTH, Run, TaskEvent, in_order


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An event that waits to be written, with the `before` it of the same task; so many in all.

    A chain of these is nothing that Python's collector of garbage would ever look at. The last
    four are those of a TaskEvent.
    """

    type: str
    at: float
    hostname: str
    exception: str | None = None
    before: "Entry | None" = None
    count: int = 1
    retries: int | None = 0
    name: str = ""
    how: str = ""
    own: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of one attempt of a task; times are UTC seconds by its worker's clock.

    `number` counts from 1, None where it is unknown. `delivery` is 2 for the second run of the same
    attempt, whose message was delivered again. `name` is the task's, where it was replaced later.
    `outcome` is the state it ended in: None while it runs, and for ever where no event told; where
    it `is_inferred`, its start or end may be that of another attempt that ran at the same time.
    """

    number: int | None = None
    delivery: int = 1
    name: str | None = None
    worker: str | None = None
    received: float | None = None
    started: float | None = None
    ended: float | None = None
    outcome: str | None = None
    exception: str | None = None
    is_inferred: bool = False

    @property
    def runtime_s(self) -> float | None:
        """From its start to its end; None where one of them is not known."""
        if self.started is None or self.ended is None or self.ended < self.started:
            return None
        return self.ended - self.started


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
    return tuple(in_order(_decoded(timeline)))


def kept(timeline: str | None) -> int:
    """Return how many events a text holds, each as often as it came."""
    return len(_decoded(timeline))


def named(
    told: Sequence[TaskEvent], name: str | None, original_name: str | None
) -> Sequence[TaskEvent]:
    """Return events of which each receipt has a name, of a task that was replaced.

    Names are kept with its receipts from then on that came when that was known, or could be so.
    """
    kept_names = {event.name for event in told if event.name}
    if original_name is None and not kept_names:
        return told
    is_newest = original_name is None or kept_names == {original_name}
    other = (name if is_newest else original_name) or ""
    return [
        msgspec.structs.replace(event, name=event.name or other)
        if event.type == "received"
        else event
        for event in told
    ]


def numbered(told: Sequence[TaskEvent], retries: int | None) -> Sequence[TaskEvent]:
    """Return events of which each receipt has a number: those of 0.1.0 were kept without.

    The newest receipt is that of the newest attempt, and each before it of the one before.
    """
    if not retries or any(event.retries for event in told):
        return told
    receipts = [event for event in told if event.type == "received"]
    numbers = {id(one): max(0, retries - back) for back, one in enumerate(reversed(receipts))}
    return [
        msgspec.structs.replace(event, retries=numbers.get(id(event), 0))
        for event in told
        if event.type != "sent"
    ]


def attempts(told: Iterable[TaskEvent]) -> tuple[Attempt, ...]:
    """Return the runs that events tell of, by attempt."""
    found = []
    for (_, number), runs in groupby(runs_of(told), lambda run: (run.life, run.retries)):
        for delivery, run in enumerate(runs, 1):
            found.append(_attempt(run, number, delivery if number is not None else 1))
    return tuple(found)


def _attempt(run: Run, number: int | None, delivery: int) -> Attempt:
    return Attempt(
        number=None if number is None else number + 1,
        delivery=delivery,
        name=run.name or None,
        worker=run.worker,
        received=run.received,
        started=run.started,
        ended=run.ended,
        outcome=run.outcome,
        exception=run.exception or None,
        is_inferred=run.is_inferred,
    )


_DECODER: Final = msgspec.json.Decoder(list[TaskEvent])


def _decoded(timeline: str | None) -> list[TaskEvent]:
    return _DECODER.decode(f"[{timeline[:-1]}]") if timeline else []


#: What is left out at the end of a written event: the defaults of TaskEvent.
_LEFT_OUT: Final = ("", 0, "", "", "")


def _told(link: Entry) -> tuple[str | float | None, ...]:
    kind = link.type.removeprefix("task-")
    is_bare = link.exception is None and not link.how and not link.own
    if is_bare and link.retries == 0 and not link.name:
        return kind, link.at, link.hostname
    exception = (link.exception or "")[:EXCEPTION_LENGTH]
    more = [exception, link.retries, link.name, link.how, link.own]
    while more and more[-1] == _LEFT_OUT[len(more) - 1]:
        more.pop()
    return kind, link.at, link.hostname, *more
