"""The newest runs of an entry in a row, with those that should have been between. Pure."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

from flower_ng.schedule.due import due_after
from flower_ng.schedule.entry import BeatEntry

#: Later than this, and this share of the time between two runs, a run is another one.
LATE_S: Final = 5.0
LATE_SHARE: Final = 0.25
#: Missed runs that are told one by one between two others.
MOST_MISSED: Final = 6


class LostStretch(Protocol):
    """A stretch of time of which events are missing; `end` is None while it goes on."""

    @property
    def start(self) -> float:
        """Where it begins."""

    @property
    def end(self) -> float | None:
        """Where it ends."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A task like the entry's: `is_sent` is that `at` is when it was sent, as an event told."""

    uuid: str
    state: str
    at: float
    is_sent: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """One run, or, without `uuid`, one that was due `at` and of which no event came.

    `state` is the state of its task, else `MISSED`, or `UNHEARD` where events of that time are
    missing.
    """

    uuid: str
    state: str
    at: float


MISSED: Final = "MISSED"
UNHEARD: Final = "UNHEARD"


def marks_of(
    entry: BeatEntry, runs: Sequence[Ran], gaps: Sequence[LostStretch]
) -> tuple[Mark, ...]:
    """Return runs, the oldest first, with what was missed between; slow, for a thread.

    Whether a run was missed is only told between two whose sending was heard of: others tell
    when a worker received them, which says nothing about beat.
    """
    marks = [Mark(one.uuid, one.state, one.at) for one in runs[:1]]
    for before, after in pairwise(runs):
        if before.is_sent and after.is_sent and entry.schedule is not None:
            with suppress(Exception):  # schedules may be the app's own: then nothing is told
                marks += _between(entry, before.at, after.at, gaps)
        marks.append(Mark(after.uuid, after.state, after.at))
    return tuple(marks)


def _between(
    entry: BeatEntry, before: float, after: float, gaps: Sequence[LostStretch]
) -> Iterator[Mark]:
    at, steps = before, 0
    while entry.schedule is not None and steps < MOST_MISSED:
        due_at = due_after(entry.schedule, at, after)
        if due_at is None or due_at <= at:
            return
        late_s = max(LATE_S, LATE_SHARE * (due_at - at))
        if due_at + late_s >= after:
            return
        is_heard = not any(
            gap.start <= due_at + late_s and (gap.end is None or gap.end >= due_at) for gap in gaps
        )
        yield Mark("", MISSED if is_heard else UNHEARD, due_at)
        at, steps = due_at, steps + 1
