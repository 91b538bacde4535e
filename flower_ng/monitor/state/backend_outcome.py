"""A task as the result backend reports it, in the terms of its events. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from celery import states
from celery.utils.saferepr import saferepr

from flower_ng.event_record import TEXT_LENGTH, TRACEBACK_LENGTH
from flower_ng.life.progress import told_otherwise
from flower_ng.life.runs import is_running
from flower_ng.records import BACKEND, Task
from flower_ng.reports import ProgressReport, report_of
from flower_ng.truncation import cut, cut_traceback

#: The time that an end is noted in, by the state.
_ENDS: Final = {"SUCCESS": "succeeded", "FAILURE": "failed", "REVOKED": "revoked"}
#: A worker notes a result by the clock that it stamps its events with, and a moment apart.
_TOLERANCE_S: Final = 1.0


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """A state as the result backend has it, PENDING where it knows nothing of the task.

    `ended_at` (UTC seconds) is when the result was written. `exception` and `traceback` are those
    of a failure, as an event tells them; the result itself is not taken: what a worker or an app
    withholds from events is not to be had from here. `detail` is what came with a state of the
    app's own (`update_state(state="PROGRESS", meta=…)`), which is shown and never kept; `report` is
    what of it says how far the task is.
    """

    state: str
    ended_at: float | None = None
    exception: str | None = None
    traceback: str | None = None
    detail: str | None = None
    report: ProgressReport | None = None

    @property
    def is_end(self) -> bool:
        """Whether the task has ended; a state of the app's own (PROGRESS) never says so."""
        return self.state in states.READY_STATES


def outcome(meta: Mapping[str, Any]) -> Outcome:
    """Read Celery's record of a result (`get_task_meta`), which any worker may have written."""
    state = str(meta.get("status") or states.PENDING)
    if state not in states.READY_STATES:
        is_own = state not in states.ALL_STATES and meta.get("result") is not None
        if not is_own:
            return Outcome(state)
        detail = meta["result"]
        report = report_of(0.0, detail) if isinstance(detail, Mapping) else None
        return Outcome(state, detail=_text(detail), report=report)
    at = _moment(meta.get("date_done"))
    if state not in states.EXCEPTION_STATES:
        return Outcome(state, at)
    error, trace = meta.get("result"), meta.get("traceback")
    exception = None if error is None else _text(error)
    traceback = cut_traceback(trace, TRACEBACK_LENGTH) if isinstance(trace, str) else None
    return Outcome(state, at, exception, traceback)


def is_of_this_try(found: Outcome, task: Task) -> bool:
    """Whether a result was not written before the newest start: ids may be used again."""
    began = task.started if is_running(task.state) else task.received
    return found.ended_at is None or began is None or found.ended_at >= began - _TOLERANCE_S


def take(task: Task, found: Outcome) -> None:
    """Let a task have ended as the result backend says; nothing that an event told is blanked."""
    task.progress = told_otherwise(task.progress, found.state)
    task.state, task.state_source = found.state, BACKEND
    if found.ended_at is not None:
        setattr(task, _ENDS[found.state], found.ended_at)
        task.timestamp = max(task.timestamp, found.ended_at)
    task.exception = found.exception or task.exception
    task.traceback = found.traceback or task.traceback


def _text(value: Any) -> str:
    return cut(saferepr(value, maxlen=TEXT_LENGTH), TEXT_LENGTH)


def _moment(value: Any) -> float | None:
    """Return when a result was written, as text or a date; without an offset it is UTC."""
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
