"""The table of the rollups, and the statements that read and write it. On the store thread.

One row is one tally: of a kind and name, for the `step_s` seconds from `start`. Several dashboards
may share the table: minutes are rows of the `writer` that saw them, coarser rows have none.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from flower_ng.store.rollups.minutes import Minute
from flower_ng.store.rollups.tallies import MINUTE_S, TALLIES, Coverage, Tally, merged
from flower_ng.store.tables.dialect import SQLITE, Dialect

#: Rows a statement: sqlite3 lets go of the interpreter at each, and may wait to get it back.
CHUNK_ROWS: Final = 100

#: Start, name, writer and tally, as they are read.
Row: TypeAlias = tuple[int, str, str, Any]
#: Reads what `found` gives, by kind.
ROWS: Final[Mapping[str, msgspec.json.Decoder[list[Row]]]] = {
    kind: msgspec.json.Decoder(list[tuple[int, str, str, tally]])  # type: ignore[valid-type]
    for kind, tally in TALLIES.items()
}


class Key(NamedTuple):
    """What tells one tally from all others; no two dashboards have one `writer`."""

    step_s: int
    kind: str
    start: int
    name: str
    writer: str


class WriterCoverage(NamedTuple):
    """What one writer saw of a bucket; more is better."""

    is_whole: bool
    observed_ms: int
    writer: str
    coverage: Coverage


_KEY = ", ".join(Key._fields)


class Table:
    """The table on a connection, which speaks a `dialect`."""

    def __init__(self, connection: sqlite3.Connection, dialect: Dialect = SQLITE) -> None:
        self._connection = connection
        self._dialect = dialect

    def create(self) -> None:
        """Make the table where it is not there; two that try at once take turns."""
        with self._connection:
            self._connection.execute(self._dialect.begin)
            self._connection.execute(table(self._dialect))

    def rows(self, kind: str, condition: str, parameters: Sequence[object]) -> list[Row]:
        """Return the rows of a kind that meet a condition; see `found`."""
        cursor = self._connection.execute(found(condition, self._dialect), (kind, *parameters))
        return ROWS[kind].decode(cursor.fetchone()[0])

    def edge(self, edge: str, kind: str, step_s: int, relation: str, bound: float) -> int | None:
        """Return the `min` or `max` start on one side of a bound, None where there is none."""
        condition = f"kind = ? AND step_s = ? AND start {relation} ?"
        cursor = self._connection.execute(
            f"SELECT {edge}(start) FROM rollup WHERE {condition}", (kind, step_s, bound)
        )
        start: int | None = cursor.fetchone()[0]
        return start

    def put(self, rows: Iterable[tuple[Key, Tally]]) -> None:
        """Put tallies in the place of what is there: all of them, or none where it raises."""
        with self._connection:
            self._connection.execute(self._dialect.begin)
            for text, parameters in _upserts(rows):
                self._connection.execute(text, parameters)

    def delete(self, kind: str, step_s: int, start: int) -> None:
        """Delete the rows of one bucket of a kind."""
        gone = "DELETE FROM rollup WHERE kind = ? AND step_s = ? AND start = ?"
        with self._connection:
            self._connection.execute(self._dialect.begin)
            self._connection.execute(gone, (kind, step_s, start))


def table(dialect: Dialect) -> str:
    """Return the statement that makes the table where it is not there.

    The newest rows of a kind lie together: a minute's rows are few pages, and so is a range.
    """
    text, integer = dialect.type("TEXT"), dialect.type("INTEGER")
    by_key = " WITHOUT ROWID" if dialect is SQLITE else ""
    return (
        f"CREATE TABLE IF NOT EXISTS rollup (step_s {integer} NOT NULL, kind {text} NOT NULL,"
        f" start {integer} NOT NULL, name {text} NOT NULL, writer {text} NOT NULL,"
        f" body {text} NOT NULL, PRIMARY KEY ({_KEY})){by_key}"
    )


def found(condition: str, dialect: Dialect) -> str:
    """Return a query for one JSON array of the rows of a kind, its first parameter; see ROWS.

    The condition may go on with an order and a limit.
    """
    row = dialect.array("start", "name", "writer", dialect.json("body"))
    rows = f"SELECT start, name, writer, body FROM rollup WHERE kind = ? AND {condition}"
    return f"SELECT {dialect.array_of(row, 'start, name, writer')} FROM ({rows}) found"


def chosen(covered: Iterable[Row]) -> dict[int, WriterCoverage]:
    """Return for each start the writer that saw most: two saw the same events, so none is added."""
    best: dict[int, WriterCoverage] = {}
    for start, _, writer, coverage in covered:
        one = WriterCoverage(coverage.dropped == 0, coverage.observed_ms, writer, coverage)
        if start not in best or one[:3] > best[start][:3]:
            best[start] = one
    return best


def marks(values: Sequence[object]) -> str:
    """Return as many parameters' places as there are values, in brackets."""
    return f"({', '.join('?' * len(values))})"


def _upserts(rows: Iterable[tuple[Key, Tally]]) -> Iterator[tuple[str, list[Any]]]:
    """Yield statements that put these tallies in the place of what is there, with parameters."""
    left = iter(rows)
    while chunk := list(islice(left, CHUNK_ROWS)):
        values = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(chunk))
        replaced = f"ON CONFLICT ({_KEY}) DO UPDATE SET body = excluded.body"
        text = f"INSERT INTO rollup ({_KEY}, body) VALUES {values} {replaced}"
        yield text, [value for key, tally in chunk for value in (*key, _json(tally))]


def _json(tally: Tally) -> str:
    return msgspec.json.encode(tally).decode()


#: Minutes that began so lately are remembered, and older ones that just got late events.
KEPT_S: Final = 2 * MINUTE_S


class Ledger:
    """Adds what was counted to the rows of its `writer`, those of an earlier run included.

    It remembers the rows of the newest minutes, so that they are not read again each second.
    """

    def __init__(self, *, writer: str) -> None:
        self._writer = writer
        self._open: dict[int, dict[Key, Tally]] = {}

    def write(self, table: Table, minutes: Mapping[int, Minute], now: float) -> None:
        """Add minutes: all of them, or none where it raises."""
        for start in minutes.keys() - self._open.keys():
            self._open[start] = self._read(table, start)
        grown = {start: self._grown(start, minute) for start, minute in minutes.items()}
        table.put(chain.from_iterable(rows.items() for rows in grown.values()))
        for start, tallies in grown.items():
            self._open[start].update(tallies)
        for start in [old for old in self._open if old not in minutes and old <= now - KEPT_S]:
            del self._open[start]

    def _read(self, table: Table, start: int) -> dict[Key, Tally]:
        """Return the rows of a minute as they are."""
        asked = (MINUTE_S, start, self._writer)
        return {
            self._key(kind, start, name): tally
            for kind in TALLIES
            for _, name, _, tally in table.rows(
                kind, "step_s = ? AND start = ? AND writer = ?", asked
            )
        }

    def _grown(self, start: int, minute: Minute) -> dict[Key, Tally]:
        """Return the rows of a minute as they will be."""
        known = self._open[start]
        grown: dict[Key, Tally] = {}
        for kind, name, tally in minute.rows():
            key = self._key(kind, start, _storable(name))
            grown[key] = merged(grown.get(key) or known.get(key), tally)
        return grown

    def _key(self, kind: str, start: int, name: str) -> Key:
        return Key(MINUTE_S, kind, start, name, self._writer)


def _storable(name: str) -> str:
    """Return a name without what databases refuse: lone surrogates and null characters."""
    return name.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
