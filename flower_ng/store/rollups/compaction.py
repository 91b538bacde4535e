"""Compactor: sums minutes into ten minutes, those into hours, and deletes old ones.

On the store thread, in slices: each reads or writes some hundred rows, in a transaction of its own.
A coarse row is always made anew of all its finer ones, so that doing it twice changes nothing; its
bucket's coverage is written last, and says that the bucket is complete.
"""

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import Any, Final

from flower_ng.store.rollups.minutes import LATE_S
from flower_ng.store.rollups.tables import Key, Row, Table, chosen
from flower_ng.store.rollups.tallies import (
    COVERAGE,
    KINDS,
    MINUTE_S,
    TALLIES,
    Coverage,
    RollupLevel,
    add_to,
)

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
