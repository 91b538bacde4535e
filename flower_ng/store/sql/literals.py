"""The texts without which no task matches a search, for an index of substrings. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

from flower_ng.store.search.conditions import (
    PARTS_IN,
    WORD_COLUMNS,
    AllOf,
    AnyOf,
    Begins,
    HasPair,
    InField,
    Is,
    Not,
    Search,
    Word,
)
from flower_ng.store.sql.where import pair_text

#: An index of trigrams knows nothing of shorter texts.
MIN_LITERAL = 3


@dataclass(frozen=True, slots=True)
class Literal:
    """The text, case-folded, stands in one of the columns."""

    text: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Every:
    """Each part is needed."""

    parts: "tuple[Needed, ...]"


@dataclass(frozen=True, slots=True)
class Some:
    """One of the parts is needed."""

    parts: "tuple[Needed, ...]"


Needed: TypeAlias = Literal | Every | Some


def literals(search: Search | None, columns: Collection[str]) -> Needed | None:
    """Return which texts must stand in `columns` (all that an index covers) where `search` matches.

    Tasks that have them are candidates: they may still not match. None where every task is one.
    The texts of `pairs` are as they stand there, in JSON.
    """
    match search:
        case AllOf(parts):
            needed = [one for part in parts if (one := literals(part, columns))]
            return Every(tuple(needed)) if needed else None
        case AnyOf(parts):
            needed = [one for part in parts if (one := literals(part, columns))]
            return Some(tuple(needed)) if len(needed) == len(parts) else None
        case Word(text):
            return _literal(text, WORD_COLUMNS, columns)
        case InField(column, text) | Begins(column, text) | Is(column, text):
            parts_in = {} if isinstance(search, Is) else PARTS_IN
            return _literal(text, parts_in.get(column, (column,)), columns)
        case HasPair():
            return _literal(pair_text(search), ("pairs",), columns)
        case _:
            return None


def short_texts(search: Search | None) -> tuple[str, ...]:
    """Return the texts that are looked for in every task, because no index knows them."""
    match search:
        case AllOf(parts) | AnyOf(parts):
            return tuple(text for part in parts for text in short_texts(part))
        case Not(part):
            return short_texts(part)
        case Word(text) | InField(_, text):
            return (text,) if len(text) < MIN_LITERAL else ()
        case _:
            return ()


def _literal(text: str, wanted: tuple[str, ...], columns: Collection[str]) -> Literal | None:
    if len(text) < MIN_LITERAL or not set(columns).issuperset(wanted):
        return None
    return Literal(text, wanted)
