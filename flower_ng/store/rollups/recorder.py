"""Writes the counts of each minute once a second, and runs the compaction. On the loop."""

import asyncio
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from flower_ng.store.rollups.minutes import Minutes
from flower_ng.store.rollups.tables import Compactor, Ledger, Table
from flower_ng.store.rollups.tallies import (
    LEVELS,
    MINUTE_S,
    Coverage,
    Minute,
    RollupLevel,
    minute_of,
)
from flower_ng.store.tables.dialect import DATABASE_ERRORS, SQLITE, Dialect
from flower_ng.store.writing.write_behind import StoreThread, WriteBehind

#: Looks further apart alone prove nothing of the time between: the machine may have slept.
MAX_BETWEEN_S: Final = 30.0
#: Looks that are remembered: those of the longest silence before a connection is taken for lost.
MOST_LOOKS: Final = 256


@dataclass(frozen=True, slots=True)
class IngestStatus:
    """Whether events can arrive, by the time since which they can (None: not now); the dropped.

    `missing_since` is since when events may be missing if that was before a connection went.
    """

    connected_since: float | None
    dropped: int
    missing_since: float | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which nobody looked, as when the machine slept, and the connection before it."""

    start: float
    end: float
    connected_since: float


class CoverageWatch:
    """Looks at the ingest now and then; time between two looks at one connection was observed.

    So was a pause, as far as what happened in it was told of later: brokers keep events for us.
    Where a connection was lost after a silence that nobody could notice, that is taken back.
    `heard` gives the time of the newest sign of life of any worker since it was last asked, by the
    worker's clock; 0 where there was none.
    """

    def __init__(
        self, ingest: Callable[[], IngestStatus], heard: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._ingest, self._heard = ingest, heard
        self._seen_at = 0.0
        self._seen: IngestStatus | None = None
        self._pause: Pause | None = None
        self._observed: deque[tuple[float, float]] = deque(maxlen=MOST_LOOKS)

    def look(self, now: float) -> Iterator[tuple[int, Coverage]]:
        """Yield what was covered since the last look, by the start of the minute."""
        then, before = self._seen_at, self._seen
        seen = self._ingest()
        self._seen_at, self._seen = now, seen
        if before is None:
            return
        since = before.connected_since
        is_one_connection = since is not None and since == seen.connected_since
        if now - then > MAX_BETWEEN_S and since is not None:
            self._pause = Pause(then, now, since)
        elif is_one_connection and 0 < now - then <= MAX_BETWEEN_S:
            self._observed.append((then, now))
            yield from _spans(then, now)
        elif since is not None and not is_one_connection:
            yield from self._taken_back(since, seen.missing_since)
        if self._pause is not None:
            yield from self._caught_up(self._pause, seen)
        if seen.dropped > before.dropped:
            yield minute_of(now), Coverage(dropped=seen.dropped - before.dropped)

    def _taken_back(self, since: float, missing: float | None) -> Iterator[tuple[int, Coverage]]:
        """Yield what was taken for observed though events of it may be missing, below zero."""
        if missing is not None and missing >= since:
            for start, end in self._observed:
                for minute, coverage in _spans(max(start, missing), end):
                    yield minute, Coverage(-coverage.observed_ms)
        self._observed.clear()

    def _caught_up(self, pause: Pause, seen: IngestStatus) -> Iterator[tuple[int, Coverage]]:
        """Yield what was told of a pause since; a later connection tells nothing of before it."""
        heard_at, end = self._heard(), pause.end
        if seen.connected_since == pause.connected_since:
            heard_at = min(heard_at, end)
        elif seen.connected_since is not None:
            end = min(end, seen.connected_since)
        if pause.start < heard_at <= end:
            yield from _spans(pause.start, heard_at)
            self._pause = replace(pause, start=heard_at) if heard_at < pause.end else None


def _spans(start: float, end: float) -> Iterator[tuple[int, Coverage]]:
    """Yield the milliseconds between two times by minute; rounding adds none and loses none."""
    start_ms, end_ms = round(start * 1000), round(end * 1000)
    while start_ms < end_ms:
        minute = start_ms // 60_000
        until_ms = min(end_ms, (minute + 1) * 60_000)
        yield minute * MINUTE_S, Coverage(until_ms - start_ms)
        start_ms = until_ms


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
        levels: Sequence[RollupLevel] = LEVELS,
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
        self._watch: CoverageWatch | None = None
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

    def begin(self, ingest: Callable[[], IngestStatus]) -> None:
        """Write each second from now on, and note when `ingest` says that events can arrive."""
        if self._behind.is_open:
            self._watch = CoverageWatch(ingest, self.minutes.heard_at)
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

    def _give_up(self, minutes: Mapping[int, Minute], _: BaseException) -> None:
        self.minutes.given_up += len(minutes)
