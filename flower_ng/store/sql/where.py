"""Translates the conditions of a TaskQuery into one SQL condition. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from operator import attrgetter
from typing import Any, Final

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
    Search,
    TaskQuery,
    Word,
    since,
)
from flower_ng.store.tables.dialect import Dialect
from flower_ng.store.tables.schema import SHARED, folded
from flower_ng.store.tables.texts import pair_pattern

#: The large columns.
PAYLOAD: Final = frozenset({"args", "kwargs", "result", "exception", "traceback", "pairs"})
#: What pg_trgm can look up: letters and digits.
_TRIGRAM: Final = re.compile(r"[^\W_]{3}")
#: What LIKE does not take as it is.
_SPECIAL: Final = re.compile(r"[\\%_]")
#: When a task in a final state ended, by the state.
FINISHED: Final = {"success": "succeeded", "failure": "failed", "revoked": "revoked"}
_IDLE: Final = ", ".join(f"'{state.casefold()}'" for state in sorted(NOT_RUNNING))


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


def where(query: TaskQuery, dialect: Dialect, now: float) -> Clause:
    """Return the condition that `query` puts to a task `t`; `now` is UTC seconds."""
    writer = _Writer(dialect, now)
    clauses = [*writer.filters(query), *writer.received(query)]
    if query.search is not None:
        clauses.append(writer.search(query.search))
    return _joined(" AND ", clauses) if clauses else Clause("")


class _Writer:
    """Writes conditions, each true or not; null counts as not."""

    def __init__(self, dialect: Dialect, now: float) -> None:
        self._dialect = dialect
        self._position = dialect.position
        self._found = f"{self._position('{}')} > 0"
        self._now = now

    def filters(self, query: TaskQuery) -> list[Clause]:
        wanted = {column: getattr(query, name) for name, column in FACETS.items()}
        return [
            self.search(Is(column, value.casefold()))
            for column, value in wanted.items()
            if value is not None
        ]

    def received(self, query: TaskQuery) -> list[Clause]:
        received = _raw("received")
        limits = ((">=", query.received_start), ("<=", query.received_end))
        return [
            Clause(f"({received} IS NULL OR {received} {relation} ?)", (limit,))
            for relation, limit in limits
            if limit is not None
        ]

    def search(self, search: Search) -> Clause:
        match search:
            case AllOf(parts):
                return _joined(" AND ", map(self.search, parts))
            case AnyOf(parts):
                return _joined(" OR ", map(self.search, parts))
            case Not(part):
                negated = self.search(part)
                return replace(negated, text=f"(({negated.text}) IS NOT TRUE)")
            case Word(text):
                return self._word(text)
            case Compare():
                return self._compared(search)
            case _:
                return self._of_column(search)

    def _of_column(self, search: InField | Begins | Is | Has | HasPair) -> Clause:
        match search:
            case InField(column, text) if column == SHARED and self._dialect.is_postgresql:
                found = f"{self._position('lower(text)')} > 0"
                those = f"SELECT id FROM {SHARED} WHERE {found}"
                return Clause(f"{_raw(column)} IN ({those})", (text,), payload=True)
            case InField(column, text):
                return self._part(PARTS_IN.get(column, (column,)), self._found, text)
            case Begins(column, text):
                begins = f"{self._position('{}')} = 1"
                return self._part(PARTS_IN.get(column, (column,)), begins, text)
            case Is(column, text):
                return self._text(column, "{} = ?", text)
            case Has(column):
                text = f"{_raw(column)} IS NOT NULL"
                return Clause(text, payload=column in PAYLOAD)
            case HasPair():
                text = f"{self._position(_raw('pairs'))} > 0"
                return Clause(text, (pair_text(search),), payload=True)

    def _word(self, text: str) -> Clause:
        together = self._together(text)
        if together and " " not in text:
            return together  # no text goes beyond its own column
        return self._part(WORD_COLUMNS, self._found, text)

    def _part(self, columns: Sequence[str], condition: str, text: str) -> Clause:
        """Return the condition on columns, behind one that an index of all texts knows."""
        found = _joined(" OR ", [self._text(column, condition, text) for column in columns])
        together = self._together(text)
        if together and found.payload and set(columns) <= set(WORD_COLUMNS):
            return _joined(" AND ", [together, found])
        return found

    def _together(self, text: str) -> Clause:
        """Return whether the text stands in what an index has of all texts.

        Empty without one, and for a text without a trigram, which it would be gone through for.
        """
        texts = self._dialect.all_texts(_raw)
        if not _TRIGRAM.search(text):
            return Clause("")
        literal = _SPECIAL.sub(r"\\\g<0>", text)
        return Clause(f"{texts} LIKE ?", (f"%{literal}%",), payload=True) if texts else Clause("")

    def _text(self, column: str, condition: str, text: str) -> Clause:
        folded_column = folded(column)
        return Clause(condition.format(folded_column), (text,), payload=column in PAYLOAD)

    def _compared(self, wanted: Compare) -> Clause:
        quantity = self._quantity(wanted.quantity)
        limit = since(wanted, self._now)
        return Clause(f"{quantity.text} {wanted.relation} ?", (*quantity.parameters, limit))

    def _quantity(self, name: str) -> Clause:
        """Return the SQL for what is compared, null where a task lacks it."""
        raw, state = _raw, folded("state")
        match name:
            case "runtime":
                age = f"WHEN {state} NOT IN ({_IDLE}) THEN ? - {raw('started')}"
                return Clause(f"CASE {age} ELSE {raw('runtime')} END", (self._now,))
            case "wait":
                since = f"coalesce({raw('received')}, {raw('sent')})"
                age = f"WHEN {state} IN ('pending', 'received') THEN ? - {since}"
                waited = f"WHEN {raw('started')} >= {since} THEN {raw('started')} - {since}"
                return Clause(f"CASE {age} {waited} END", (self._now,))
            case "finished":
                ends = " ".join(f"WHEN '{end}' THEN {raw(time)}" for end, time in FINISHED.items())
                return Clause(f"CASE {state} {ends} END")
            case _:
                return Clause(raw(name))


def pair_text(wanted: HasPair) -> str:
    """Return what stands in `pairs` where they hold what is wanted."""
    pattern = pair_pattern(wanted.text)
    return pattern if wanted.is_whole else pattern[:-1]  # without the quote that ends it


def _joined(operator: str, clauses: Iterable[Clause]) -> Clause:
    """Join conditions, those on large columns last: they are looked at only where they matter."""
    ordered = sorted(clauses, key=attrgetter("payload"))
    return Clause(
        f"({operator.join(clause.text for clause in ordered)})",
        tuple(chain.from_iterable(clause.parameters for clause in ordered)),
        payload=ordered[-1].payload,
    )


def _raw(column: str) -> str:
    return f"t.{column}"
