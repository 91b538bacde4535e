"""Which rows of a part can match a search at all, by the trigrams of its words. Pure."""

from collections.abc import Mapping
from typing import Final

from flower_ng.store.conditions import AllOf, AnyOf, Begins, HasPair, InField, Is, Search, Word
from flower_ng.store.parts import SEARCHED
from flower_ng.store.where import pair_text

LENGTH: Final = 3
#: Trigrams looked for of each word: the rarest, for the last ones find little that these do not.
MOST: Final = 5


def match(search: Search | None, common: Mapping[str, int]) -> str | None:
    """Return the FTS5 expression for rows that may match, None where trigrams can't tell.

    `common` says how many tasks have those trigrams that many have.
    """
    match search:
        case Word(text):
            return _all_of(text, common)
        case InField(column, text) | Begins(column, text) | Is(column, text):
            return _all_of(text, common) if column in SEARCHED else None
        case HasPair():
            return _all_of(pair_text(search), common)
        case AllOf(parts):
            told = [match(part, common) for part in parts]
            return _joined(" AND ", [part for part in told if part])
        case AnyOf(parts):
            told = [match(part, common) for part in parts]
            known = [part for part in told if part]
            return _joined(" OR ", known) if len(known) == len(told) else None
        case _:
            return None


def trigrams(text: str) -> list[str]:
    """Return the different trigrams of a text, in their order; FTS5 knows no NUL."""
    found = (text[start : start + LENGTH] for start in range(len(text) - LENGTH + 1))
    return [trigram for trigram in dict.fromkeys(found) if "\0" not in trigram]


def _all_of(text: str, common: Mapping[str, int]) -> str | None:
    rarest = sorted(trigrams(text), key=lambda trigram: common.get(trigram, 0))[:MOST]
    return _joined(" AND ", ['"{}"'.format(one.replace('"', '""')) for one in rarest])


def _joined(operator: str, parts: list[str]) -> str | None:
    return f"({operator.join(parts)})" if parts else None
