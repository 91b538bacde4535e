"""What tasks told of themselves since they were last written, the newest of it. On the loop."""

from collections import deque
from typing import Final

import msgspec

from flower_ng.event_record import Event
from flower_ng.reports import LOG, LOG_LINES, PROGRESS, LogLine, ProgressReport, line_of, report_of
from flower_ng.store.writing.snapshots import Told

#: Lines held in all while nothing can be written.
MAX_LINES: Final = 20_000
_TYPES: Final = frozenset({f"task-{PROGRESS}", f"task-{LOG}"})


class _Telling(msgspec.Struct, gc=False):
    """Of one task: its newest report, its newest lines, and how many were left out before them."""

    lines: deque[LogLine]
    report: ProgressReport | None = None
    left_out: int = 0


class Tellings:
    """The newest report and lines of each task, by the key of its mark; at most MAX_LINES."""

    def __init__(self) -> None:
        self._tellings: dict[int, _Telling] = {}
        self._lines = 0

    def take(self, key: int, event: Event) -> bool:
        """Take in what an event tells; return whether it is a line, which is kept only here."""
        if event.type not in _TYPES:
            return False
        fields = msgspec.json.decode(event.own) if event.own else {}
        is_line = event.type.endswith(LOG)
        if is_line:
            self._add(self._of(key), line_of(event.timestamp, fields))
        elif report := report_of(event.timestamp, fields):
            telling = self._of(key)
            if telling.report is None or telling.report.at <= report.at:
                telling.report = report
        return is_line

    def pop(self, key: int) -> Told | None:
        """Return what is held of a task, and hold it no more; None where that is nothing."""
        if not self._tellings or (telling := self._tellings.pop(key, None)) is None:
            return None
        self._lines -= len(telling.lines)
        lines = tuple(telling.lines)
        if lines and telling.left_out:
            left_out = lines[0].left_out + telling.left_out
            lines = (msgspec.structs.replace(lines[0], left_out=left_out), *lines[1:])
        return Told(telling.report, lines)

    def put_back(self, key: int, told: Told | None) -> None:
        """Hold again what could not be written, before what came since."""
        if told is None:
            return
        since = self.pop(key) or Told()
        telling = self._of(key)
        telling.report = since.report or told.report
        for line in (*told.lines, *since.lines):
            self._add(telling, line)

    def _of(self, key: int) -> _Telling:
        telling = self._tellings.get(key)
        if telling is None:
            telling = self._tellings[key] = _Telling(deque())
        return telling

    def _add(self, telling: _Telling, line: LogLine) -> None:
        """Add a line; where there are too many, of the task or of all, its oldest makes room."""
        if telling.lines and (len(telling.lines) >= LOG_LINES or self._lines >= MAX_LINES):
            telling.left_out += 1 + telling.lines.popleft().left_out
            self._lines -= 1
        telling.lines.append(line)
        self._lines += 1
