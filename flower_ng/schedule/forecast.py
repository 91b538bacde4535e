"""Counts how often entries are due in the time ahead. Pure; in a thread, since that takes time."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from celery.schedules import crontab, schedule

from flower_ng.schedule.due import due_after
from flower_ng.schedule.entry import BeatEntry

MINUTE_S: Final = 60
HOUR_S: Final = 3600
#: Steps of one entry that are reckoned one after the other, and seconds for all of these.
MOST_STEPS: Final = 2_000
MOST_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Ahead:
    """How often an entry is due in each bucket; `why_not` where that can't be told, or not all.

    `is_assumed` is that no run of it is known: its interval is counted from now.
    """

    entry: BeatEntry
    counts: tuple[int, ...]
    why_not: str = ""
    is_assumed: bool = False


@dataclass(frozen=True, slots=True)
class DueSpan:
    """`count` buckets of `step_s` from `start` on (UTC seconds); nothing counts before `now`."""

    now: float
    start: float
    step_s: int
    count: int

    @property
    def length_s(self) -> int:
        """How long it is."""
        return self.step_s * self.count

    @property
    def end(self) -> float:
        """Where the last bucket ends."""
        return self.start + self.length_s

    def bucket(self, at: float) -> int:
        """Return the bucket of a moment."""
        return int((at - self.start) // self.step_s)


def forecast(
    entries: Sequence[tuple[BeatEntry, float | None]],
    span: DueSpan,
    timer: Callable[[], float] = time.monotonic,
) -> tuple[Ahead, ...]:
    """Return how often each entry is due; each comes with when it is due first, None if unknown.

    What is overdue counts in the first bucket, as beat sends it at once. Days on which clocks are
    moved are reckoned step by step by Celery's own classes, which is what beat does.
    """
    until, calendars = timer() + MOST_S, dict[str, tuple[datetime, ...]]()
    found = []
    for entry, due_at in entries:
        try:
            ahead = _ahead(entry, due_at, span, calendars, lambda: timer() > until)
        except Exception as error:  # noqa: BLE001 - schedules may be any code of the app's
            ahead = Ahead(entry, (0,) * span.count, f"Its schedule fails: {error}")
        found.append(ahead)
    return tuple(found)


def _ahead(
    entry: BeatEntry,
    due_at: float | None,
    span: DueSpan,
    calendars: dict[str, tuple[datetime, ...]],
    is_late: Callable[[], bool],
) -> Ahead:
    it, counts = entry.schedule, [0] * span.count
    if it is None:
        return Ahead(entry, tuple(counts), entry.problem)
    first = due_after(it, span.now, span.now) if due_at is None else due_at
    is_assumed = due_at is None and not entry.is_by_clock
    if first is None or first >= span.end:
        return Ahead(entry, tuple(counts), is_assumed=is_assumed)
    if entry.is_once:
        counts[span.bucket(max(first, span.now))] += 1
        return Ahead(entry, tuple(counts))
    if first <= span.now:
        counts[span.bucket(span.now)] += 1
        first = due_after(it, span.now, span.now)
    why = ""
    if type(it) is schedule and it.seconds > 0:
        _add_interval(counts, first, it.seconds, span)
    elif (hours := _hours(it, span, calendars)) is not None:
        _add_crontab(counts, it, hours, span)
    else:
        why = _add_steps(counts, entry, first, span, is_late)
    return Ahead(entry, tuple(counts), why, is_assumed)


def _add_interval(counts: list[int], first: float | None, every_s: float, span: DueSpan) -> None:
    if first is None:
        return

    def until(at: float) -> int:
        return max(0, math.ceil((at - first) / every_s))

    edges = [until(span.start + span.step_s * place) for place in range(span.count + 1)]
    for place, (before, after) in enumerate(pairwise(edges)):
        counts[place] += after - before


def _hours(
    it: Any, span: DueSpan, calendars: dict[str, tuple[datetime, ...]]
) -> tuple[datetime, ...] | None:
    """Return the hours of the span as clocks show them; None where clocks are moved near it."""
    if type(it) is not crontab and type(it).__name__ != "TzAwareCrontab":
        return None
    zone = it.tz
    key = str(zone)
    if key not in calendars:
        begin = datetime.fromtimestamp(span.start, UTC).astimezone(zone)
        first = begin.timestamp() - 60 * begin.minute - begin.second
        # A day before, too: what was last sent then is due by the clock of that time.
        hours = (
            first + HOUR_S * place for place in range(-24, math.ceil(span.length_s / HOUR_S) + 1)
        )
        shown = tuple(datetime.fromtimestamp(at, UTC).astimezone(zone) for at in hours)
        is_even = len({one.utcoffset() for one in shown}) == 1
        calendars[key] = shown[24:] if is_even else ()
    return calendars[key] or None


def _add_crontab(counts: list[int], it: Any, hours: Sequence[datetime], span: DueSpan) -> None:
    minutes = sorted(it.minute)
    for one in hours:
        if (
            one.hour in it.hour
            and one.isoweekday() % 7 in it.day_of_week
            and one.day in it.day_of_month
            and one.month in it.month_of_year
        ):
            begin = one.timestamp()
            for minute in minutes:
                at = begin + 60 * minute
                if span.now < at < span.end:
                    counts[span.bucket(at)] += 1


def _add_steps(
    counts: list[int],
    entry: BeatEntry,
    first: float | None,
    span: DueSpan,
    is_late: Callable[[], bool],
) -> str:
    at, steps = first, 0
    while at is not None and at < span.end:
        if steps == MOST_STEPS or is_late():
            return "It is due too often to be counted to the end."
        counts[span.bucket(max(at, span.now))] += 1
        after = due_after(entry.schedule, at, span.now) if entry.schedule else None
        at, steps = (after if after is not None and after > at else None), steps + 1
    return ""
