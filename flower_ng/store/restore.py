"""What a file held when it was opened, as the records of the monitor. At the start, blocking."""

import sqlite3
from collections.abc import Iterator
from sys import intern
from typing import Any

import msgspec

from flower_ng.monitor.records import Task, Worker
from flower_ng.store.dialect import SQLITE, Dialect
from flower_ng.store.rows import Restored
from flower_ng.store.schema import COLUMNS, FINISHED, value

_CHUNK_ROWS = 1000
_NEWEST = "SELECT timestamp FROM task ORDER BY timestamp DESC, uuid DESC LIMIT 1 OFFSET ?"
_UNFINISHED = f"state NOT IN ({', '.join(repr(state) for state in FINISHED)})"


def restored(connection: sqlite3.Connection, max_tasks: int, dialect: Dialect = SQLITE) -> Restored:
    """Read workers and counters now, tasks when they are gone through, which closes `connection`.

    The tasks are the newest `max_tasks`, and all that are not finished, the oldest first.
    Tasks of one worker share its record, as in memory; a worker that was purged is a bare name.
    """
    records = connection.execute(f"SELECT record FROM worker ORDER BY {dialect.place}")
    workers = [msgspec.json.decode(record, type=Worker) for (record,) in records]
    counted = connection.execute(f"SELECT hostname, counts FROM counter ORDER BY {dialect.place}")
    counters = {host: msgspec.json.decode(counts, type=dict[str, int]) for host, counts in counted}
    return Restored(workers, counters, _tasks(connection, workers, max_tasks))


def _tasks(connection: sqlite3.Connection, workers: list[Worker], max_tasks: int) -> Iterator[Task]:
    by_name = {worker.hostname: worker for worker in workers}
    columns = ", ".join(map(value, COLUMNS))
    wanted = f"timestamp >= coalesce(({_NEWEST}), 0) OR {_UNFINISHED}"
    rows = connection.execute(
        f"SELECT {columns} FROM task t WHERE {wanted} ORDER BY timestamp, uuid",
        (max(max_tasks - 1, 0),),
    )
    try:
        while chunk := rows.fetchmany(_CHUNK_ROWS):
            for row in chunk:
                yield _task(dict(zip(COLUMNS, row, strict=True)), by_name)
    finally:
        connection.close()


def _task(row: dict[str, Any], workers: dict[str, Worker]) -> Task:
    hostname, name = row["worker"], row["name"]
    if hostname is not None:
        row["worker"] = workers.setdefault(hostname, Worker(hostname))
    if name is not None:
        row["name"] = intern(name)
    return Task(**row)
