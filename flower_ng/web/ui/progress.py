"""How far a task is, how fast it goes on, and how long the rest may take; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from flower_ng.reports import PROGRESS, LogLine, ProgressReport, loaded, read, report_of
from flower_ng.store import TaskRow
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.phases import OVER

EVENTS, BACKEND = "events", "result backend"
#: A start is told by the worker, a report by the task's own process: this far apart at most.
_TOGETHER_S: Final = 1.0
#: No pace is measured over less.
_LEAST_S: Final = 0.5
#: What is shown of a log; the API has all that is kept.
LINES_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task said that it was, `at` UTC seconds; `percent` is None without a total.

    `per_s` is its pace, measured over the last `over_s` before that; `left_s` is how long the rest
    takes if it goes on so. Both are None where they are not known, and `note` may say why. What
    `is_past` was told by an earlier run of the task. `source` is who told it.
    """

    current: float
    total: float | None
    message: str
    at: float
    percent: int | None
    source: str = EVENTS
    is_past: bool = False
    per_s: float | None = None
    over_s: float | None = None
    left_s: float | None = None
    note: str = ""

    @property
    def count(self) -> str:
        """How much is done: `30 done`, `30 of 100`."""
        done = _shown(self.current)
        return f"{done} done" if self.total is None else f"{done} of {_shown(self.total)}"


@dataclass(frozen=True, slots=True)
class TaskLog:
    """The newest lines that a task logged, the earliest first, and whether there were more."""

    lines: tuple[LogLine, ...]
    is_cut: bool


def log_of(row: TaskRow, most: int | None = None) -> TaskLog:
    """Return a task's log, of more than `most` lines the newest."""
    lines, is_cut = read(row.log)
    shown = lines if most is None else lines[-most:]
    return TaskLog(shown, is_cut or len(shown) < len(lines))


def percent_of(row: TaskRow) -> int | None:
    """Return how far a task that goes on is, for lists; None where it did not say."""
    if not row.report or row.state in OVER:
        return None
    report = loaded(row.report)
    return None if report is None or _is_past(report, row) else _percent(report)


def progress_of(
    row: TaskRow, now: float, *, is_in_doubt: bool = False, backend: ProgressReport | None = None
) -> Progress | None:
    """Return what a task said of its progress; None where it said nothing.

    `backend` is what the result backend has, which counts where no event tells of this run. Of a
    task that has ended, or that `is_in_doubt`, no rest is told.
    """
    report, source = loaded(row.report), EVENTS
    if backend is not None and (report is None or _is_past(report, row)):
        report, source = backend, BACKEND
    if report is None:
        return None
    told = (report.current, report.total, report.message, report.at, _percent(report), source)
    if source == EVENTS and _is_past(report, row):
        return Progress(*told, is_past=True)
    base, goes_on = _base(report, row), row.state not in OVER and not is_in_doubt
    if base is None:
        note = "one report is not enough to tell the pace" if goes_on else ""
        return Progress(*told, note=note)
    over_s = report.at - base.at
    per_s = (report.current - base.current) / over_s
    left_s, note = None, ""
    if per_s and report.total is not None and goes_on:
        left_s, note = _left(report.total - report.current, per_s, now - report.at)
    return Progress(*told, per_s=per_s, over_s=over_s, left_s=left_s, note=note)


def _left(rest: float, per_s: float, silent_s: float) -> tuple[float | None, str]:
    """Return how long the rest takes from now, or why that can't be told."""
    if rest <= 0:
        return None, ""
    left_s = rest / per_s - max(0.0, silent_s)
    return (left_s, "") if left_s >= 0 else (None, "at its pace it would have been done by now")


def _is_past(report: ProgressReport, row: TaskRow) -> bool:
    """Whether a report is of a run before the newest one."""
    if row.retried is not None and report.at <= row.retried:
        return True
    return row.started is not None and report.at < row.started - _TOGETHER_S


def _base(report: ProgressReport, row: TaskRow) -> ProgressReport | None:
    """Return the earlier report that the pace is measured from: half-way in time, or before.

    Where that is the only one, what runs is taken to have begun at 0.
    """
    earlier = list(_earlier(report, row))
    if not earlier:
        if row.started is None or report.at - row.started < _LEAST_S:
            return None
        return ProgressReport(row.started, 0.0)
    middle = (earlier[0].at + report.at) / 2
    return next((one for one in reversed(earlier) if one.at <= middle), earlier[0])


def _earlier(report: ProgressReport, row: TaskRow) -> Iterator[ProgressReport]:
    """Yield the reports before this one that are of the same count and are kept as events."""
    for event in row.events:
        if event.type != PROGRESS or not event.own or event.at > report.at - _LEAST_S:
            continue
        fields: dict[str, Any] = msgspec.json.decode(event.own)
        one = report_of(event.at, fields)
        if one is None or _is_past(one, row):
            continue
        if one.total == report.total and one.current <= report.current:
            yield one


def _shown(value: float) -> str:
    return fmt.number(int(value) if value.is_integer() else round(value, 3))


def _percent(report: ProgressReport) -> int | None:
    """Return the share as whole percent, 100 only for all of it."""
    return None if not report.total else min(100, int(100 * report.current / report.total))
