"""What a TaskQuery asks of a task, as one SQL condition over any relation of tasks. Pure."""

from dataclasses import dataclass
from typing import Any, Protocol

from flower_ng.store.merge import pair_pattern
from flower_ng.store.schema import folded
from flower_ng.store.search import (
    WORD_FIELDS,
    AllOf,
    AnyOf,
    HasPair,
    InField,
    IsState,
    Search,
    Word,
)
from flower_ng.store.task_query import TaskQuery

#: The exact filters of a query, and the columns that they look at.
FILTERS = {
    "state": "state",
    "name": "name",
    "worker": "worker",
    "queue": "queue",
}
#: The large columns, which only the main table has.
PAYLOAD = frozenset({"args", "kwargs", "result", "exception", "traceback", "pairs"})


class Source(Protocol):
    """How a relation of tasks shows a column, as SQL."""

    def raw(self, column: str, /) -> str:
        """Return the column as it came."""

    def folded(self, column: str, /) -> str:
        """Return the case-folded text of a column."""


@dataclass(frozen=True, slots=True)
class TaskTable:
    """The main table as a Source, under an alias."""

    alias: str = "t"

    def raw(self, column: str) -> str:
        """Return the column itself."""
        return f"{self.alias}.{column}"

    def folded(self, column: str) -> str:
        """Return the column's folded twin, or itself where the twin is null."""
        return folded(column, self.alias)


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition, empty when every task meets it, and its parameters in the text's order.

    `payload` says whether it looks at one of the PAYLOAD columns.
    """

    text: str
    parameters: tuple[Any, ...] = ()
    payload: bool = False

    def __bool__(self) -> bool:
        return bool(self.text)


def where(query: TaskQuery, source: Source, now: float) -> Clause:
    """Return the condition that `query` puts to a task of `source`; `now` is UTC seconds."""
    writer = _Writer(source, now)
    text = " AND ".join(writer.conditions(query))
    return Clause(text, tuple(writer.parameters), payload=writer.payload)


class _Writer:
    """Writes conditions and gathers their parameters, each in the moment it enters the text."""

    def __init__(self, source: Source, now: float) -> None:
        self.parameters: list[Any] = []
        self.payload = False
        self._source = source
        self._now = now

    def conditions(self, query: TaskQuery) -> list[str]:
        conditions = [
            self._equals(column, wanted.casefold())
            for name, column in FILTERS.items()
            if (wanted := getattr(query, name)) is not None
        ]
        received = self._source.raw("received")
        conditions += [
            f"({received} IS NULL OR {received} {relation} {self._value(limit)})"
            for relation, limit in ((">=", query.received_start), ("<=", query.received_end))
            if limit is not None
        ]
        if query.search is not None:
            conditions.append(self._search(query.search))
        return conditions

    def _search(self, search: Search) -> str:
        match search:
            case AllOf(parts):
                return f"({' AND '.join(map(self._search, parts))})"
            case AnyOf(parts):
                return f"({' OR '.join(map(self._search, parts))})"
            case Word(text):
                return f"({' OR '.join(self._holds(field, text) for field in WORD_FIELDS)})"
            case InField(field, text):
                return self._holds(field, text)
            case IsState(text):
                return self._equals("state", text)
            case HasPair(text):
                pairs = self._raw("pairs")
                return f"instr({pairs}, {self._value(pair_pattern(text))})"

    def _equals(self, column: str, text: str) -> str:
        folded_column = self._folded(column)
        return f"{folded_column} = {self._value(text)}"

    def _holds(self, column: str, text: str) -> str:
        folded_column = self._folded(column)
        return f"instr({folded_column}, {self._value(text)})"

    def _raw(self, column: str) -> str:
        self.payload = self.payload or column in PAYLOAD
        return self._source.raw(column)

    def _folded(self, column: str) -> str:
        self.payload = self.payload or column in PAYLOAD
        return self._source.folded(column)

    def _value(self, value: object) -> str:
        self.parameters.append(value)
        return "?"
