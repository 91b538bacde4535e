"""Unwraps the exceptions that workers report inside of others. Pure; on the loop.

When a pool's process is killed, or a hard time limit ends it, the worker sends the repr of
billiard's wrapper, which tells nothing. What was raised stands at the end of the traceback. Where a
task is retried in a pool without processes (threads, solo, gevent), it sends the repr of Celery's
Retry, with what the task raised inside.
"""

import re
from typing import Final

#: The repr of billiard's `ExceptionWithTraceback`, whatever is inside.
WRAPPED: Final = "ExceptionWithTraceback()"
#: How the repr of Celery's Retry begins, which holds itself, then what was raised, then when it is.
RETRY: Final = "Retry(Retry(...), "
_WHEN: Final = re.compile(r", (?:None|[-+.\de]+|datetime\.datetime\(.*\))\)\Z")
#: A line of a traceback that begins what was raised: `module.Class: text`.
_RAISED: Final = re.compile(r"^(?:\w+\.)*(?P<name>[^\W\d]\w*)(?:: (?P<text>.*))?\Z", re.DOTALL)


def raised_in(exception: str, traceback: str | None) -> str:
    """Return an exception as it is reported, or what was raised where it wraps that."""
    if exception == WRAPPED:
        return unwrapped(traceback) or WRAPPED
    return retried_for(exception) if exception.startswith(RETRY) else exception


def unwrapped(traceback: str | None) -> str | None:
    """Return the repr of what was raised, None where the traceback does not tell."""
    _, _, raised = ("\n" + (traceback or "").rstrip()).rpartition("\n  ")
    _, _, told = raised.partition("\n")
    found = _RAISED.match(told)
    if found is None:
        return None
    name, text = found["name"], found["text"] or ""
    return text if text.startswith(f"{name}(") else f"{name}({text!r})" if text else f"{name}()"


def retried_for(exception: str) -> str:
    """Return what was raised, of a text that begins with RETRY; its end may have been cut off."""
    return _WHEN.sub("", exception.removeprefix(RETRY))
