"""Rollups: has what was counted written each second, and the past compacted. On the loop."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from flower_ng.store.rollups.compaction import Compactor
from flower_ng.store.rollups.coverage import Ingest, Watch
from flower_ng.store.rollups.ledger import Ledger
from flower_ng.store.rollups.levels import LEVELS, Level
from flower_ng.store.rollups.minutes import Minute, Minutes
from flower_ng.store.rollups.tables import Table
from flower_ng.store.tables.dialect import SQLITE, Dialect
from flower_ng.store.tables.errors import DATABASE_ERRORS
from flower_ng.store.writing.write_behind import StoreThread, WriteBehind

log = logging.getLogger(__name__)

#: A kill -9 costs at most this, and the time of one write.
TICK_S: Final = 0.75
#: Of each second the store thread compacts no longer than this, and the slice that it is in.
COMPACTING_S: Final = 0.02


class Rollups:
    """What happened per minute; `minutes` is the Observer that counts it.

    `writer` tells several dashboards that share one store apart. `failing` says why the newest
    write failed, None when it did not; what could not be written is written with the next.
    """

    def __init__(
        self,
        *,
        levels: Sequence[Level] = LEVELS,
        dialect: Dialect = SQLITE,
        writer: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.minutes = Minutes(clock)
        self.levels = levels
        self.dialect = dialect
        self._behind = WriteBehind(
            "numbers per minute",
            take=self.minutes.take,
            write=self._keep,
            put_back=self.minutes.put_back,
            give_up=self._give_up,
        )
        self._writer = writer
        self._clock = clock
        self._watch: Watch | None = None
        self._ledger: Ledger  # the store thread's, as is the next
        self._compactor: Compactor
        self._timer: asyncio.TimerHandle | None = None

    @property
    def failing(self) -> str | None:
        """Why the newest write failed, None when it did not."""
        return self._behind.failing

    def open(self, thread: StoreThread) -> None:
        """Read what the minutes under way hold; blocks, before the loop runs."""
        thread.run(self._open).result()
        self._behind.open(thread)

    def begin(self, ingest: Callable[[], Ingest]) -> None:
        """Write each second from now on, and note when `ingest` says that events can arrive."""
        if self._behind.is_open:
            self._watch = Watch(ingest, self.minutes.heard_at)
            self._tick()

    def stop(self) -> None:
        """Write what is left; blocks. A second call does nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._look()
        self._behind.stop()
        self._watch = None

    def flush(self) -> None:
        """Write what was counted, now; blocks."""
        self._look()
        self._behind.flush()

    async def settled(self) -> None:
        """Return when all that was counted before is written, or the writer fails or is late."""
        self._look()
        await self._behind.settled()

    def _open(self, connection: sqlite3.Connection) -> None:
        table, now = Table(connection, self.dialect), self._clock()
        table.create()
        self._ledger = Ledger(writer=self._writer)
        self._compactor = Compactor(table, self.levels, now)

    def _keep(self, connection: sqlite3.Connection, minutes: Mapping[int, Minute]) -> None:
        """Add minutes to what is kept, then compact a little; on the store thread."""
        table, now = Table(connection, self.dialect), self._clock()
        if minutes:
            self._ledger.write(table, minutes, now)
            self._compactor.reopen(min(minutes))
        with suppress(*DATABASE_ERRORS):  # the next write will say so
            end = time.perf_counter() + COMPACTING_S
            while self._compactor.slice(table, now) and time.perf_counter() < end:
                pass

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)
        self._look()
        self._behind.start()

    def _look(self) -> None:
        """Note what is not told by events."""
        if self._watch is not None:
            for start, coverage in self._watch.look(self._clock()):
                self.minutes.cover(start, coverage)
        self.minutes.sample_workers()

    def _give_up(self, minutes: Mapping[int, Minute]) -> None:
        self.minutes.given_up += len(minutes)
