"""What a file held when it was opened, as the records of the monitor. At the start, blocking."""

import sqlite3
from collections.abc import Iterator
from sys import intern
from typing import Any

import msgspec

from flower_ng.monitor.records import Task, Worker
from flower_ng.store.rows import Restored
from flower_ng.store.schema import COLUMNS

_CHUNK_ROWS = 1000


def restored(connection: sqlite3.Connection) -> Restored:
    """Read workers and counters now, tasks when they are gone through, which closes `connection`.

    Tasks of one worker share its record, as in memory; a worker that was purged is a bare name.
    """
    records = connection.execute("SELECT record FROM worker ORDER BY rowid")
    workers = [msgspec.json.decode(record, type=Worker) for (record,) in records]
    counted = connection.execute("SELECT hostname, counts FROM counter ORDER BY rowid")
    counters = {host: msgspec.json.decode(counts, type=dict[str, int]) for host, counts in counted}
    return Restored(workers, counters, _tasks(connection, workers))


def _tasks(connection: sqlite3.Connection, workers: list[Worker]) -> Iterator[Task]:
    by_name = {worker.hostname: worker for worker in workers}
    rows = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM task ORDER BY timestamp, uuid")
    while chunk := rows.fetchmany(_CHUNK_ROWS):
        for row in chunk:
            yield _task(dict(zip(COLUMNS, row, strict=True)), by_name)
    connection.close()


def _task(row: dict[str, Any], workers: dict[str, Worker]) -> Task:
    hostname, name = row["worker"], row["name"]
    if hostname is not None:
        row["worker"] = workers.setdefault(hostname, Worker(hostname))
    if name is not None:
        row["name"] = intern(name)
    return Task(**row)
