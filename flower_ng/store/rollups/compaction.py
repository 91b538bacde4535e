"""Compactor: makes ten minutes of minutes, hours of those, and deletes what is too old.

On the store thread, in slices: each reads or writes some hundred rows, in a transaction of its own.
A coarse row is always made anew of all its finer ones, so that doing it twice changes nothing; its
bucket's coverage is written last, and says that the bucket is complete.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import Any, Final

from flower_ng.store.rollups.levels import MINUTE_S, Level
from flower_ng.store.rollups.minutes import LATE_S
from flower_ng.store.rollups.tables import ROWS, Key, chosen, found, put
from flower_ng.store.rollups.tallies import COVERAGE, KINDS, TALLIES, Coverage, Tally, add_to

#: A bucket is compacted once no event can be added to it, and what was counted is written.
SETTLED_S: Final = LATE_S + 2 * MINUTE_S
#: Rows read or written in a slice: some milliseconds.
SLICE_ROWS: Final = 200
#: The writer of rows that were made of other rows.
NOBODY: Final = ""

_COVERED = "FROM rollup WHERE step_s = ? AND kind = ? AND start"
_IN_BUCKET = "step_s = ? AND kind = ? AND start >= ? AND start < ?"


class Compactor:
    """Keeps the coarser levels up with the finest, and each no longer than it should be kept."""

    def __init__(self, connection: sqlite3.Connection, levels: Sequence[Level], now: float) -> None:
        self._levels = levels
        self._work: Iterator[None] | None = None
        #: Up to where each coarser level is made; the newest bucket is made again.
        self._done = {
            level.step_s: _one(connection, f"max(start) {_COVERED} <= ?", level, COVERAGE, now) or 0
            for level in levels[1:]
        }

    def reopen(self, start: int) -> None:
        """Have all buckets from that of a minute on made anew, where they were made already."""
        for level in self._levels[1:]:
            if level.floor(start) < self._done[level.step_s]:
                self._done[level.step_s] = level.floor(start)
                self._work = None

    def slice(self, connection: sqlite3.Connection, now: float) -> bool:
        """Do a little of what is due; return whether there may be more."""
        work = self._work or self._due(connection, now)
        self._work = None  # what fails is begun anew
        for _ in work:
            self._work = work
            return True
        return False

    def _due(self, connection: sqlite3.Connection, now: float) -> Iterator[None]:
        for fine, coarse in pairwise(self._levels):
            while (start := self._next(connection, fine, coarse, now)) is not None:
                yield from _compact(connection, fine, coarse, start)
                self._done[coarse.step_s] = start + coarse.step_s
            yield from _prune(connection, fine, min(now - fine.keep_s, self._done[coarse.step_s]))
        yield from _prune(connection, self._levels[-1], now - self._levels[-1].keep_s)

    def _next(
        self, connection: sqlite3.Connection, fine: Level, coarse: Level, now: float
    ) -> int | None:
        """Return the start of the next bucket that has rows and is settled."""
        done = self._done[coarse.step_s]
        oldest = _one(connection, f"min(start) {_COVERED} >= ?", fine, COVERAGE, done)
        if oldest is None:
            return None
        start = coarse.floor(oldest)
        return start if start + coarse.step_s + SETTLED_S <= now else None


def _compact(
    connection: sqlite3.Connection, fine: Level, coarse: Level, start: int
) -> Iterator[None]:
    """Make one bucket of its finer rows; of each finer bucket one writer's rows are taken."""
    covered = found(_IN_BUCKET)
    asked = (fine.step_s, COVERAGE, start, start + coarse.step_s)
    best = chosen(ROWS[COVERAGE].decode(connection.execute(covered, asked).fetchone()[0]))
    for kind in KINDS:
        sums: dict[str, Any] = {}
        for rows in _pages(connection, fine, kind, start, start + coarse.step_s):
            for at, name, writer, tally in rows:
                if at in best and writer == best[at].writer:
                    add_to(sums, name, tally)
            yield
        left = iter(sums.items())
        while names := dict(islice(left, SLICE_ROWS)):
            _put(connection, coarse, kind, start, names)
            yield
    total = Coverage()
    for one in best.values():
        total.merge(one.coverage)
    _put(connection, coarse, COVERAGE, start, {"": total})


def _pages(
    connection: sqlite3.Connection, level: Level, kind: str, start: int, end: int
) -> Iterator[list[tuple[int, str, str, Any]]]:
    """Yield the rows of a bucket, some at a time."""
    query = found(
        "step_s = ? AND kind = ? AND start < ? AND (start, name, writer) > (?, ?, ?)"
        f" ORDER BY start, name, writer LIMIT {SLICE_ROWS}"
    )
    after: tuple[int, str, str] = (start - 1, "", "")
    while True:
        (text,) = connection.execute(query, (level.step_s, kind, end, *after)).fetchone()
        rows = ROWS[kind].decode(text)
        if rows:
            yield rows
        if len(rows) < SLICE_ROWS:
            return
        after = rows[-1][:3]


def _put(
    connection: sqlite3.Connection, level: Level, kind: str, start: int, names: Mapping[str, Tally]
) -> None:
    put(
        connection,
        ((Key(level.step_s, kind, start, name, NOBODY), tally) for name, tally in names.items()),
    )


def _prune(connection: sqlite3.Connection, level: Level, before: float) -> Iterator[None]:
    """Delete the rows that began before, one bucket of a kind at a time."""
    for kind in TALLIES:
        while (
            start := _one(connection, f"min(start) {_COVERED} < ?", level, kind, before)
        ) is not None:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(
                    "DELETE FROM rollup WHERE step_s = ? AND kind = ? AND start = ?",
                    (level.step_s, kind, start),
                )
            yield


def _one(
    connection: sqlite3.Connection, what: str, level: Level, kind: str, bound: float
) -> int | None:
    found: int | None = connection.execute(
        f"SELECT {what}", (level.step_s, kind, bound)
    ).fetchone()[0]
    return found
