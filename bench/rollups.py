"""Measures the numbers over time: counting on the loop, writing, compacting, reading.

    python bench/rollups.py [task types, 50] [minutes, 1440]

Each minute has 20 tasks of each type, with their run time and both waits.
"""

import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.records import Task, Worker
from flower_ng.store.rollups.minutes import Minutes
from flower_ng.store.rollups.points import SeriesQuery
from flower_ng.store.rollups.series import series
from flower_ng.store.rollups.tables import SETTLED_S, Compactor, Ledger, Table
from flower_ng.store.rollups.tallies import DAY_S, HOUR_S, LEVELS, Coverage, Minute

START = 1_800_000_000 // DAY_S * DAY_S
EVENTS = 150_000


class Reader:
    """Reads in a thread, as the store's reader does."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False)

    async def row(self, statement: str, parameters: Any) -> tuple[Any, ...]:
        """Return the one row of a query."""
        return await asyncio.to_thread(
            lambda: self._connection.execute(statement, parameters).fetchone()
        )


def changes(types: int, rnd: random.Random) -> Iterator[Change]:
    """Yield what the state makes of four events a task, and of a heartbeat each 50 events."""
    now, box = time.time() - 5, Worker("w@box", heartbeats=(1.0,))
    for number in range(EVENTS // 4):
        task = Task("u", name=f"shop.tasks.number_{number % types}", sent=now - 1, received=now)
        for kind in ("sent", "received", "started"):
            yield Change(Event(f"task-{kind}", "w@box", now + rnd.random(), uuid="u"), task, box)
        runtime = rnd.lognormvariate(-1, 0.6)
        yield Change(Event("task-succeeded", "w@box", now, uuid="u", runtime=runtime), task, box)
        if not number % 12:
            yield Change(Event("worker-heartbeat", "w@box", now), None, box)


def counting_us(types: int, rnd: random.Random) -> float:
    """Return the loop's time for one event."""
    minutes, made = Minutes(time.time), list(changes(types, rnd))
    began = time.thread_time()
    for number, change in enumerate(made):
        minutes.observe(change)
        if not number % 6000:
            minutes.take()
    return (time.thread_time() - began) / len(made) * 1e6


def minute(types: int, rnd: random.Random) -> Minute:
    """Return a minute of 20 tasks of each type."""
    made = Minute()
    made.coverage = Coverage(60_000)
    for number in range(types):
        tally = made.tally("task", f"shop.tasks.number_{number}")
        tally.counts[:4] = [20] * 4
        for _ in range(20):
            tally.run.add(rnd.lognormvariate(-1, 0.6))
            tally.queued.add(rnd.lognormvariate(-3, 1))
            tally.wait.add(rnd.lognormvariate(-3, 1))
    return made


def write(table: Table, types: int, minutes: int, rnd: random.Random) -> list[float]:
    """Write so many minutes; return the seconds that each took."""
    ledger, spent_s = Ledger(writer=""), []
    some = [minute(types, rnd) for _ in range(10)]
    for number in range(minutes):
        at = START + 60 * number
        began = time.perf_counter()
        ledger.write(table, {at: some[number % 10]}, at)
        spent_s.append(time.perf_counter() - began)
    return spent_s


def compact(table: Table, now: float) -> list[float]:
    """Compact all; return the seconds that each slice took."""
    compactor, spent_s, more = Compactor(table, LEVELS, now), [], True
    while more:
        began = time.perf_counter()
        more = compactor.slice(table, now)
        spent_s.append(time.perf_counter() - began)
    return spent_s


def reading(path: Path, end: int) -> Iterator[tuple[str, float]]:
    """Yield what was asked, and the seconds to the answer."""
    one, day, hour = ("shop.tasks.number_0",), end - DAY_S + 2 * HOUR_S, end - HOUR_S
    asked = {
        "one type, an hour by minute": SeriesQuery("task", one, hour, end, 60),
        "one type, a day by 10 minutes": SeriesQuery("task", one, day, end, 600),
        "all types together, a day by 10 minutes": SeriesQuery("task", ("",), day, end, 600),
        "each type, an hour in one": SeriesQuery("task", None, hour, end, HOUR_S),
        "each type, a day by hour": SeriesQuery("task", None, day, end, HOUR_S),
        "the same without percentiles": SeriesQuery(
            "task", None, day, end, HOUR_S, percentiles=False
        ),
        "each type, a day by 10 minutes": SeriesQuery(
            "task", None, day, end, 600, max_points=10**6
        ),
    }
    reader = Reader(path)
    for label, query in asked.items():
        began = time.perf_counter()
        asyncio.run(series(reader, query, LEVELS, end))
        yield label, time.perf_counter() - began


def main() -> None:
    """Measure, and print."""
    types, minutes = (*map(int, sys.argv[1:]), *(50, 1440)[len(sys.argv) - 1 :])
    rnd = random.Random(1)
    print(f"counting: {min(counting_us(types, rnd) for _ in range(5)):.2f} us of the loop an event")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rollups.sqlite3"
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        table = Table(connection)
        table.create()
        spent_s = write(table, types, minutes, rnd)
        print(f"writing {types} types: {sum(spent_s) / minutes * 1e3:.1f} ms a write")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        print(f"a minute's row: {path.stat().st_size / minutes / types:.0f} bytes")
        slices_s = compact(table, START + minutes * 60 + SETTLED_S)
        print(
            f"compacting {minutes} minutes: {sum(slices_s) * 1e3:.0f} ms in {len(slices_s)} slices,"
            f" the longest {max(slices_s) * 1e3:.1f} ms"
        )
        for label, took_s in reading(path, START + minutes * 60):
            print(f"reading {label}: {took_s * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
