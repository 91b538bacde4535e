"""The limits of the store: which tasks are deleted, when, and why. On the store thread."""

import shutil
import sqlite3
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from flower_ng.store.tables.dialect import SQLITE, Dialect
from flower_ng.store.tables.schema import FINISHED
from flower_ng.store.writing.writer import delete_tasks

#: No store is larger unless somebody says so.
MOST_BYTES: Final = 10_000_000_000


#: What a store in memory may take where nothing can be written.
MEMORY_BYTES: Final = 500_000_000


def usual_max_bytes(path: Path | None) -> int:
    """Return 10 GB, or half of what would be free on the disk without the store, if that is less.

    `path` is the store's, None for a temporary one. What the store takes already counts as free:
    else each start would leave it half of what the last one did.
    """
    try:
        folder = existing(path.parent) if path else Path(tempfile.gettempdir())
        free = shutil.disk_usage(folder).free
    except OSError:  # there is no such folder: opening the store will say so
        return MOST_BYTES
    kept = (f"{path.name}.sqlite3*", f"{path.name}.index/*") if path else ()
    own = sum(_file_bytes(file) for pattern in kept for file in folder.glob(pattern))
    return min(MOST_BYTES, (free + own) // 2)


def existing(folder: Path) -> Path:
    """Return the folder, or the nearest above it that is there."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.is_dir())


def _file_bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


#: Rows of one transaction: some 20 ms of the store thread.
STEP_ROWS: Final = 2000
#: A bound that bites takes one part in so many at once: what was written together goes together.
PARTS: Final = 50
#: Smaller bounds are kept to the row, with each write; larger ones are kept within a second or so.
EXACT_BELOW: Final = 25_000
#: Rows that are looked up at once.
FOUND_ROWS: Final = 20_000
#: How often age and size are looked at.
LOOK_EVERY_S: Final = 60.0

MAX_TASKS, MAX_AGE, MAX_FAILURE_AGE, MAX_BYTES, FORGOTTEN = REASONS = (
    "max_tasks", "max_age", "max_failure_age", "max_bytes", "forgotten",
)  # fmt: skip

_FINISHED: Final = f"state IN ({', '.join(repr(state) for state in FINISHED)})"
_FAILED: Final = "state = 'FAILURE'"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long tasks are kept, by their newest event, and in how much room; None is for ever.

    `max_failure_age_s` is for tasks that failed, `max_age_s` for all others, `audit_age_s` for the
    record of who did what. `max_bytes` counts
    what the file and its index hold, not the room in them that is free for what comes.
    """

    max_age_s: float | None = None
    max_failure_age_s: float | None = None
    max_bytes: int | None = None
    audit_age_s: float | None = None


NO_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class StoreSize:
    """What the store holds: tasks, bytes, and when the oldest and newest were last heard of."""

    tasks: int = 0
    bytes: int = 0
    oldest: float | None = None
    newest: float | None = None


class Sweep:
    """Deletes what is over a bound: in each case the oldest, of finished tasks first.

    Belongs to the store thread; `held`, `deleted` (by reason, since the start) and `is_behind`
    (there is more to delete now) may be read on any. `index_bytes` tells the size of the index.
    """

    def __init__(
        self,
        *,
        max_tasks: int,
        limits: Limits,
        clock: Callable[[], float],
        dialect: Dialect = SQLITE,
        index_bytes: Callable[[], int] = lambda: 0,
    ) -> None:
        self.held = StoreSize()
        self.deleted = dict.fromkeys(REASONS, 0)
        self.is_behind = False
        self.max_tasks = max_tasks
        self.limits = limits
        self._clock = clock
        self._dialect = dialect
        self._index_bytes = index_bytes
        self._tasks = 0
        self._due: deque[tuple[str, Sequence[int]]] = deque()
        self._too_large = 0  # tasks to delete for max_bytes
        self._looked_at = float("-inf")

    def narrow(self, max_bytes: int) -> None:
        """Keep no more bytes than that, from the start on: the store is not where it was to be."""
        at_most = min(max_bytes, self.limits.max_bytes or max_bytes)
        self.limits = replace(self.limits, max_bytes=at_most)

    @property
    def held_tasks(self) -> int | None:
        """How many tasks there are; None where others write too. Of any thread."""
        return None if self._dialect.is_shared else self._tasks

    def open(self, connection: sqlite3.Connection) -> None:
        """Count what is there, and keep a small bound."""
        self._recount(connection)
        self.wrote(connection, 0)
        self.measure(connection)

    def wrote(self, connection: sqlite3.Connection, tasks: int) -> None:
        """Take note of new tasks; a bound that is small is kept at once."""
        self._tasks += tasks
        if self.max_tasks < EXACT_BELOW and (surplus := self._surplus(connection)):
            self._find_oldest(connection, MAX_TASKS, surplus)
            while self._due:
                self._delete_due(connection)

    def step(self, connection: sqlite3.Connection) -> None:
        """Delete up to STEP_ROWS of what is over a bound, in one transaction."""
        leads = self._leads(connection)
        if not self._due:
            self._look(connection, leads=leads)
        if self._due and leads:
            self._delete_due(connection)
        is_over = self._due or self._too_large or self._tasks > self.max_tasks
        self.is_behind = bool(leads and is_over)
        self.measure(connection)

    def forget(self, connection: sqlite3.Connection, uuids: Sequence[str]) -> None:
        """Delete these tasks, and overwrite in the file what was known of them."""
        before, after = self._dialect.overwriting
        for statement in before:
            connection.execute(statement)
        try:
            gone = delete_tasks(connection, self._dialect, "uuid", uuids)
        finally:
            for statement in after:
                connection.execute(statement)
        self._count(FORGOTTEN, gone)
        self.measure(connection)

    def measure(self, connection: sqlite3.Connection) -> None:
        """See what the store holds."""
        bounds = "(SELECT min(timestamp) FROM task), (SELECT max(timestamp) FROM task)"
        oldest, newest = connection.execute(f"SELECT {bounds}").fetchone()
        size = self._used_bytes(connection)
        self.held = StoreSize(self._tasks, size, oldest, newest)

    def _leads(self, connection: sqlite3.Connection) -> bool:
        """Return whether it is us who delete; among several that share a store, one does."""
        return bool(connection.execute(self._dialect.leads).fetchone()[0])

    def _surplus(self, connection: sqlite3.Connection) -> int:
        """Return how many tasks there are too many of, and are ours to delete."""
        if self._tasks <= self.max_tasks or not self._leads(connection):
            return 0
        if self._dialect.is_shared:
            self._recount(connection)
        return max(0, self._tasks - self.max_tasks)

    def _look(self, connection: sqlite3.Connection, *, leads: bool) -> None:
        """Find what is over a bound; the number is looked at each time, the rest once a minute."""
        if surplus := self._surplus(connection):
            self._find_oldest(connection, MAX_TASKS, max(surplus, self.max_tasks // PARTS))
        elif self._too_large:
            self._too_large -= self._find_oldest(connection, MAX_BYTES, self._too_large)
        elif self._clock() - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = self._clock()
            if self._dialect.is_shared:
                self._recount(connection)
            if leads:
                self._find_aged(connection)
                self._too_large = self._surplus_by_size(connection)

    def _recount(self, connection: sqlite3.Connection) -> None:
        """Count the rows; those that others write and delete are known only by that."""
        (self._tasks,) = connection.execute(f"SELECT {self._dialect.number_of_tasks}").fetchone()

    def _find_aged(self, connection: sqlite3.Connection) -> None:
        ages = (
            (MAX_FAILURE_AGE, self.limits.max_failure_age_s, _FAILED),
            (MAX_AGE, self.limits.max_age_s, f"NOT {_FAILED}"),
        )
        for reason, age_s, condition in ages:
            if age_s is not None:
                before = self._clock() - age_s
                aged = f"timestamp < ? AND {condition}"
                if self._find(connection, reason, aged, FOUND_ROWS, before) == FOUND_ROWS:
                    self._looked_at = float("-inf")  # there are more

    def _surplus_by_size(self, connection: sqlite3.Connection) -> int:
        """Return without how many tasks the rest has room, and some to spare, by their average."""
        used, allowed = self._used_bytes(connection), self.limits.max_bytes
        if allowed is None or used <= allowed:
            return 0
        return -(-self._tasks * (used - allowed + allowed // PARTS) // used)

    def _used_bytes(self, connection: sqlite3.Connection) -> int:
        """Return what is in use; free pages are used again before a file grows."""
        (used,) = connection.execute(self._dialect.used_bytes).fetchone()
        return int(used) + self._index_bytes()

    def _find_oldest(self, connection: sqlite3.Connection, reason: str, count: int) -> int:
        """Note the oldest for deletion, finished ones first; return how many `count` is down by."""
        wanted = min(count, FOUND_ROWS)
        found = self._find(connection, reason, _FINISHED, wanted)
        if found < wanted:
            self._find(connection, reason, f"NOT {_FINISHED}", wanted - found)
        return wanted

    def _find(
        self, connection: sqlite3.Connection, reason: str, condition: str, count: int, *values: Any
    ) -> int:
        """Note the oldest that meet a condition for deletion, and return how many they are."""
        oldest = f"SELECT id FROM task WHERE {condition} ORDER BY timestamp, uuid LIMIT ?"
        ids = self._dialect.array_of("id")
        (found,) = connection.execute(
            f"SELECT {ids} FROM ({oldest}) found", (*values, count)
        ).fetchone()
        rows = msgspec.json.decode(found, type=list[int])
        self._due.extend(
            (reason, rows[start : start + STEP_ROWS]) for start in range(0, len(rows), STEP_ROWS)
        )
        return len(rows)

    def _delete_due(self, connection: sqlite3.Connection) -> None:
        reason, ids = self._due[0]
        gone = delete_tasks(connection, self._dialect, "id", ids)
        self._due.popleft()
        self._count(reason, gone)

    def _count(self, reason: str, gone: int) -> None:
        self._tasks -= gone
        self.deleted[reason] += gone
