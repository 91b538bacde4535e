"""Cuts: how long texts are cut, and how a text tells that it was cut, by whom, from what. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from flower_ng.monitor.records import CUT_MARK

#: The fields of a task that may be of any length.
LARGE: Final = ("args", "kwargs", "result", "exception", "traceback")

WORKER: Final = "worker"
FLOWER_NG: Final = "flower_ng"

_OURS: Final = re.compile(re.escape(CUT_MARK).replace(r"\{\}", r"(\d{1,12})"))
#: Celery cuts texts at 1,024 characters (resultrepr_maxsize, argsrepr_maxsize, kwargsrepr_maxsize),
#: then closes what is open; what is nested too deep is `[...]`, with the brackets of its kind.
_WORKERS_LENGTH: Final = 1024
_WORKERS_END: Final = re.compile(r"\.\.\.['\")\]},]*\Z")
_WORKERS_DEPTH: Final = re.compile(
    r"(?:\A|[\[({]|, |: )(?:\[\.\.\.\]|\(\.\.\.,?\)|\{\.\.\.\})(?=\Z|[\])},])"
)


@dataclass(frozen=True, slots=True)
class Cut:
    """Who cut a text, `worker` or `flower_ng`, and its length before, None where it is unknown."""

    by: str
    length: int | None


def cut(text: str, length: int) -> str:
    """Return at most so many characters: the beginning and the end, the mark between them.

    The beginning is three quarters of it. A text that is not too long is returned as it is.
    """
    if len(text) <= length:
        return text
    mark = CUT_MARK.format(max(len(text), _marked(text)))
    room = max(0, length - len(mark))
    tail = room // 4
    return text[: room - tail] + mark + text[len(text) - tail :]


def cut_of(text: str | None) -> Cut | None:
    """Return how a text was cut, by what its author left in it; None for one that is whole."""
    if text is None:
        return None
    if (length := _marked(text)) > len(text):
        return Cut(FLOWER_NG, length)
    if (len(text) >= _WORKERS_LENGTH and _WORKERS_END.search(text)) or _WORKERS_DEPTH.search(text):
        return Cut(WORKER, None)
    return None


def _marked(text: str) -> int:
    """Return the greatest length that a mark in the text tells, 0 where there is none."""
    return max(map(int, _OURS.findall(text)), default=0)
