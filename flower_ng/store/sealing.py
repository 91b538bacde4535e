"""Sealing: when tasks go into parts, and parts into larger ones. The index thread.

What changes is noted as it is written (numbering). To seal is
1. to have the writer raise, in `sealed`, the highest row id that may be in a part, and the epoch:
   each change to such a row is noted as one of the new epoch from now on;
2. to build a part of all that is in none, or changed up to the old epoch, and say so in the
   directory. What changed after the first step is noted, so that it does not matter whether the
   part saw it;
3. to forget the notes of the old epochs.
A crash between the steps loses nothing: what is noted is not yet, or no longer, looked up in parts.
"""

import logging
import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log as logarithm
from threading import Event, Thread
from time import monotonic
from typing import Final

import msgspec

from flower_ng.store.building import build
from flower_ng.store.old_index import Directory, Index, Part, directory, rename
from flower_ng.store.writer import Writer

log = logging.getLogger(__name__)

#: How often is looked what there is to do.
TICK_S: Final = 1.0
#: What is worth a part of its own waits so long for more.
QUIET_S: Final = 5.0
#: After a failure, as when the disk is full.
RETRY_S: Final = 60.0
#: The thread rests for so long after each second of work: the other core is not all ours,
REST: Final = 0.5
#: and for so long while it is busy: more tasks than this come in a second.
BUSY_REST: Final = 3.0
BUSY_RATE: Final = 1000.0
#: Steps of SQLite between two looks at whether to stop: some 10 ms.
STEPS: Final = 500_000


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows of parts: so few are worth one, so many are sealed at once, and none has more.

    So many parts of like size become one; stores of many tasks have larger parts, for each costs
    every query some 50 µs, and SQLite takes 500 SELECTs in one. Every query looks at each change
    of a row that is in a part: no more than `changed` of them wait. While it is busy, `busy` times
    as many wait: in a small store they are gone before they are worth a part, and in a large one
    they need not be indexed twice, in a small part and in a large one. A part is made again when
    less than one row in `sparse` is left of it, which should not be many times a row either.
    """

    least: int = 2_000
    usual: int = 16_000
    most: int = 128_000
    alike: int = 8
    parts: int = 48
    changed: int = 4_000
    busy: int = 8
    sparse: int = 2

    def while_busy(self) -> "Sizes":
        """Return the sizes for when much comes in, and what is there already soon goes."""
        usual, changed = self.usual * self.busy, self.changed * self.busy
        return replace(self, least=usual, usual=usual, changed=changed, sparse=2 * self.sparse)

    def is_due(self, new: int, changed: int, *, waited_s: float) -> bool:
        """Tell whether so many rows, that are in no part as they are, should be sealed."""
        if new + changed >= self.usual or changed >= self.changed:
            return True
        return new + changed >= self.least and waited_s >= QUIET_S

    def mergers(self, parts: Sequence[Part]) -> list[Part]:
        """Return the parts that should become one: those that are mostly gone, or many alike."""
        wasted = [part for part in parts if part.live * self.sparse < part.rows]
        if wasted:
            return list(self._fitting(wasted, parts)) or wasted[:1]
        for alike in self._tiers(parts):
            if len(alike) >= self.alike:
                fitting = list(self._fitting(alike, parts))
                if len(fitting) > 1:
                    return fitting
        return []

    def _tiers(self, parts: Sequence[Part]) -> list[list[Part]]:
        tiers: dict[int, list[Part]] = {}
        for part in parts:
            tier = int(logarithm(max(part.live, self.least) / self.least, self.alike))
            tiers.setdefault(tier, []).append(part)
        return [tiers[tier] for tier in sorted(tiers)]

    def _fitting(self, some: Sequence[Part], parts: Sequence[Part]) -> Iterator[Part]:
        """Yield the smallest of them that together are not too large."""
        room = max(self.most, sum(part.live for part in parts) // self.parts)
        for part in sorted(some, key=lambda part: part.live):
            room -= part.live
            if room < 0:
                return
            yield part


class _StoppedError(Exception):
    """The thread is to end."""


class Sealing:
    """The thread that keeps an index up to date, from `start` to `stop`.

    `bytes` is its size, `unindexed` how many tasks are in no part as they are, None until known.
    """

    def __init__(self, index: Index, writer: Writer, sizes: Sizes | None = None) -> None:
        self.bytes = 0
        self.unindexed: int | None = None
        self._connection = index.connection
        self._writer = writer
        self._sizes = sizes or Sizes()
        self._is_stopping = Event()
        self._sealed_at = monotonic()
        self._worked_at = 0.0
        self._newest = 0
        self._looked_at = float("-inf")
        self._is_busy = False
        self._forgotten: deque[Sequence[str]] = deque()
        self._thread = Thread(target=self._run, name="flower_ng-index", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._connection.set_progress_handler(self._is_stopping.is_set, STEPS)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what it was building is given up."""
        self._is_stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def forget(self, connection: sqlite3.Connection, uuids: Sequence[str]) -> None:
        """Have what is told of forgotten tasks leave the file too; on the store thread.

        Until it has, the index is not known to be the store's: after a crash it is made again.
        """
        self._forgotten.append(uuids)
        rename(connection)

    def _run(self) -> None:
        wait_s = 0.0
        while not self._is_stopping.wait(wait_s):
            wait_s = TICK_S
            try:
                while self.step():
                    pass
            except _StoppedError:
                return
            except Exception as error:  # noqa: BLE001 - the border of the thread
                if self._is_stopping.is_set():
                    return
                log.warning("The index of the store fell behind, and is tried again: %s", error)
                wait_s = RETRY_S

    def step(self) -> bool:
        """Do the most pressing thing that is due; return whether there was one."""
        seen = directory(self._connection)
        if self._forgotten:
            self._erase(seen)
            seen = directory(self._connection)
        newest, changed = self._connection.execute(
            "SELECT (SELECT coalesce(max(id), 0) FROM task),"
            " (SELECT count(*) FROM stale WHERE epoch > ? AND id <= ?)",
            (seen.epoch, seen.mark),
        ).fetchone()
        self._look(newest)
        sizes = self._sizes.while_busy() if self._is_busy else self._sizes
        new = max(0, newest - seen.mark)
        if new >= sizes.usual:  # ids: many of their rows may be gone
            (held,) = self._connection.execute("SELECT count(*) FROM task").fetchone()
            new = min(new, held)
        self.unindexed = new + changed
        if sizes.is_due(new, changed, waited_s=monotonic() - self._sealed_at):
            self._seal(seen, sizes.most if new >= sizes.least else 0)
        elif merged := sizes.mergers(seen.parts):
            self._build(seen, seen.mark, seen.epoch, merged)
        else:
            self._measure()
            return False
        return True

    def _seal(self, seen: Directory, limit: int) -> None:
        """Put what changed, and up to `limit` new rows, into one part."""
        new = "SELECT id FROM task WHERE id > ? ORDER BY id LIMIT ?"
        (mark,) = self._connection.execute(
            f"SELECT coalesce(max(id), ?) FROM ({new})", (seen.mark, seen.mark, limit)
        ).fetchone()
        self._writer.run(lambda connection: _raise(connection, mark)).result()
        (epoch,) = self._connection.execute("SELECT epoch - 1 FROM sealed").fetchone()
        self._build(seen, mark, epoch, ())
        self._writer.run(lambda connection: _forget(connection, epoch)).result()
        self._sealed_at = monotonic()

    def _build(self, seen: Directory, mark: int, epoch: int, merged: Sequence[Part]) -> None:
        self._worked_at = monotonic()
        build(self._connection, seen, mark=mark, epoch=epoch, merged=merged, pause=self._pause)

    def _erase(self, seen: Directory) -> None:
        """Make the parts again that held forgotten tasks, and overwrite what they were."""
        (name,) = self._connection.execute("SELECT value FROM meta WHERE key = 'index'").fetchone()
        batches = list(self._forgotten)
        uuids = msgspec.json.encode([uuid for batch in batches for uuid in batch]).decode()
        self._connection.execute("PRAGMA main.secure_delete = ON")
        for part in seen.parts:
            held = f"SELECT 1 FROM part{part.number} WHERE uuid IN (SELECT value FROM json_each(?))"
            if self._connection.execute(f"{held} LIMIT 1", (uuids,)).fetchone():
                now = directory(self._connection)
                self._build(now, now.mark, now.epoch, [part])
        self._connection.execute("PRAGMA main.secure_delete = OFF")
        checkpoint = "PRAGMA main.wal_checkpoint(TRUNCATE)"
        (is_busy, *_) = self._connection.execute(checkpoint).fetchone()
        if is_busy:
            return  # a reader still sees it: the next look tries again
        for _ in batches:
            self._forgotten.popleft()
        if not self._forgotten:
            self._connection.execute("UPDATE directory SET store = ?", (name,))

    def _look(self, newest: int) -> None:
        """See how fast tasks come in: while they do, others have more need of the cores."""
        now = monotonic()
        if now - self._looked_at >= TICK_S:
            self._is_busy = newest - self._newest > BUSY_RATE * (now - self._looked_at)
            self._newest, self._looked_at = newest, now

    def _pause(self) -> None:
        worked_s = monotonic() - self._worked_at
        rest = BUSY_REST if self._is_busy else REST
        if self._is_stopping.wait(worked_s * rest) if worked_s > TICK_S / 100 else False:
            raise _StoppedError
        self._worked_at = monotonic()

    def _measure(self) -> None:
        pages, free, size = (
            self._connection.execute(f"PRAGMA main.{pragma}").fetchone()[0]
            for pragma in ("page_count", "freelist_count", "page_size")
        )
        self.bytes = (pages - free) * size


def _raise(connection: sqlite3.Connection, mark: int) -> None:
    connection.execute("UPDATE sealed SET id = max(id, ?), epoch = epoch + 1", (mark,))


def _forget(connection: sqlite3.Connection, epoch: int) -> None:
    connection.execute("DELETE FROM stale WHERE epoch <= ?", (epoch,))
