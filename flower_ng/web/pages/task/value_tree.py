"""Turns the repr of a value into the lines of a tree, without running any of it; pure."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal, TypeAlias

from flower_ng.search import parsed

#: Longer texts are not parsed: that would hold the loop.
MOST_CHARACTERS: Final = 65_536
#: What is nested deeper, or comes later in its collection or in all, is told in short.
MOST_LEVELS: Final = 12
MOST_ITEMS: Final = 100
MOST_LINES: Final = 1000
#: A collection with so few items is open at first.
FEW: Final = 5

Step: TypeAlias = Literal["open", "leaf", "close"]


@dataclass(frozen=True, slots=True)
class TreeLine:
    """A step through a tree: a value, or the begin or the end of a collection.

    `key` is the name in the collection, empty in sets; `text` is the value or what is in it.
    """

    step: Step
    key: str = ""
    text: str = ""
    is_open: bool = False


def tree(text: str) -> tuple[TreeLine, ...]:
    """Return the lines of a collection; none for what is no collection or no literal."""
    value = _parsed(text)
    if not _is_collection(value) or not value:
        return ()
    return tuple(_bounded(_lines("", value, 1)))


def _parsed(text: str) -> Any:
    """The value that Celery wrote, None of what is no literal; nothing of it is run."""
    if len(text) > MOST_CHARACTERS:
        return None
    return parsed(text)


def _bounded(lines: Iterator[TreeLine]) -> Iterator[TreeLine]:
    """The first lines, and the ends of what is open then."""
    depth = 0
    for line in islice(lines, MOST_LINES):
        depth += {"open": 1, "leaf": 0, "close": -1}[line.step]
        yield line
    if depth:
        yield TreeLine("leaf", text="…")
        yield from [TreeLine("close")] * depth


def _lines(key: str, value: Any, level: int) -> Iterator[TreeLine]:
    if not _is_collection(value) or not value or level > MOST_LEVELS:
        yield TreeLine("leaf", key, _short(value))
        return
    yield TreeLine("open", key, _size(value), level == 1 or len(value) <= FEW)
    for name, item in islice(_items(value), MOST_ITEMS):
        yield from _lines(name, item, level + 1)
    if len(value) > MOST_ITEMS:
        yield TreeLine("leaf", text=f"and {len(value) - MOST_ITEMS:,} more")
    yield TreeLine("close")


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return ((_short(key), item) for key, item in value.items())
    if isinstance(value, AbstractSet):
        return (("", item) for item in value)
    return ((str(index), item) for index, item in enumerate(value))


def _is_collection(value: object) -> bool:
    return isinstance(value, Mapping | AbstractSet | Sequence) and not isinstance(
        value, str | bytes
    )


def _size(value: Any) -> str:
    return f"{type(value).__name__}, {len(value):,} {'item' if len(value) == 1 else 'items'}"


def _short(value: object) -> str:
    """The value as text: `...` is what a worker left out; a number may be too long to write."""
    if value is Ellipsis:
        return "…"
    try:
        return repr(value)
    except (ValueError, RecursionError):
        return "a value too large to show"
