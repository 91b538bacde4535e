"""The differences between SQLite and PostgreSQL: their SQL, and their errors. Pure.

Parameters are `?` in both, and `(SELECT …)` in brackets. JSON comes back as text in both.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from flower_ng.store.search.conditions import WORD_COLUMNS


class StoreError(Exception):
    """The database failed, for now: it is away, or busy. The text is one line of its words."""


class RefusedError(StoreError):
    """The database will never take this: a number that no column holds, a key that is too long.

    `tasks` is how many of those to be written are meant, None for all.
    """

    def __init__(self, words: str, tasks: int | None = None) -> None:
        super().__init__(words)
        self.tasks = tasks


class EndedError(StoreError):
    """A query was ended before its answer: it took too long, or nobody wants it any more."""


#: What is refused each time, however often it is tried.
REFUSALS: Final = (sqlite3.DataError, RefusedError)
#: What a statement may raise; sqlite3's errors are SQLite's own.
DATABASE_ERRORS: Final = (sqlite3.Error, StoreError)


def may_pass(error: BaseException) -> bool:
    """Return whether the same may be written later; else it would fail again each time."""
    return isinstance(error, DATABASE_ERRORS) and not isinstance(error, REFUSALS)


def was_ended(error: BaseException) -> bool:
    """Return whether a query was ended before its answer."""
    is_sqlites = isinstance(error, sqlite3.OperationalError) and str(error) == "interrupted"
    return is_sqlites or isinstance(error, EndedError)


Kind: TypeAlias = Literal["TEXT", "INTEGER", "REAL"]
Direction: TypeAlias = Literal["ASC", "DESC"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """SQLite's way; PostgreSQL's overrides what differs.

    `no_limit` is the parameter that lets LIMIT take all. Orders are those of the contract: a
    lacking value is less than all others, texts compare by code point.
    """

    name: str = "SQLite"
    #: Begins a transaction that writes, when no other one does.
    begin: str = "BEGIN IMMEDIATE"
    no_limit: int | None = -1
    #: Whether what matches is counted apart from finding a page of it, each by its own index.
    counts_apart: bool = False
    #: Whether others may write the same tables.
    is_shared: bool = False
    #: The type of the key that numbers rows as they come.
    identity: str = "INTEGER PRIMARY KEY"
    #: The order in which rows of `worker` and `counter` were first written, and what makes it.
    place: str = "rowid"
    #: The query whether this dashboard, of those that share the store, is the one to delete.
    leads: str = "SELECT 1"
    #: The query for how many bytes hold something; what is free of them is used again.
    used_bytes: str = (
        "SELECT (page_count - freelist_count) * page_size"
        " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
    )
    #: What to say before and after a deletion so that what is deleted cannot be read in the file.
    overwriting: tuple[tuple[str, ...], tuple[str, ...]] = (
        ("PRAGMA secure_delete = ON",),
        ("PRAGMA secure_delete = OFF",),
    )

    def type(self, kind: Kind) -> str:
        """Return a column's type."""
        return kind

    def position(self, text: str) -> str:
        """Return where a parameter begins in a text, counted from 1; 0 where it is not in it."""
        return f"instr({text}, ?)"

    def all_texts(self, column: Callable[[str], str]) -> str:
        """Return the texts that a word is looked for in, a blank between; "" if no index has them.

        `column` tells how a column is written.
        """
        del column
        return ""

    def text(self, number: str) -> str:
        """Return a number as text, that sorts as text."""
        return f"CAST({number} AS TEXT)"

    def whole(self, number: str) -> str:
        """Return the whole part of a number that is not negative."""
        return f"CAST({number} AS INTEGER)"

    def exact(self, real: str) -> str:
        """Return a double for JSON, to its last bit; SQLite's own JSON cuts a time to 10 µs."""
        return f"quote({real})"

    def json(self, text: str) -> str:
        """Return a text that is JSON as a part of other JSON."""
        return f"json({text})"

    def array(self, *values: str) -> str:
        """Return a JSON array of values."""
        return f"json_array({', '.join(values)})"

    def array_of(self, value: str, order: str = "") -> str:
        """Return the aggregate that makes a JSON array of a value of each row, [] of none.

        SQLite takes rows as they come, from a sorted subquery or an outer loop in order;
        PostgreSQL needs the `order` told.
        """
        del order
        return f"json_group_array({value})"

    def arrays_of(self, array: str, order: str = "") -> str:
        """Return the same for values that are JSON arrays themselves."""
        del order
        return f"'[' || coalesce(group_concat({array}), '') || ']'"

    def each(self, kind: Kind | Literal["JSON"] = "TEXT") -> str:
        """Return the relation `each (value, key)` of a parameter, a JSON array of one kind.

        `key` counts from 0 in SQLite and from 1 in PostgreSQL: good to sort by.
        """
        del kind
        return "json_each(?) each"

    def item(self, array: str, index: int) -> str:
        """Return one element of a JSON array, as text."""
        return f"json_extract({array}, '$[{index}]')"

    def grouped(self, columns: str, source: str) -> str:
        """Return the query for groups of equal columns, and `n`, how many rows each stands for."""
        return f"SELECT {columns}, 1 AS n {source}"  # to sort them costs more than it saves

    def ordered(self, key: str, direction: Direction) -> str:
        """Return a key of ORDER BY."""
        return f"{key} {direction}"

    def place_by(self, order: str) -> str:
        """Return one more result: `place`, where a row stands by that order, if that is needed."""
        del order
        return ""

    def looped(self, outer: str, inner: str, condition: str) -> str:
        """Return a join that goes through `outer` in its order and looks up `inner` for each."""
        return f"{outer} CROSS JOIN {inner} ON {condition}"


#: PostgreSQL's query for a number that grows by one with each row that is added to `task`; what
#: it starts from matters only within a transaction.
ADDED: Final = "SELECT pg_stat_get_xact_tuples_inserted('task'::regclass)"
#: Advisory locks, each with the schema: for who writes now, and for who keeps the bounds.
WRITING: Final = 0x666C6E67
SWEEPING: Final = WRITING + 1
SCHEMA: Final = "hashtext(current_schema())"


@dataclass(frozen=True, slots=True)
class _PostgreSQL(Dialect):
    name: str = "PostgreSQL"
    no_limit: int | None = None
    counts_apart: bool = True
    is_shared: bool = True
    identity: str = "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
    place: str = "place"
    leads: str = f"SELECT CAST(pg_try_advisory_lock({SWEEPING}, {SCHEMA}) AS integer)"
    #: A table keeps its size when rows go: this goes by the newest rows and the number of all.
    used_bytes: str = (
        "SELECT CAST(coalesce(least(whole, live * (row_bytes + 28) * whole / heap), 0) AS bigint)"
        " FROM (SELECT pg_total_relation_size('task'::regclass) AS whole,"
        " greatest(1, pg_table_size('task'::regclass)) AS heap,"
        " pg_stat_get_live_tuples('task'::regclass) AS live) sizes, (SELECT avg(pg_column_size(t))"
        " AS row_bytes FROM (SELECT * FROM task ORDER BY timestamp DESC LIMIT 100) t) sample"
    )
    overwriting: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    def type(self, kind: Kind) -> str:
        types = {"TEXT": 'text COLLATE "C"', "INTEGER": "bigint", "REAL": "double precision"}
        return types[kind]

    def position(self, text: str) -> str:
        return f"strpos({text}, ?)"

    def all_texts(self, column: Callable[[str], str]) -> str:
        return " || ' ' || ".join(
            f"coalesce({column(f'{name}_folded')}, {column(name)}, '')" for name in WORD_COLUMNS
        )

    def text(self, number: str) -> str:
        return f'CAST({number} AS text) COLLATE "C"'

    def whole(self, number: str) -> str:
        return f"CAST(floor({number}) AS bigint)"

    def exact(self, real: str) -> str:
        return real

    def json(self, text: str) -> str:
        return f"CAST({text} AS json)"

    def array(self, *values: str) -> str:
        return f"json_build_array({', '.join(values)})"

    def array_of(self, value: str, order: str = "") -> str:
        by = f" ORDER BY {order}" if order else ""
        return f"coalesce(json_agg({value}{by}), '[]')"

    def arrays_of(self, array: str, order: str = "") -> str:
        return self.array_of(array, order)

    def each(self, kind: Kind | Literal["JSON"] = "TEXT") -> str:
        if kind == "JSON":
            return "json_array_elements(CAST(? AS json)) WITH ORDINALITY AS each (value, key)"
        texts = "json_array_elements_text(CAST(? AS json)) WITH ORDINALITY AS each (value, key)"
        if kind == "TEXT":
            return texts
        return f"(SELECT CAST(value AS {self.type(kind)}) AS value, key FROM {texts}) each"

    def item(self, array: str, index: int) -> str:
        return f"({array} ->> {index})"

    def grouped(self, columns: str, source: str) -> str:
        return f"SELECT {columns}, count(*) AS n {source} GROUP BY {columns}"

    def ordered(self, key: str, direction: Direction) -> str:
        return f"{key} {direction} NULLS {'FIRST' if direction == 'ASC' else 'LAST'}"

    def place_by(self, order: str) -> str:
        return f", row_number() OVER (ORDER BY {order}) AS place"

    def looped(self, outer: str, inner: str, condition: str) -> str:
        return f"{outer} JOIN {inner} ON {condition}"


SQLITE: Final = Dialect()
POSTGRESQL: Final[Dialect] = _PostgreSQL()
