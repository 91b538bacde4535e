"""Tells flower_ng how far the running task is, and what it logs. For tasks; needs Celery alone."""

import time
from typing import Any

from celery import current_task
from celery.utils.log import get_logger

EACH_S, QUIET_S = 0.25, 30.0  # from report to report of a task; without any after a failure
_quiet = {"until": 0.0}


def progress(current: float, total: float | None = None, message: str = "") -> None:
    """Report that `current` of `total` is done; what comes sooner than EACH_S is left out."""
    task, now = _task(), time.monotonic()
    if task and (current == total or now >= getattr(task.request, "flower_ng_next", 0.0)):
        task.request.flower_ng_next = now + EACH_S
        _send(task, "progress", current=current, total=total, message=str(message)[:200])


def log(message: object, level: str = "INFO") -> None:
    """Show a line, of at most 1,000 characters, in the log of the task's page."""
    if task := _task():
        _send(task, "log", level=level, message=str(message)[:1000])


def _task() -> Any:
    """The task that a worker runs here; None elsewhere, and for a while after a failure."""
    task: Any = current_task
    is_run = task and not task.request.called_directly and not task.request.is_eager
    return task if is_run and time.monotonic() >= _quiet["until"] else None


def _send(task: Any, kind: str, **fields: Any) -> None:
    try:
        task.send_event(f"task-{kind}", retry=False, **fields)
    except Exception as error:  # noqa: BLE001 - the task goes on, whatever the broker does
        _quiet["until"] = time.monotonic() + QUIET_S
        get_logger(__name__).warning("No reports for %d s: %r", QUIET_S, error)
