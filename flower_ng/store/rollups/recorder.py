"""Rollups: has what was counted written each second, and the past compacted. On the loop."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from flower_ng.store.dialect import SQLITE, Dialect
from flower_ng.store.failure import DATABASE_ERRORS, may_pass
from flower_ng.store.rollups.compaction import Compactor
from flower_ng.store.rollups.coverage import Ingest, Watch
from flower_ng.store.rollups.ledger import Ledger
from flower_ng.store.rollups.levels import LEVELS, Level
from flower_ng.store.rollups.minutes import Minute, Minutes
from flower_ng.store.rollups.tables import Table

if TYPE_CHECKING:
    from concurrent.futures import Future

log = logging.getLogger(__name__)

#: A kill -9 costs at most this, and the time of one write.
TICK_S: Final = 0.75
#: Of each second the store thread compacts no longer than this, and the slice that it is in.
COMPACTING_S: Final = 0.02
#: A reader waits no longer than this for a writer that has fallen behind.
READER_WAITS_S: Final = 5.0


class StoreThread(Protocol):
    """The thread that alone writes."""

    def run(self, job: Callable[[sqlite3.Connection], None], /) -> "Future[None]":
        """Run a job on its connection, after what was handed in before."""


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
        self.failing: str | None = None
        self._writer = writer
        self._clock = clock
        self._watch: Watch | None = None
        self._thread: StoreThread | None = None
        self._ledger: Ledger  # the store thread's, as is the next
        self._compactor: Compactor
        self._timer: asyncio.TimerHandle | None = None
        self._under_way: tuple[Mapping[int, Minute], Future[None]] | None = None
        self._waiting: list[asyncio.Future[None]] = []

    def open(self, thread: StoreThread) -> None:
        """Read what the minutes under way hold; blocks, before the loop runs."""
        thread.run(self._open).result()
        self._thread = thread

    def begin(self, ingest: Callable[[], Ingest]) -> None:
        """Write each second from now on, and note when `ingest` says that events can arrive."""
        if self._thread is not None:
            self._watch = Watch(ingest, self.minutes.heard_at)
            self._tick()

    def stop(self) -> None:
        """Write what is left; blocks. A second call does nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.flush()
        self._watch = self._thread = None

    def flush(self) -> None:
        """Write what was counted, now; blocks."""
        self._finish()
        self._look()
        self._start()
        self._finish()

    async def settled(self) -> None:
        """Return when all that was counted before is written, or the writer fails or is late."""
        await self._done()
        self._look()
        self._start()
        await self._done()

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
        self._start()

    def _look(self) -> None:
        """Note what is not told by events."""
        if self._watch is not None:
            for start, coverage in self._watch.look(self._clock()):
                self.minutes.cover(start, coverage)
        self.minutes.sample_workers()

    def _start(self) -> None:
        """Hand over what was counted, unless something is under way."""
        if self._under_way is not None or self._thread is None:
            return
        taken = self.minutes.take()
        future = self._thread.run(lambda connection: self._keep(connection, taken))
        self._under_way = taken, future
        with suppress(RuntimeError):  # no loop is running
            loop = asyncio.get_running_loop()
            future.add_done_callback(lambda _: _call(loop, self._finished, future))

    def _finished(self, future: "Future[None]") -> None:
        if self._under_way is not None and self._under_way[1] is future:
            self._finish()

    def _finish(self) -> None:
        if self._under_way is None:
            return
        taken, future = self._under_way
        error = future.exception()
        self._under_way = None
        if error is not None and may_pass(error):
            self.minutes.put_back(taken)
        elif error is not None:  # it would fail again and hold up all that follows
            self.minutes.given_up += len(taken)
        self._note(error)
        for reader in self._waiting:
            if not reader.done():
                reader.set_result(None)
        self._waiting = []

    def _note(self, error: BaseException | None) -> None:
        """Log the first of several failures."""
        if error is not None and self.failing is None:
            log.error("The numbers per minute could not be written", exc_info=error)
        self.failing = None if error is None else str(error)

    async def _done(self) -> None:
        if self._under_way is not None:
            reader = asyncio.get_running_loop().create_future()
            self._waiting.append(reader)
            await asyncio.wait([reader], timeout=READER_WAITS_S)


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[..., Any], *args: Any) -> None:
    """Come back from the store thread; a loop that has ended leaves the rest to `stop`."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(callback, *args)
