r"""Saferepr is how Celery writes arguments and results into events: nearly Python, not quite. Pure.

It puts strings between single quotes and escapes only those: a backslash, a line break or a control
character stands in the text as it is. Python's own repr, of objects inside of others, escapes all.
"""

import ast
import re
import sys
from collections.abc import Iterator
from typing import Any, Final

#: A string as Celery writes it, without its quotes.
_STRING: Final = re.compile(r"'((?:\\'|[^'])*)'")
#: What makes such a text something else than Python.
_RAW: Final = re.compile(r"[\\\x00-\x1f]")
#: A backslash that begins no escape of Python's.
_STRAY: Final = re.compile(r"""\\(?![\\'"abfnrtvxuUN0-7\n])""")
#: What Python's repr writes for a character that can't be seen, or for a backslash.
_ESCAPE: Final = re.compile(r"\\(?:([nrt\\])|x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")
_PLAIN: Final = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}


def parsed(text: str) -> Any:
    """Return the value that Celery wrote, None where it can't be read; nothing of it is run."""
    for form in _forms(text):
        try:
            return ast.literal_eval(form)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return None


def _forms(text: str) -> Iterator[str]:
    """Yield the text as Python: as Celery means it, then as Python's repr would."""
    if not _RAW.search(text):
        yield text
        return
    yield _STRING.sub(_as_python, text)
    yield _STRAY.sub(r"\\\\", text)


def _as_python(string: re.Match[str]) -> str:
    return repr(string[1].replace(r"\'", "'"))


def written(shown: str) -> tuple[str, ...]:
    r"""Return how a text that a page shows may stand in what workers send; itself comes first.

    Where a value is shown, it is shown as Python does: a line break as `\n`, a quote bare.
    """
    forms = [shown, unescaped(shown), shown.replace("\\", r"\\")]
    return tuple(dict.fromkeys([*forms, *(form.replace("'", r"\'") for form in forms)]))


def unescaped(shown: str) -> str:
    """Return the value whose repr, without its quotes, is this."""
    return _ESCAPE.sub(_character, shown)


def _character(escape: re.Match[str]) -> str:
    code = escape[2] or escape[3] or escape[4]
    return _PLAIN[escape[1]] if escape[1] else chr(min(int(code, 16), sys.maxunicode))
