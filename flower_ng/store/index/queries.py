"""Translates a TaskQuery into a tantivy query: exact, or one that matches more tasks. Pure.

No text of a user is parsed by the library: each is a term, or the start of one.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from tantivy import FieldType, Occur, Query

from flower_ng.life.runs import NOT_RUNNING
from flower_ng.search.conditions import (
    FACETS,
    PARTS_IN,
    WORD_COLUMNS,
    AllOf,
    AnyOf,
    Begins,
    Compare,
    Has,
    HasPair,
    InField,
    Is,
    Not,
    Relation,
    Search,
    TaskQuery,
    Word,
    since,
)
from flower_ng.store.index.documents import GRAM, GRAMS_OF, HAD, LAST, VALUES

if TYPE_CHECKING:
    from flower_ng.store.index.commits import Commit

#: What lies the other way round in time: who has run for longer started earlier.
_MIRRORED: Final[dict[Relation, Relation]] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
WAITING: Final = ("PENDING", "RECEIVED")
#: Grams of a text that are looked for: what has the rarest of them seldom lacks another one.
MAX_GRAMS: Final = 4
#: A gram that a larger share of all tasks has is not looked for: that leaves out too few.
COMMON: Final = 0.9


@dataclass(frozen=True, slots=True)
class Asked:
    """A query of the library. Unless `exact`, it finds all tasks that match, and maybe others."""

    query: Any
    exact: bool = True


ALL: Final = Asked(Query.all_query())
NONE: Final = Asked(Query.empty_query())


def both(*parts: Any) -> Any:
    """Return the query that each of some queries must find."""
    some = [part for part in parts if part is not ALL.query] or [ALL.query]
    return some[0] if len(some) == 1 else Query.boolean_query([(Occur.Must, one) for one in some])


def either(*parts: Any) -> Any:
    """Return the query that one of some queries must find."""
    return Query.boolean_query([(Occur.Should, part) for part in parts])


def without(found: Any, left_out: Any) -> Any:
    """Return what the one finds and the other does not."""
    return Query.boolean_query([(Occur.Must, found), (Occur.MustNot, left_out)])


def having(schema: Any, column: str) -> Any:
    """Return the query for tasks with a value in a column of HAD."""
    return Query.term_query(schema, "has", column)


def lacking(schema: Any, column: str) -> Any:
    """Return the query for tasks without a value in a column of HAD."""
    return without(ALL.query, having(schema, column))


def compared(schema: Any, field: str, relation: Relation, value: float) -> Any:
    """Return the query for tasks whose number stands in a relation to another."""
    number, has_end, kind = float(value), relation.endswith("="), FieldType.Float
    if relation.startswith("<"):
        return Query.range_query(schema, field, kind, None, number, include_upper=has_end)
    return Query.range_query(schema, field, kind, number, None, include_lower=has_end)


def all_of(parts: Sequence[Asked]) -> Asked:
    """Return what all of them find."""
    return Asked(both(*[part.query for part in parts]), all(part.exact for part in parts))


def any_of(parts: Sequence[Asked]) -> Asked:
    """Return what one of them finds."""
    query = either(*[part.query for part in parts])
    return Asked(query, all(part.exact for part in parts))


def none_of(part: Asked) -> Asked:
    """Return what it does not find; of what it may find by mistake nothing is left out."""
    return Asked(without(ALL.query, part.query)) if part.exact else Asked(ALL.query, exact=False)


class Translator:
    """Translates queries for the terms that a commit of the index has."""

    def __init__(self, terms: "Commit", now: float) -> None:
        self._terms = terms
        self._schema = terms.schema
        self._now = now

    def asked(self, query: TaskQuery) -> Asked:
        """Return what a query asks for."""
        wanted = ((column, getattr(query, name)) for name, column in FACETS.items())
        parts = [self._is(column, text.casefold()) for column, text in wanted if text is not None]
        parts += self._received(query)
        if query.search is not None:
            parts.append(self._search(query.search))
        return all_of(parts)

    def _received(self, query: TaskQuery) -> list[Asked]:
        start, end = query.received_start, query.received_end
        if start is None and end is None:
            return []
        within = Asked(Query.range_query(self._schema, "received", FieldType.Float, start, end))
        if not self._terms.lacks("received"):
            return [within]
        return [any_of([Asked(lacking(self._schema, "received")), within])]

    def _search(self, search: Search) -> Asked:
        match search:
            case AllOf(parts):
                return all_of([self._search(part) for part in parts])
            case AnyOf(parts):
                return any_of([self._search(part) for part in parts])
            case Not(part):
                return none_of(self._search(part))
            case Compare():
                return self._compared(search)
            case _:
                return self._text(search)

    def _text(self, search: Word | InField | Begins | Is | Has | HasPair) -> Asked:
        match search:
            case Word(text):
                return self._word(text)
            case InField(column, text):
                return self._parts(column, text, str.__contains__)
            case Begins(column, text):
                return self._parts(column, text, str.startswith)
            case Is(column, text):
                return self._is(column, text)
            case Has(column):
                return self._term("has", column) if column in HAD else Asked(ALL.query, exact=False)
            case HasPair(text, is_whole):
                return self._term("pairs", text) if is_whole else self._prefix("pairs", text)

    def _word(self, text: str) -> Asked:
        """Return what has a text in one of the WORD_COLUMNS; one field has the grams of several."""
        columns = [column for column in WORD_COLUMNS if column not in GRAMS_OF]
        parts = [self._valued(column, text, str.__contains__) for column in columns]
        return any_of([*parts, self._grams("words", text)])

    def _parts(self, column: str, text: str, holds: Callable[[str, str], bool]) -> Asked:
        return any_of([self._part(one, text, holds) for one in PARTS_IN.get(column, (column,))])

    def _part(self, column: str, text: str, holds: Callable[[str, str], bool]) -> Asked:
        """Return what has a text in a column, in such a way."""
        if column in VALUES:
            return self._valued(column, text, holds)
        found = self._grams(GRAMS_OF[column], text)
        if column == "root_id":
            found = any_of([found, self._grams("words", text)])
        is_all = column == "traceback" and holds is str.__contains__
        return Asked(found.query, found.exact and is_all)

    def _valued(self, column: str, text: str, holds: Callable[[str, str], bool]) -> Asked:
        field = f"{column}_folded"
        wanted = [value for value in self._terms.values(field) if holds(value, text)]
        return Asked(Query.term_set_query(self._schema, field, wanted)) if wanted else NONE

    def _is(self, column: str, text: str) -> Asked:
        if column in VALUES:
            return self._term(f"{column}_folded", text)
        if column not in GRAMS_OF:  # it is only known to be there
            return Asked(self._term("has", column).query, exact=False)
        return self._part(column, text, str.__eq__)

    def _grams(self, field: str, text: str) -> Asked:
        """Return what has the rarest grams of a text; of one gram or less, what has the text."""
        if len(text) <= GRAM:
            found = self._prefix(field, text)
            return replace(found, exact=False) if LAST in text else found
        grams = {text[start : start + GRAM] for start in range(len(text) - GRAM + 1)}
        rarest = sorted((self._terms.frequency(field, gram), gram) for gram in grams)[:MAX_GRAMS]
        if not rarest[0][0]:
            return NONE
        most = COMMON * self._terms.total
        terms = [
            Query.term_query(self._schema, field, gram) for number, gram in rarest if number <= most
        ]
        return Asked(both(*terms), exact=False)

    def _term(self, field: str, text: str) -> Asked:
        return Asked(Query.term_query(self._schema, field, text))

    def _prefix(self, field: str, text: str) -> Asked:
        return Asked(Query.phrase_prefix_query(self._schema, field, [text])) if text else ALL

    def _compared(self, wanted: Compare) -> Asked:
        """Return what stands in a relation to a number; how long a task runs goes by now."""
        limit, relation = since(wanted, self._now), wanted.relation
        match wanted.quantity:
            case "runtime":
                idle = {state.casefold() for state in NOT_RUNNING}
                running = self._states(set(self._terms.values("state_folded")) - idle)
                return self._so_far(running, "started", "runtime", relation, limit)
            case "wait":
                waiting = self._states({state.casefold() for state in WAITING})
                return self._so_far(waiting, "since", "waited", relation, limit)
            case quantity:
                return self._number(quantity, relation, limit)

    def _so_far(
        self, lasting: Any, begun: str, lasted: str, relation: Relation, limit: float
    ) -> Asked:
        """Return what has lasted for so long: up to now, where it is `lasting`."""
        until_now = compared(self._schema, begun, _MIRRORED[relation], self._now - limit)
        in_all = compared(self._schema, lasted, relation, limit)
        return Asked(either(both(lasting, until_now), without(in_all, lasting)))

    def _states(self, states: Collection[str]) -> Any:
        wanted = sorted(states)
        return Query.term_set_query(self._schema, "state_folded", wanted) if wanted else NONE.query

    def _number(self, field: str, relation: Relation, value: float) -> Asked:
        return Asked(compared(self._schema, field, relation, value))
