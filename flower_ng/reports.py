"""What running tasks tell of themselves: progress, and lines of a log. Pure; any thread.

They come as events of the app's own, `task-progress` and `task-log`.
"""

import logging
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from flower_ng.truncation import cut

T = TypeVar("T")

PROGRESS, LOG = "progress", "log"
#: What is kept of a task's log: its newest lines, and so many characters of their text as stored.
LOG_LINES, LOG_LENGTH = 200, 32_768
#: Characters of the message of a report, of a line, and of a level.
REPORT_LENGTH, LINE_LENGTH, LEVEL_LENGTH = 200, 1000, 16
#: What terminals take for colours and movements of the cursor.
_COLOURS: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_LEVELS: Final = {"WARN": "WARNING", "FATAL": "CRITICAL", "": "INFO"}


class ProgressReport(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How far a task said that it was: `current` of `total`, None where it told none.

    `at` is UTC seconds by its worker's clock.
    """

    at: float
    current: float
    total: float | None = None
    message: str = ""


class LogLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One line that a task logged, which may itself have line breaks.

    `at` is UTC seconds by its worker's clock. Before it `left_out` more came that were not kept.
    """

    at: float
    level: str
    message: str
    left_out: int = 0


def report_of(at: float, fields: Mapping[str, Any]) -> ProgressReport | None:
    """Return what says how far a task is: an event's fields, or what `update_state` wrote.

    None where `current` is no number from 0 up; a `total` that is none, or 0, counts as not told.
    """
    current, total = _number(fields.get("current")), _number(fields.get("total"))
    if current is None:
        return None
    message = harmless(_text(fields.get("message", fields.get("status"))))
    return ProgressReport(at, current, total or None, cut(message, REPORT_LENGTH))


def line_of(at: float, fields: Mapping[str, Any]) -> LogLine:
    """Return the line that an event's fields tell; levels may be numbers of `logging`, or names."""
    level = fields.get("level")
    if isinstance(level, int) and not isinstance(level, bool):
        level = logging.getLevelName(level)
    name = harmless(_text(level)).strip().upper().replace("\n", " ")
    message = cut(harmless(_text(fields.get("message"))), LINE_LENGTH)
    return LogLine(at, cut(_LEVELS.get(name, name), LEVEL_LENGTH), message)


def harmless(text: str) -> str:
    """Return a text without the colours of terminals, all else that can't be seen as escapes.

    Line breaks and tabs stay.
    """
    if text.isprintable():
        return text
    told = _COLOURS.sub("", text).replace("\r\n", "\n")
    return "".join(
        char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in told
    )


def written(lines: Iterable[LogLine]) -> str | None:
    """Return lines as text, to be put behind the text that is there; None for none."""
    return "".join(f"{msgspec.json.encode(line).decode()}\n" for line in lines) or None


def read(text: str | None) -> tuple[tuple[LogLine, ...], bool]:
    """Return the newest lines in a text, the earliest first, and whether there were more.

    Of a text that was cut at its beginning the first line is left out, as is what is none; one that
    several dashboards wrote is there once.
    """
    if not text:
        return (), False
    lines = {line for part in text.split("\n") if (line := _decoded(part, LogLine)) is not None}
    found = sorted(lines, key=lambda line: line.at)
    return tuple(found[-LOG_LINES:]), len(text) >= LOG_LENGTH or len(found) > LOG_LINES


def stored(report: ProgressReport | None) -> str | None:
    """Return a report as text; None for none."""
    return None if report is None else msgspec.json.encode(report).decode()


def loaded(text: str | None) -> ProgressReport | None:
    """Return the report in a text; None for none, and where `format_task` made it another text."""
    return _decoded(text, ProgressReport) if text else None


def _decoded(text: str, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError:
        return None


def _number(value: Any) -> float | None:
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_one and 0 <= value < math.inf else None


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else str(value)
