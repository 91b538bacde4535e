"""Keyword arguments as pairs that a search can find. Pure; run by the store thread."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeAlias

import msgspec

from flower_ng.store.search.saferepr import parsed

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
        inner = value.items() if isinstance(value, dict) else _numbered(value)
        below = f"{path}{key}."
        if len(below) > MAX_PATH_CHARACTERS:
            continue
        yield from ((f"{below}{name}", _text(one)) for name, one in inner if not _holds(one))
        if depth < MAX_DEPTH:
            yield from _nested(inner, below, depth + 1)


def _numbered(value: object) -> list[tuple[int, Any]]:
    return list(enumerate(value)) if isinstance(value, list | tuple) else []


def _holds(value: object) -> bool:
    return isinstance(value, dict | list | tuple)


def _text(value: object) -> str:
    """Return a value as text; None counts as empty, as in Flower."""
    return "" if value is None else str(value)
