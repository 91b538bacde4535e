"""Events, tallies and a store thread for the tests of the rollups."""

import asyncio
import sqlite3
from concurrent.futures import Future
from contextlib import contextmanager

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.records import Task, Worker
from flower_ng.store.rollups.series import SeriesQuery, series
from flower_ng.store.rollups.tables import Compactor, Ledger, Table
from flower_ng.store.rollups.tallies import LEVELS, Coverage, Minute

#: A full hour, UTC seconds.
HOUR = 1_000_000_800
assert HOUR % 3600 == 0


def told(kind: str, at: float, name: str | None = "shop.add", *, runtime=None, **times) -> Change:
    """What the state makes of a task's event."""
    retries = times.get("retries")
    event = Event(
        f"task-{kind}", "w1@box", at, uuid="u", name=name, runtime=runtime, retries=retries
    )
    return Change(event, Task("u", name=name, **times), Worker("w1@box"))


def beat(at: float, worker: Worker) -> Change:
    return Change(Event("worker-heartbeat", worker.hostname, at), None, worker)


def minute(*, observed_ms: int = 60_000, dropped: int = 0, **succeeded: int) -> Minute:
    """A minute in which tasks of some types succeeded, each after a second."""
    made = Minute()
    made.coverage = Coverage(observed_ms, dropped)
    for name, count in succeeded.items():
        tally = made.tally("task", name)
        tally.counts[3] += count
        for _ in range(count):
            tally.run.add(1.0)
    return made


class Base:
    """The table in memory, and the store thread's half of the rollups on it."""

    def __init__(self, levels=LEVELS) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.levels = levels
        self.table = Table(self.connection)
        self.table.create()

    def write(self, minutes: dict[int, Minute], *, writer: str = "") -> None:
        now = max(minutes, default=0)
        Ledger(writer=writer).write(self.table, minutes, now)

    def compact(self, now: float) -> int:
        """Do all that is due, and return in how many slices."""
        compactor, slices = Compactor(self.table, self.levels, now), 0
        while compactor.slice(self.table, now):
            slices += 1
        return slices

    def rows(self, step_s: int, kind: str = "task") -> list[tuple]:
        asked = "SELECT start, name, body FROM rollup WHERE step_s = ? AND kind = ? ORDER BY 1, 2"
        return self.connection.execute(asked, (step_s, kind)).fetchall()

    async def row(self, statement, parameters):
        """Read at once: stands in for the reader's threads, which other tests have."""
        return self.connection.execute(statement, parameters).fetchone()

    def series(self, kind="task", names=("",), *, start, end, step_s, now, **others):
        query = SeriesQuery(kind, names, start, end, step_s, **others)
        return asyncio.run(series(self, query, self.levels, now))


@contextmanager
def base(levels=LEVELS):
    made = Base(levels)
    yield made
    made.connection.close()


class Thread:
    """Stands in for the store thread: tests decide when a job is run and how it ends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.error: Exception | None = None
        self.hold = False
        self.held: list = []

    def run(self, job) -> Future:
        future: Future = Future()
        if self.hold:
            self.held.append((job, future))
        else:
            self._do(job, future)
        return future

    def release(self) -> None:
        self._do(*self.held.pop(0))

    def _do(self, job, future: Future) -> None:
        if self.error:
            future.set_exception(self.error)
            return
        try:
            future.set_result(job(self.connection))
        except sqlite3.Error as error:
            future.set_exception(error)
