"""The differences between SQLite and PostgreSQL: their SQL, and their errors. Pure.

Parameters are `?` in both, and `(SELECT …)` in brackets. JSON comes back as text in both.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec

from flower_ng.search.conditions import WORD_COLUMNS


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


def trace_of(error: BaseException) -> BaseException | None:
    """Return what to log the traceback of: one of a full disk says nothing."""
    return None if may_pass(error) else error


def was_ended(error: BaseException) -> bool:
    """Return whether a query was ended before its answer."""
    is_sqlites = isinstance(error, sqlite3.OperationalError) and str(error) == "interrupted"
    return is_sqlites or isinstance(error, EndedError)


def is_full(error: BaseException) -> bool:
    """Whether that is SQLite's error of a full disk."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


#: Begins a transaction that writes, when no other one does.
BEGIN: Final = "BEGIN IMMEDIATE"


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Have all that is written inside be there afterwards, or nothing of it where that raises."""
    with connection:
        connection.execute(BEGIN)
        yield


def json_text(value: object) -> str:
    """Return a value as a parameter that is JSON."""
    return msgspec.json.encode(value).decode()


Kind: TypeAlias = Literal["TEXT", "INTEGER", "REAL"]
Direction: TypeAlias = Literal["ASC", "DESC"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a statement says in one of them, and what that can do.

    `no_limit` is the parameter that lets LIMIT take all. `is_shared` tells whether others may write
    the same tables. `number_of_tasks` is what to select for the number of all. `place` is the order
    in which rows of `worker` and `counter` were first written. `leads` is the query whether this
    dashboard, of those that share the store, is the one to delete; `used_bytes` that for how many
    bytes hold something: what is free of them is used again. `overwriting` is what to say before
    and after a deletion so that what is deleted cannot be read in the file.

    Orders are those of the contract: a lacking value is less than all others, texts compare by code
    point.
    """

    no_limit: int | None
    is_shared: bool
    is_postgresql: bool
    number_of_tasks: str
    place: str
    leads: str
    used_bytes: str
    overwriting: tuple[tuple[str, ...], tuple[str, ...]]
    types: Mapping[Kind, str]

    def _either(self, sqlite: str, postgresql: str) -> str:
        return postgresql if self.is_postgresql else sqlite

    def type(self, kind: Kind) -> str:
        """Return a column's type."""
        return self.types[kind]

    def position(self, text: str) -> str:
        """Return where a parameter begins in a text, counted from 1; 0 where it is not in it."""
        return self._either(f"instr({text}, ?)", f"strpos({text}, ?)")

    def all_texts(self, column: Callable[[str], str]) -> str:
        """Return the texts that a word is looked for in, a blank between; "" if no index has them.

        `column` tells how a column is written.
        """
        texts = (f"coalesce({column(f'{n}_folded')}, {column(n)}, '')" for n in WORD_COLUMNS)
        return self._either("", " || ' ' || ".join(texts))

    def text(self, number: str) -> str:
        """Return a number as text, that sorts as text."""
        return self._either(f"CAST({number} AS TEXT)", f'CAST({number} AS text) COLLATE "C"')

    def whole(self, number: str) -> str:
        """Return the whole part of a number that is not negative."""
        return self._either(f"CAST({number} AS INTEGER)", f"CAST(floor({number}) AS bigint)")

    def exact(self, real: str) -> str:
        """Return a double for JSON, to its last bit; SQLite's own JSON cuts a time to 10 µs."""
        return self._either(f"quote({real})", real)

    def json(self, text: str) -> str:
        """Return a text that is JSON as a part of other JSON."""
        return self._either(f"json({text})", f"CAST({text} AS json)")

    def array(self, *values: str) -> str:
        """Return a JSON array of values."""
        return f"{self._either('json_array', 'json_build_array')}({', '.join(values)})"

    def array_of(self, value: str, order: str = "") -> str:
        """Return the aggregate that makes a JSON array of a value of each row, [] of none.

        SQLite takes rows as they come, from a sorted subquery or an outer loop in order;
        PostgreSQL needs the `order` told.
        """
        by = f" ORDER BY {order}" if order else ""
        return self._either(f"json_group_array({value})", f"coalesce(json_agg({value}{by}), '[]')")

    def arrays_of(self, array: str, order: str = "") -> str:
        """Return the same for values that are JSON arrays themselves."""
        joined = f"'[' || coalesce(group_concat({array}), '') || ']'"
        return self._either(joined, self.array_of(array, order))

    def each(self, kind: Kind | Literal["JSON"] = "TEXT") -> str:
        """Return the relation `each (value, key)` of a parameter, a JSON array of one kind.

        `key` counts from 0 in SQLite and from 1 in PostgreSQL: good to sort by.
        """
        if not self.is_postgresql:
            return "json_each(?) each"
        numbered = "(CAST(? AS json)) WITH ORDINALITY AS each (value, key)"
        if kind == "JSON":
            return f"json_array_elements{numbered}"
        texts, cast = f"json_array_elements_text{numbered}", f"CAST(value AS {self.types[kind]})"
        return texts if kind == "TEXT" else f"(SELECT {cast} AS value, key FROM {texts}) each"

    def item(self, array: str, index: int) -> str:
        """Return one element of a JSON array, as text."""
        return self._either(f"json_extract({array}, '$[{index}]')", f"({array} ->> {index})")

    def grouped(self, columns: str, source: str) -> str:
        """Return the query for groups of equal columns, and `n`, how many rows each stands for."""
        rows = f"SELECT {columns}, 1 AS n {source}"  # to sort them costs more than it saves
        return self._either(rows, f"SELECT {columns}, count(*) AS n {source} GROUP BY {columns}")

    def ordered(self, key: str, direction: Direction) -> str:
        """Return a key of ORDER BY."""
        nulls = f" NULLS {'FIRST' if direction == 'ASC' else 'LAST'}"
        return f"{key} {direction}{self._either('', nulls)}"

    def place_by(self, order: str) -> str:
        """Return one more result: `place`, where a row stands by that order, if that is needed."""
        return self._either("", f", row_number() OVER (ORDER BY {order}) AS place")

    def looped(self, outer: str, inner: str, condition: str) -> str:
        """Return a join that goes through `outer` in its order and looks up `inner` for each."""
        return f"{outer} {self._either('CROSS ', '')}JOIN {inner} ON {condition}"


SQLITE: Final = Dialect(
    no_limit=-1,
    is_shared=False,
    is_postgresql=False,
    number_of_tasks="count(*) FROM task",
    place="rowid",
    leads="SELECT 1",
    used_bytes="SELECT (page_count - freelist_count) * page_size"
    " FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    overwriting=(("PRAGMA secure_delete = ON",), ("PRAGMA secure_delete = OFF",)),
    types={"TEXT": "TEXT", "INTEGER": "INTEGER", "REAL": "REAL"},
)

#: PostgreSQL's query for a number that grows by one with each row that is added to `task`; what
#: it starts from matters only within a transaction.
ADDED: Final = "SELECT pg_stat_get_xact_tuples_inserted('task'::regclass)"
#: Advisory locks, each with the schema: for who writes now, and for who keeps the bounds.
WRITING: Final = 0x666C6E67
SWEEPING: Final = WRITING + 1
SCHEMA: Final = "hashtext(current_schema())"

POSTGRESQL: Final = Dialect(
    no_limit=None,
    is_shared=True,
    is_postgresql=True,
    number_of_tasks="tasks FROM task_total",
    place="place",
    leads=f"SELECT CAST(pg_try_advisory_lock({SWEEPING}, {SCHEMA}) AS integer)",
    # A table keeps its size when rows go: this goes by the newest rows and the number of all.
    used_bytes="SELECT CAST(coalesce(least(whole, live * (row_bytes + 28) * whole / heap), 0)"
    " AS bigint) FROM (SELECT pg_total_relation_size('task'::regclass) AS whole,"
    " greatest(1, pg_table_size('task'::regclass)) AS heap,"
    " pg_stat_get_live_tuples('task'::regclass) AS live) sizes, (SELECT avg(pg_column_size(t))"
    " AS row_bytes FROM (SELECT * FROM task ORDER BY timestamp DESC LIMIT 100) t) sample",
    overwriting=((), ()),
    types={"TEXT": 'text COLLATE "C"', "INTEGER": "bigint", "REAL": "double precision"},
)
