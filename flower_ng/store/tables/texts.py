"""Parses the texts of a task: exception class and line, truncation marks, kwargs. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeAlias

import msgspec

from flower_ng.search.values import parsed
from flower_ng.truncation import cut, cut_traceback, marked_length

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
    last_line = (traceback or "").rstrip().rpartition("\n")[2]
    found = _REPR.match(exception or "") or _LAST_LINE.match(last_line)
    return found["name"].rpartition(".")[2] if found else None


def first_line(exception: str | None) -> str | None:
    """Return the first line that says something, at most `LINE_LENGTH` characters of it."""
    lines = (exception or "").strip().splitlines()
    return lines[0][:LINE_LENGTH] if lines else None


#: The fields of a task that may be of any length.
LARGE: Final = ("args", "kwargs", "result", "exception", "traceback")

WORKER: Final = "worker"
FLOWER_NG: Final = "flower_ng"

#: Celery cuts texts at 1,024 characters (resultrepr_maxsize, argsrepr_maxsize, kwargsrepr_maxsize),
#: then closes what is open; what is nested too deep is `[...]`, with the brackets of its kind.
_WORKERS_LENGTH: Final = 1024
_WORKERS_END: Final = re.compile(r"\.\.\.['\")\]},]*\Z")
#: It cuts a text within them at its last blank, so that any length may be left.
_WORKERS_DOTS: Final = re.compile(r"\.\.\.'(?=\Z|[\])},:])")
_WORKERS_DEPTH: Final = re.compile(
    r"(?:\A|[\[({]|, |: )(?:\[\.\.\.\]|\(\.\.\.,?\)|\{\.\.\.\})(?=\Z|[\])},])"
)


@dataclass(frozen=True, slots=True)
class Truncation:
    """Who cut a text, `worker` or `flower_ng`, and its length before, None where it is unknown.

    Unless `is_sure`, the dots at the end of a text may also be its own.
    """

    by: str
    length: int | None
    is_sure: bool = True


def cut_field(name: str, text: str, length: int) -> str:
    """Return at most `length` characters of one of the LARGE fields, marked where it was cut."""
    return (cut_traceback if name == "traceback" else cut)(text, length)


def truncation_of(text: str | None) -> Truncation | None:
    """Return how a text was cut, by what its author left in it; None for one that is whole."""
    if text is None:
        return None
    if (length := marked_length(text)) > len(text):
        return Truncation(FLOWER_NG, length)
    if (len(text) >= _WORKERS_LENGTH and _WORKERS_END.search(text)) or _WORKERS_DEPTH.search(text):
        return Truncation(WORKER, None)
    return Truncation(WORKER, None, is_sure=False) if _WORKERS_DOTS.search(text) else None


#: Longer texts are not parsed for their pairs: Celery itself cuts at 1,024 by default.
MAX_PARSED_CHARACTERS = 4096
#: Pairs inside of other values: so many, so deep, and with paths no longer than this, so that a row
#: stays small whatever the arguments are.
MAX_NESTED = 64
MAX_DEPTH = 4
MAX_PATH_CHARACTERS = 128

#: Keys, or paths of keys, with their values, as text.
Pairs: TypeAlias = list[tuple[str, str]]


def pairs(kwargs: str | None) -> str | None:
    """Return the pairs of a repr of keyword arguments: a comma and JSON of each folded `"k=v"`.

    What dicts and lists inside hold follows as `"order.lines.0=v"`. None where there are no pairs,
    or where the text is no Python literal of a dict (it may be cut).
    """
    if not kwargs or kwargs == "{}" or len(kwargs) > MAX_PARSED_CHARACTERS:
        return None
    if _SIMPLE.fullmatch(kwargs):
        found = _ENTRIES.findall(kwargs.replace('"', r"\""))
        simple = {key: text or constant for key, text, constant in found}
        return "".join([f',"{key}={value}"' for key, value in simple.items()]).casefold()
    found = _literal(kwargs)
    return "".join(pair_pattern(f"{key}={value}".casefold()) for key, value in found) or None


def pair_pattern(text: str) -> str:
    """Return what stands in `pairs` where it holds `text`; nothing else there can look like it.

    In JSON a bare quote follows a comma only where a text begins: inside one it is escaped.
    """
    return f",{msgspec.json.encode(text).decode()}"


#: A dict whose keys are plain strings and whose values are plain strings, integers or constants:
#: what takes `_literal` twenty times as long needs only its quotes escaped to be JSON.
_ENTRY = r"'({0})': (?:None|'({0})'|(0|-?[1-9][0-9]*|True|False))"
_PLAIN = _ENTRY.format(r"[^'\\\x00-\x1f]*")
_SIMPLE = re.compile(rf"\{{{_PLAIN}(?:, {_PLAIN})*\}}")
_ENTRIES = re.compile(_ENTRY.format("[^']*"))


def _literal(kwargs: str) -> Pairs:
    """Return a dict's keys and values as text, the outermost first."""
    found = parsed(kwargs)
    if not isinstance(found, dict):
        return []
    try:
        outer = [(str(key), _text(value)) for key, value in found.items()]
        return [*outer, *islice(_nested(found.items(), "", 1), MAX_NESTED)]
    except (ValueError, RecursionError):  # numbers too long to write, or too deep to
        return []


def _nested(items: Iterable[tuple[Any, Any]], path: str, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the paths and values of what these items hold, not of the items themselves."""
    for key, value in items:
        inner = list(value.items() if isinstance(value, dict) else enumerate(_list(value)))
        below = f"{path}{key}."
        if len(below) > MAX_PATH_CHARACTERS:
            continue
        for name, one in inner:
            if not isinstance(one, dict | list | tuple):
                yield f"{below}{name}", _text(one)
        if depth < MAX_DEPTH:
            yield from _nested(inner, below, depth + 1)


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _text(value: object) -> str:
    """Return a value as text; None counts as empty, as in Flower."""
    return "" if value is None else str(value)
