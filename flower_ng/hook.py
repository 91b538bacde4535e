"""Applies `format_task` of the configuration file to the tasks that pages show. On the loop."""

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec

from flower_ng.kwargs_text import KwargsText
from flower_ng.store import TaskRow, first_line

log = logging.getLogger(__name__)

WITHHELD = "withheld: format_task failed, see the log"
TEXTS = ("args", "kwargs", "result")  # what the hook may cut and search without asking
ERRORS = ("exception", "exception_line", "traceback")  # which may hold any of them


class Hook:
    """Shows tasks as the user's function wants them; without one as they are.

    The function gets a copy of the task: attributes as in the API's record, `args`, `kwargs` and
    `result` as text, `kwargs` also as a mapping (KwargsText), `worker` with a `hostname`; it
    returns the task. Where it fails, what it was there to hide is withheld.
    """

    def __init__(self, format_task: Callable[[Any], Any] | None) -> None:
        self._format_task = format_task
        self._logged = ""

    def __call__(self, row: TaskRow) -> TaskRow:
        """Return the row to show."""
        if self._format_task is None:
            return row
        try:
            return as_row(self._format_task(as_task(row)), row)
        except Exception as error:  # noqa: BLE001 - the border: the user's own code
            self._log(error, row)
            told = [name for name in ERRORS if getattr(row, name) is not None]
            withheld = dict.fromkeys((*TEXTS, *told), WITHHELD)
            return msgspec.structs.replace(row, **withheld, report=None, log=None)

    def _log(self, error: Exception, row: TaskRow) -> None:
        """Log a failure with its traceback, but not again for each row of a page."""
        if repr(error) != self._logged:
            self._logged = repr(error)
            log.error("format_task failed on task %s", row.uuid, exc_info=error)


def as_task(row: TaskRow) -> SimpleNamespace:
    """Return the row as Flower hands tasks to the hook."""
    worker = None if row.worker is None else SimpleNamespace(hostname=row.worker)
    texts: dict[str, str] = {name: getattr(row, name) or "" for name in TEXTS}
    texts["kwargs"] = KwargsText(texts["kwargs"])
    fields = {name: getattr(row, name) for name in row.__struct_fields__}
    return SimpleNamespace(**{**fields, **row.record(), **texts, "worker": worker})


def as_row(task: Any, row: TaskRow) -> TaskRow:
    """Return the row with what the hook made of the task; AttributeError for anything else.

    A text that nobody knew is unknown still, not empty.
    """
    if task is None:
        raise TypeError("format_task returned nothing; it must return the task")
    changed = {name: getattr(task, name) for name in row.__struct_fields__ if name != "worker"}
    if isinstance(changed["kwargs"], KwargsText):
        changed["kwargs"] = changed["kwargs"].changed
    if changed["exception"] != row.exception and changed["exception_line"] == row.exception_line:
        changed["exception_line"] = first_line(changed["exception"])
    unknown = {name: None for name in TEXTS if not changed[name] and getattr(row, name) is None}
    worker = getattr(task.worker, "hostname", task.worker)
    return msgspec.structs.replace(row, **{**changed, **unknown, "worker": worker})
