"""Unwraps the exception that billiard reports for a killed child process. Pure; on the loop.

When a pool's process is killed, or a hard time limit ends it, the worker sends the repr of the
wrapper, which tells nothing. What was raised stands at the end of the traceback.
"""

import re
from typing import Final

#: The repr of billiard's `ExceptionWithTraceback`, whatever is inside.
WRAPPED: Final = "ExceptionWithTraceback()"
#: A line of a traceback that begins what was raised: `module.Class: text`.
_RAISED: Final = re.compile(r"^(?:\w+\.)*(?P<name>[^\W\d]\w*)(?:: (?P<text>.*))?\Z", re.DOTALL)


def unwrapped(traceback: str | None) -> str | None:
    """Return the repr of what was raised, None where the traceback does not tell."""
    _, _, raised = ("\n" + (traceback or "").rstrip()).rpartition("\n  ")
    _, _, told = raised.partition("\n")
    found = _RAISED.match(told)
    if found is None:
        return None
    name, text = found["name"], found["text"] or ""
    return text if text.startswith(f"{name}(") else f"{name}({text!r})" if text else f"{name}()"
