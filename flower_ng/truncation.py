"""Cuts texts that are too long, and marks what was cut. Pure."""

import re
from typing import Final

#: Stands where a text was cut; tells how many characters it had.
CUT_MARK: Final = "… ({} characters)"
_MARKED: Final = re.compile(re.escape(CUT_MARK).replace(r"\{\}", r"(\d{1,12})"))


def cut(text: str, length: int) -> str:
    """Return at most `length` characters: the beginning and the end, CUT_MARK between them.

    The beginning is three quarters of it. A text that is not too long is returned as it is.
    """
    if len(text) <= length:
        return text
    mark = _mark(text)
    room = max(0, length - len(mark))
    tail = room // 4
    return text[: room - tail] + mark + text[len(text) - tail :]


def cut_traceback(text: str, length: int) -> str:
    """Return at most `length` characters of whole lines, CUT_MARK on a line of its own.

    The first lines are at most an eighth of it: the rest is the end, where the innermost frames
    and the exception are. Of a line that is too long for that, the end is kept.
    """
    if len(text) <= length:
        return text
    mark = f"{_mark(text)}\n"
    room = max(0, length - len(mark))
    first = text[: room // 8]
    head = first[: first.rfind("\n") + 1]
    tail = text[len(text) - (room - len(head)) :]
    line = tail.find("\n", 0, len(tail) // 2) + 1
    return head + mark + tail[line:]


def marked_length(text: str) -> int:
    """Return the greatest length that a mark in the text tells, 0 where there is none."""
    return max(map(int, _MARKED.findall(text)), default=0)


def mark_in(text: str) -> str:
    """Return the first mark in the text, empty where there is none."""
    found = _MARKED.search(text)
    return found[0] if found else ""


def _mark(text: str) -> str:
    return CUT_MARK.format(max(len(text), marked_length(text)))
