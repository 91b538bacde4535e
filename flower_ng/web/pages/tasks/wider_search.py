"""Widened is where a search that finds nothing would find something; read from the store."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flower_ng.search import tokens
from flower_ng.store import TaskQuery, parse_search
from flower_ng.web.pages.tasks.local_times import local_moment
from flower_ng.web.pages.tasks.search_terms import (
    quoted,
    received,
    terms,
    value_of,
    with_received,
    without_value,
)
from flower_ng.web.ui.zone import Zone

if TYPE_CHECKING:
    from flower_ng.store import TaskAnswers

#: Fields of times, which plain words are not looked for in either.
_TIMES: Final = ("received", "started", "sent", "finished", "updated")
#: Fields that plain words are not looked for in.
_OTHER_FIELDS: Final = {
    "traceback": "matching in the traceback",
    "queue": "matching in the queue name",
}


@dataclass(frozen=True, slots=True)
class Wider:
    """Another search, what it does in words, and how many tasks it finds, or about how many."""

    label: str
    search: str
    count: int
    is_exact: bool


async def wider(store: "TaskAnswers", text: str, zone: Zone) -> tuple[Wider, ...]:
    """Count what similar searches find; those that find nothing are left out."""
    found = [await _wider(store, label, search) for label, search in _similar(text, zone)]
    return tuple(one for one in found if one.count)


async def _wider(store: "TaskAnswers", label: str, text: str) -> Wider:
    page = await store.tasks(TaskQuery(search=parse_search(text), limit=0))
    return Wider(label, text, page.filtered, page.exact)


def _similar(text: str, zone: Zone) -> Iterator[tuple[str, str]]:
    if moment := local_moment(text, zone):
        for field in _TIMES:
            yield f"{field} at this time", f"{field}:{quoted(moment)}"
    if received(text):
        yield "received at any time", with_received(text, "")
    if value_of(text, "state") is not None:
        yield "in any state", without_value(text, "state")
    parts = terms(text)
    if any(map(_is_word, parts)):
        for field, label in _OTHER_FIELDS.items():
            moved = (f"{field}:{part}" if _is_word(part) else part for part in parts)
            yield label, " ".join(moved)


def _is_word(term: str) -> bool:
    """Whether a term is one plain word or phrase, not negated and without a field."""
    found = tokens(term)
    is_plain = len(found) == 1 and found[0].kind == "word" and not found[0].is_negated
    return is_plain and ":" not in found[0].text
