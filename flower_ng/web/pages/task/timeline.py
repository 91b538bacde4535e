"""What became of a task, event by event, and names with their values; pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from msgspec import json

from flower_ng.life.runs import TaskEvent
from flower_ng.reports import PROGRESS
from flower_ng.store import TaskRow
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.phases import is_stamped_late

#: When something happened to the task, in the order in which it usually does.
TIMES: Final = (
    "sent", "received", "started", "retried", "succeeded", "failed", "revoked", "rejected",
)  # fmt: skip
#: What comes sooner than this after something needs no day.
NEAR_S: Final = 43_200


@dataclass(frozen=True, slots=True)
class TaskFact:
    """A name and its value: a text, perhaps with a link, or a time in UTC seconds.

    `after` is how long after the fact before it; where that `is_near`, the day goes without saying.
    """

    label: str
    text: str = ""
    url: str | None = None
    moment: float | None = None
    after: str = ""
    detail: str = ""
    is_near: bool = False


def _in_order(events: Sequence[TaskEvent]) -> list[TaskEvent]:
    """Events by their times; what was stamped as sent just after its receipt stands before it."""
    found = list(events)
    for place in range(1, len(found)):
        before, event = found[place - 1], found[place]
        is_pair = (before.type, event.type) == ("received", "sent")
        is_one = is_pair and before.retries == event.retries
        is_late = is_one and is_stamped_late(event.at, before.at)
        if is_late and not _was_sent(before, found[: place - 1]):
            found[place - 1], found[place] = event, before
    return found


def _was_sent(receipt: TaskEvent, before: Sequence[TaskEvent]) -> bool:
    """Whether events before a receipt tell of its sending: no later one is its own then."""
    kinds = Counter(event.type for event in before if event.retries == receipt.retries)
    return kinds["sent"] > kinds["received"]


def times(row: TaskRow) -> Iterator[TaskFact]:
    """The events in their order, each with how long after the one before, and whose it was if new.

    Where no events are kept, the times that the task itself has.
    """
    known = list(_shown(_in_order(row.events))) or sorted(
        (getattr(row, name), name, "", "") for name in TIMES if getattr(row, name) is not None
    )
    before: float | None = None
    whose = ""
    for moment, name, host, own in known:
        after = "" if before is None else f"+{fmt.duration(max(0.0, moment - before))}"
        is_near = before is not None and moment - before < NEAR_S
        host_if_new = "" if host == whose else host
        yield TaskFact(fmt.label(name), host_if_new, None, moment, after, own, is_near)
        before, whose = moment, host


def _shown(events: Sequence[TaskEvent]) -> Iterator[tuple[float, str, str, str]]:
    """Yield each event and what it says; of reports in a row the first and the last alone."""
    for is_report, some in groupby(events, lambda event: event.type == PROGRESS):
        row = list(some)
        between = len(row) - 2 if is_report else 0
        for event in (row[0], row[-1]) if between > 0 else row:
            words = _own_words(event.own)
            if between > 0 and event is row[-1]:
                words = f"after {between} more: {words}"
            yield event.at, event.type, event.hostname, words


def _own_words(own: str) -> str:
    """What an event of the app's own says, in one line."""
    fields = json.decode(own) if own else {}
    return ", ".join(f"{name} {fmt.text(value)}" for name, value in fields.items())
