"""How records are written: as lines for people, or as JSON. On any thread.

Whatever a record says, its message is one line without characters that can't be seen, and holds no
secret: libraries log addresses with passwords, and names that anybody may have chosen.
"""

import json
import logging
from copy import copy
from datetime import UTC, datetime
from typing import Any, Final

from tornado.log import LogFormatter

from flower_ng.printable import one_line
from flower_ng.redaction import Redactor

#: The attribute of a record that holds more fields for JSON.
FIELDS: Final = "fields"


class CleanText:
    """Makes what records say harmless; a `redactor` that is off is not asked."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def message(self, record: logging.LogRecord) -> str:
        """Return the message in one line; one whose arguments don't fit it says so."""
        try:
            said = record.getMessage()
        except Exception as error:  # noqa: BLE001 - the border: what was logged is a library's
            said = f"A message could not be written ({error!r}): {record.msg!r}"
        return one_line(self._redactor.text(said))

    def trace(self, record: logging.LogRecord) -> str:
        """Return the traceback, line by line; empty without one."""
        if record.exc_info:
            trace = logging.Formatter().formatException(record.exc_info)
        else:
            trace = record.exc_text or ""
        hidden = self._redactor.text(trace, is_traceback=True)
        return "\n".join(map(one_line, hidden.splitlines()))


class LineFormatter(logging.Formatter):
    """Writes lines as Tornado does, in colour on a terminal."""

    def __init__(self, redactor: Redactor, tornado: LogFormatter) -> None:
        super().__init__()
        self._clean, self._tornado = CleanText(redactor), tornado

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback below it, indented."""
        clean = copy(record)
        clean.msg, clean.args = self._clean.message(record), ()
        clean.exc_info, clean.exc_text = None, self._clean.trace(record)
        return self._tornado.format(clean)


class JsonFormatter(logging.Formatter):
    """Writes an object a line: `time`, `level`, `logger`, `message`, maybe `traceback` and more."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._clean = CleanText(redactor)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._clean.message(record),
        }
        if trace := self._clean.trace(record):
            fields["traceback"] = trace
        more: dict[str, Any] = getattr(record, FIELDS, {})
        return json.dumps({**more, **fields}, default=str)


def formatter(
    form: str, redactor: Redactor, tornado: logging.Formatter | None
) -> logging.Formatter:
    """Return what writes records in a form, `text` or `json`."""
    if form == "json":
        return JsonFormatter(redactor)
    usual = tornado if isinstance(tornado, LogFormatter) else LogFormatter(color=False)
    return LineFormatter(redactor, usual)
