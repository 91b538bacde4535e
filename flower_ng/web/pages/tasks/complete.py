"""Completes a word in the search field: the fields and values that contain it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from flower_ng.errors import Unavailable
from flower_ng.store import FACETS, Field, Store, TaskQuery, fields
from flower_ng.web.http.base import Handler, Need
from flower_ng.web.pages.tasks.search_terms import exact_term
from flower_ng.web.ui import format as fmt

if TYPE_CHECKING:
    from flower_ng.web.pages.tasks.counts_cache import Summaries

#: Suggestions at once, and values of a field that are known.
MOST: Final = 12
MOST_VALUES: Final = 500
#: How long a first answer waits for the counts.
WAIT_S: Final = 1.0

#: The values of a field, and how many tasks have each.
Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a word may become; `hint` says more in a few words."""

    text: str
    hint: str = ""


class Complete(Handler):
    """`/tasks/complete?word=`: a few suggestions, those that begin with the letters first."""

    path = "/tasks/complete"
    need = Need.READ

    async def get(self) -> None:
        """Answer `{"suggestions": [{"text", "hint"}]}`."""
        word: str = self.get_argument("word", default="")
        head, colon, _ = word.partition(":")
        counts = await self._counts(head.casefold()) if colon else {}
        found = suggestions(word, fields(), counts)
        self.write_json({"suggestions": [asdict(one) for one in found]})

    async def _counts(self, field: str) -> Counts:
        if field not in FACETS:
            return {}
        known: Summaries[Counts] = self.settings["values"]
        counted = await known.of(field, partial(values, self.cluster.store, field), WAIT_S)
        return counted.summary if counted else {}


async def values(store: Store, field: str) -> Counts:
    """The values of one of FACETS in all tasks; none where the store cannot tell."""
    try:
        return dict((await store.facets(TaskQuery(), [field], MOST_VALUES)).counts[field])
    except Unavailable:
        return {}


def suggestions(word: str, known: Sequence[Field], counts: Counts) -> list[Suggestion]:
    """What a word may become: a field; behind a colon, a value or a form of one."""
    head, colon, text = word.partition(":")
    if not colon:
        named = {f"{field.name}:": field.about for field in known}
        return [Suggestion(name, named[name]) for name in _matching(named, head)]
    field = next((one for one in known if head.casefold() in (one.name, *one.aliases)), None)
    return [] if field is None else _values(field, text.lstrip('="'), counts)[:MOST]


def _values(field: Field, text: str, counts: Counts) -> list[Suggestion]:
    if field.name in FACETS and counts:
        terms = {value: exact_term(FACETS[field.name], value) for value in counts}
        return [Suggestion(terms[one], fmt.short(counts[one])) for one in _matching(terms, text)]
    if field.values:
        return [Suggestion(f"{field.name}:{one}") for one in _matching(field.values, text)]
    return [] if text else list(_forms(field))


def _forms(field: Field) -> Iterator[Suggestion]:
    """Yield examples of how values of a field are written; words stand for any text."""
    for form, meaning in field.kind.forms.items():
        if any(map(str.isdigit, form)):
            yield Suggestion(f"{field.name}:{form}", meaning)


def _matching(words: Iterable[str], letters: str) -> list[str]:
    """The words that hold the letters, those that begin with them first, else in their order."""
    wanted = letters.casefold()
    held = [word for word in words if wanted in word.casefold()]
    return sorted(held, key=lambda word: not word.casefold().startswith(wanted))[:MOST]
