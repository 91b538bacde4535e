"""The table of the rollups, who writes it, and sums its rows up. On the store thread.

One row is one tally: of a kind and name, for the `step_s` seconds from `start`. Several dashboards
may share the table: minutes are rows of the `writer` that saw them, coarser rows have none.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, pairwise
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from flower_ng.store.rollups.tallies import (
    COVERAGE,
    KINDS,
    LATE_S,
    MINUTE_S,
    TALLIES,
    Coverage,
    Minute,
    RollupLevel,
    Tally,
    add_to,
    merged,
)
from flower_ng.store.tables.dialect import SQLITE, Dialect, json_text, transaction

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
        with transaction(self._connection):
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
        with transaction(self._connection):
            left = iter(rows)
            while chunk := list(islice(left, CHUNK_ROWS)):
                values = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(chunk))
                self._connection.execute(
                    f"INSERT INTO rollup ({_KEY}, body) VALUES {values}"
                    f" ON CONFLICT ({_KEY}) DO UPDATE SET body = excluded.body",
                    [value for key, tally in chunk for value in (*key, json_text(tally))],
                )

    def delete(self, kind: str, step_s: int, start: int) -> None:
        """Delete the rows of one bucket of a kind."""
        gone = "DELETE FROM rollup WHERE kind = ? AND step_s = ? AND start = ?"
        with transaction(self._connection):
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


#: A bucket is compacted once no event can be added to it, and what was counted is written.
SETTLED_S: Final = LATE_S + 2 * MINUTE_S
#: Rows read or written in a slice: some milliseconds.
SLICE_ROWS: Final = 200
#: The writer of rows that were made of other rows.
NOBODY: Final = ""


class Compactor:
    """Keeps the coarser levels up with the finest, and each no longer than it should be kept."""

    def __init__(self, table: Table, levels: Sequence[RollupLevel], now: float) -> None:
        self._levels = levels
        self._work: Iterator[None] | None = None
        #: Up to where each coarser level is made; the newest bucket is made again.
        self._done = {
            level.step_s: table.edge("max", COVERAGE, level.step_s, "<=", now) or 0
            for level in levels[1:]
        }

    def reopen(self, start: int) -> None:
        """Have all buckets from that of a minute on made anew, where they were made already."""
        for level in self._levels[1:]:
            if level.floor(start) < self._done[level.step_s]:
                self._done[level.step_s] = level.floor(start)
                self._work = None

    def slice(self, table: Table, now: float) -> bool:
        """Do a little of what is due; return whether there may be more."""
        work = self._work or self._due(table, now)
        self._work = None  # what fails is begun anew
        for _ in work:
            self._work = work
            return True
        return False

    def _due(self, table: Table, now: float) -> Iterator[None]:
        for fine, coarse in pairwise(self._levels):
            while (start := self._next(table, fine, coarse, now)) is not None:
                yield from _compact(table, fine, coarse, start)
                self._done[coarse.step_s] = start + coarse.step_s
            kept = coarse.floor(now - fine.keep_s)  # so that whole coarse rows can be made of it
            yield from _prune(table, fine, min(kept, self._done[coarse.step_s]))
        yield from _prune(table, self._levels[-1], now - self._levels[-1].keep_s)

    def _next(self, table: Table, fine: RollupLevel, coarse: RollupLevel, now: float) -> int | None:
        """Return the start of the next bucket that has rows and is settled."""
        oldest = table.edge("min", COVERAGE, fine.step_s, ">=", self._done[coarse.step_s])
        if oldest is None:
            return None
        start = coarse.floor(oldest)
        return start if start + coarse.step_s + SETTLED_S <= now else None


def _compact(table: Table, fine: RollupLevel, coarse: RollupLevel, start: int) -> Iterator[None]:
    """Make one bucket of its finer rows; of each finer bucket one writer's rows are taken."""
    in_bucket = (fine.step_s, start, start + coarse.step_s)
    best = chosen(table.rows(COVERAGE, "step_s = ? AND start >= ? AND start < ?", in_bucket))
    for kind in KINDS:
        sums: dict[str, Any] = {}
        for rows in _pages(table, kind, *in_bucket):
            for at, name, writer, tally in rows:
                if at in best and writer == best[at].writer:
                    add_to(sums, name, tally)
            yield
        left = iter(sums.items())
        while some := list(islice(left, SLICE_ROWS)):
            table.put(
                (Key(coarse.step_s, kind, start, name, NOBODY), tally) for name, tally in some
            )
            yield
    total = Coverage()
    for one in best.values():
        total.merge(one.coverage)
    table.put([(Key(coarse.step_s, COVERAGE, start, "", NOBODY), total)])


def _pages(table: Table, kind: str, step_s: int, start: int, end: int) -> Iterator[list[Row]]:
    """Yield the rows of a bucket, some at a time."""
    condition = (
        "step_s = ? AND start < ? AND (start, name, writer) > (?, ?, ?)"
        f" ORDER BY start, name, writer LIMIT {SLICE_ROWS}"
    )
    after: tuple[int, str, str] = (start - 1, "", "")
    while rows := table.rows(kind, condition, (step_s, end, *after)):
        yield rows
        after = rows[-1][:3]


def _prune(table: Table, level: RollupLevel, before: float) -> Iterator[None]:
    """Delete the rows that began before, one bucket of a kind at a time."""
    for kind in TALLIES:
        while (start := table.edge("min", kind, level.step_s, "<", before)) is not None:
            table.delete(kind, level.step_s, start)
            yield
