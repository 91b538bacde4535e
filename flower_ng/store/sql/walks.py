"""The order of a list in parts, each of which one of PostgreSQL's indexes has in its order. Pure.

An index in the order of a column has no order among the tasks of one value, and a sort has ids for
that. So columns of few values are gone through value by value, each in the order of ids.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flower_ng.search.conditions import FACETS, AllOf, Is, Search, TaskQuery
from flower_ng.store.sql.statements import (
    CursorPosition,
    Key,
    Statement,
    attribute,
    is_descending,
    sort_key,
)
from flower_ng.store.sql.where import Clause
from flower_ng.store.tables.dialect import POSTGRESQL, Direction

#: Columns that many tasks have the same value of.
FEW_VALUED: Final = (
    *("name", "state", "worker", "queue", "exchange", "routing_key", "retries", "eta", "expires"),
)
#: Columns of numbers that differ from task to task.
NUMBERS: Final = ("received", "started", "runtime", "timestamp", "sent", "revoked")
WALKED: Final = frozenset({*FEW_VALUED, *NUMBERS})


@dataclass(frozen=True, slots=True)
class Part:
    """Some tasks that stand together in a list: the condition for them, and their order."""

    condition: Clause
    order: str


@dataclass(frozen=True, slots=True)
class Walk:
    """The parts of one list: all of it, or what is behind a place.

    What lacks a value comes first in ascending order, last in descending order. Where a query asks
    for one value of a column of few, `only` is that, and all others are left out.
    """

    key: str
    is_descending: bool
    is_few_valued: bool
    place: CursorPosition | None = None
    only: str | None = None

    @classmethod
    def of(cls, query: TaskQuery, place: CursorPosition | None = None) -> "Walk | None":
        """Return the walk in a query's order, None where no index has it."""
        column = attribute(query.sort)
        if column not in WALKED:
            return None
        key = sort_key(query.sort, POSTGRESQL)
        only = next(_wanted(query, column), None) if column in FEW_VALUED else None
        if place is not None and place.key != only:
            only = None
        return cls(key, is_descending(query), column in FEW_VALUED, place, only)

    @property
    def lacking(self) -> Part | None:
        """The tasks without a value, None where they are not behind the place."""
        condition, place = Clause(f"{self.key} IS NULL"), self.place
        if place is not None and place.key is not None:
            return Part(condition, self._ids) if self.is_descending else None
        return Part(self._and_behind_id(condition), self._ids)

    @property
    def has_values(self) -> bool:
        """Whether tasks with a value are in it."""
        return self.place is None or self.place.key is not None or not self.is_descending

    @property
    def first_key(self) -> Key:
        """The value of the tasks that a walk from a place begins among; None for all."""
        return self.place.key if self.place is not None else None

    def same(self, key: Key) -> Part:
        """Return the tasks of one value."""
        condition = Clause(f"{self.key} = ?", (key,))
        is_first = self.place is not None and key == self.place.key
        return Part(self._and_behind_id(condition) if is_first else condition, self._ids)

    def beyond(self, key: Key) -> Part:
        """Return the tasks with a value behind one; behind None, all that have one."""
        return Part(self._beyond(key), f"{self._keys}, {self._ids}")

    @property
    def at_and_beyond(self) -> Part:
        """Return the tasks with a value from the place on."""
        place, order = self.place, f"{self._keys}, {self._ids}"
        if place is None or place.key is None:
            return Part(self._beyond(None), order)
        text = f"({self.key} {self._relation}= ? AND ({self.key}, t.uuid) {self._relation} (?, ?))"
        return Part(Clause(text, (place.key, place.key, place.uuid)), order)

    def next_key(self, key: Key) -> Statement:
        """Return the query for the first value behind one; behind None, the first of all."""
        beyond = self._beyond(key)
        text = f"SELECT {self.key} FROM task t WHERE {beyond.text} ORDER BY {self._keys} LIMIT 1"
        return Statement(text, beyond.parameters)

    def _beyond(self, key: Key) -> Clause:
        if key is None:
            return Clause(f"{self.key} IS NOT NULL")
        return Clause(f"{self.key} {self._relation} ?", (key,))

    def _and_behind_id(self, clause: Clause) -> Clause:
        if self.place is None:
            return clause
        text = f"({clause.text} AND t.uuid {self._relation} ?)"
        return Clause(text, (*clause.parameters, self.place.uuid))

    @property
    def _relation(self) -> str:
        return "<" if self.is_descending else ">"

    @property
    def _direction(self) -> Direction:
        return "DESC" if self.is_descending else "ASC"

    @property
    def _keys(self) -> str:
        return POSTGRESQL.ordered(self.key, self._direction)

    @property
    def _ids(self) -> str:
        return f"t.uuid {self._direction}"


def _wanted(query: TaskQuery, column: str) -> Iterator[str]:
    """Yield the values of a column without which no task matches."""
    for name, filtered in FACETS.items():
        if filtered == column and (value := getattr(query, name)) is not None:
            yield value.casefold()
    yield from _of_search(query.search, column)


def _of_search(search: Search | None, column: str) -> Iterator[str]:
    match search:
        case Is(named, text) if named == column:
            yield text
        case AllOf(parts):
            for part in parts:
                yield from _of_search(part, column)


def nearest(part: Part, clause: Clause, limit: int) -> Statement:
    """Return the query for the number of the first tasks of a part, and for those that match.

    These are a JSON array of rows, in their order.
    """
    matching = f" FILTER (WHERE {clause.text})" if clause else ""
    text = (
        f"SELECT count(*), coalesce(json_agg(t.id){matching}, '[]') FROM (SELECT * FROM task t"
        f" WHERE {part.condition.text} ORDER BY {part.order} LIMIT ?) t"
    )
    return Statement(text, (*clause.parameters, *part.condition.parameters, limit))
