"""What an exception's text says: its class and its first line. Pure; on the store thread."""

import re
from typing import Final

#: Characters of a first line.
LINE_LENGTH: Final = 300

#: What a repr begins with: `Class(…)` or `<Class: …>`; or all of it is `Class`.
_REPR: Final = re.compile(r"(?=[A-Z]\w*\Z|<?[\w.]+(?:\(|: ))<?(?P<name>[^\W\d][\w.]*)")
#: What the last line of a traceback begins with: `module.Class: …`.
_LAST_LINE: Final = re.compile(r"(?P<name>[^\W\d][\w.]*)(?:: |$)")


def exception_class(exception: str | None, traceback: str | None) -> str | None:
    """Return the name of the class, without its module; None where no one tells.

    An event has the exception's repr, which a class may write as it likes, and the traceback.
    """
    found = _REPR.match(exception or "") or _LAST_LINE.match(_last_line(traceback or ""))
    return found["name"].rpartition(".")[2] if found else None


def first_line(exception: str | None) -> str | None:
    """Return the first line that says something, at most `LINE_LENGTH` characters of it."""
    lines = (exception or "").strip().splitlines()
    return lines[0][:LINE_LENGTH] if lines else None


def _last_line(text: str) -> str:
    return text.rstrip().rpartition("\n")[2]
