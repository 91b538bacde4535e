"""Cuts: how long texts are cut, and how a text tells that it was cut, by whom, from what. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from flower_ng.truncation import cut, cut_traceback, marked_length

#: The fields of a task that may be of any length.
LARGE: Final = ("args", "kwargs", "result", "exception", "traceback")

WORKER: Final = "worker"
FLOWER_NG: Final = "flower_ng"

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


def cut_field(name: str, text: str, length: int) -> str:
    """Return at most `length` characters of one of the LARGE fields, marked where it was cut."""
    return (cut_traceback if name == "traceback" else cut)(text, length)


def cut_of(text: str | None) -> Cut | None:
    """Return how a text was cut, by what its author left in it; None for one that is whole."""
    if text is None:
        return None
    if (length := marked_length(text)) > len(text):
        return Cut(FLOWER_NG, length)
    if (len(text) >= _WORKERS_LENGTH and _WORKERS_END.search(text)) or _WORKERS_DEPTH.search(text):
        return Cut(WORKER, None)
    return None
