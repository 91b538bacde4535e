"""Rebuilds arguments from the text in a task's events, exactly or not at all. Pure; runs nothing.

Celery writes arguments with `celery.utils.saferepr`. What is read from such a text is written again
the same way: only where that gives the same text, the value is what was sent.
"""

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from celery.utils.saferepr import saferepr
from kombu.utils.json import dumps

from flower_ng.truncation import marked_length

#: Longer texts are not read: that would hold the loop.
MOST_CHARACTERS: Final = 65_536
#: How deep Celery writes what is inside of what.
LEVELS: Final = 3
#: A backslash that is no escape of a quote, or may be the last character before a closing one.
_UNSURE: Final = re.compile(r"\\(?!')|\\'(?=[,\])}:]|\Z)")
#: What Celery leaves where it shortens; a text may end in dots of its own, which nobody can tell.
_SHORTENED: Final = re.compile(r"\.\.\.(?=['\")\]},:]|\Z)")
#: Types that are read by a form of their own, and are no guess.
_PLAIN: Final = frozenset({"datetime.timezone", "zoneinfo.ZoneInfo", "frozenset", "set"})
_CONTROL: Final = {code: f"\\x{code:02x}" for code in range(32)}
#: What stands where somebody hid a value (argsrepr, kwargsrepr, a filter of the client).
_REDACTED: Final = re.compile(
    r"\*{3,}|[\[<({](?:redacted|filtered|masked|hidden|secret|removed|withheld)[\])>}]"
    r"|\Awithheld: ",
    re.IGNORECASE,
)
SHORTENED: Final = "the text was shortened"
HIDDEN: Final = "a value is hidden in them, by whoever sent them or by this dashboard (--redact)"
CHANGED: Final = (
    "the result backend has others than the events, because the task changed them while it ran or"
    " the events were told others"
)
_KINDS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "datetime.datetime": datetime,
        "datetime.date": date,
        "datetime.time": time,
        "datetime.timedelta": timedelta,
        "datetime.timezone": timezone,
        "Decimal": Decimal,
        "UUID": UUID,
        "zoneinfo.ZoneInfo": ZoneInfo,
        "frozenset": frozenset,
        "set": set,
    }
)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A value; `why_not` says why there is none, `repaired` which types have forms of their own."""

    value: Any = None
    why_not: str = ""
    repaired: tuple[str, ...] = ()


class _UnknownForm(Exception):  # noqa: N818 - found while reading
    """A part of a text that stands for no value we know."""


def rebuilt(text: str | None) -> Rebuilt:
    """Return the value that Celery wrote as this text, or why it can't be known."""
    if not text:
        return Rebuilt(why_not="no event told them")
    if is_redacted(text):
        return Rebuilt(why_not=HIDDEN)
    if _SHORTENED.search(text) or marked_length(text):
        return Rebuilt(why_not=SHORTENED)
    if len(text) > MOST_CHARACTERS:
        return Rebuilt(why_not=f"the text has more than {MOST_CHARACTERS:,} characters")
    if _UNSURE.search(text):
        return Rebuilt(why_not="a backslash in the text can be read in two ways")
    return _read(text)


def agreed(stored: Rebuilt, sent: Rebuilt) -> Rebuilt:
    """Return what the backend has, unless it differs from what was sent.

    Celery stores the values that the task has worked with, and it may have changed them.
    """
    texts = {_as_sent(stored.value), _as_sent(sent.value)}
    if sent.why_not or None in texts or len(texts) == 1:
        return stored
    return Rebuilt(why_not=CHANGED)


def _as_sent(value: Any) -> str | None:
    """Return a value as JSON, in which lists and tuples are the same; None where it has none."""
    try:
        return dumps(value, sort_keys=True)
    except (TypeError, ValueError):
        return None


def is_redacted(text: str) -> bool:
    """Whether a value in a text was hidden, by the marks that people use for that."""
    return _REDACTED.search(text) is not None


def _read(text: str) -> Rebuilt:
    reader = _Reader()
    try:
        value = reader.value(ast.parse(text.translate(_CONTROL), mode="eval").body)
        is_same = saferepr(value, maxlen=None, maxlevels=LEVELS) == text
    except _UnknownForm as error:
        return Rebuilt(why_not=f"{error} can't be rebuilt")
    except (ValueError, SyntaxError, TypeError, ArithmeticError, MemoryError, RecursionError):
        return Rebuilt(why_not="the text is no Python literal")
    except LookupError:  # no such time zone
        return Rebuilt(why_not="the text names a time zone that is not known here")
    if not is_same:
        return Rebuilt(why_not="the text may stand for more than one value")
    return Rebuilt(value, repaired=tuple(sorted(reader.repaired)))


class _Reader:
    """Turns a syntax tree into a value."""

    def __init__(self) -> None:
        self.repaired: set[str] = set()

    def value(self, node: ast.expr) -> Any:
        """Return what a node stands for."""
        collection = self._collection(node)
        if collection is not None:
            return collection
        match node:
            case ast.Constant(value=str() | int() | float() | None):
                return node.value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
                return -self.value(node.operand)
            case ast.Call():
                return self._made(node)
        if ast.unparse(node) == "datetime.timezone.utc":
            return UTC
        raise _UnknownForm(ast.unparse(node)[:60])

    def _collection(self, node: ast.expr) -> Any:
        """Return a list, tuple, set or dict; None for what is none."""
        match node:
            case ast.List():
                return list(map(self.value, node.elts))
            case ast.Tuple():
                return tuple(map(self.value, node.elts))
            case ast.Set():
                return set(map(self.value, node.elts))
            case ast.Dict():
                return dict(
                    zip(map(self._key, node.keys), map(self.value, node.values), strict=True)
                )
        return None

    def _key(self, node: ast.expr | None) -> Any:
        if node is None:
            raise _UnknownForm("**")
        return self.value(node)

    def _made(self, node: ast.Call) -> Any:
        """Return a value of one of the known types, made of its own arguments."""
        name = ast.unparse(node.func)
        kind = _KINDS.get(name)
        if kind is None:
            raise _UnknownForm(f"{name}(…)")
        arguments = [self.value(one) for one in node.args]
        named = {str(one.arg): self.value(one.value) for one in node.keywords}
        if name not in _PLAIN:
            self.repaired.add(name.removeprefix("datetime."))
        return kind(*arguments, **named)
