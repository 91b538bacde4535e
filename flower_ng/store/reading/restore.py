"""Reads what the store kept, as records for the state in memory. At the start, blocking."""

import sqlite3
from collections.abc import Iterator
from sys import intern
from typing import Any

import msgspec
from celery import states

from flower_ng.life.memory import Life
from flower_ng.life.progress import FIRST_FINAL, FURTHER_RUN, ONE_RUN, progress_of_state
from flower_ng.records import Task, Worker
from flower_ng.store.tables.dialect import SQLITE, Dialect
from flower_ng.store.tables.rows import Restored
from flower_ng.store.tables.schema import COLUMNS, FINISHED, value
from flower_ng.store.tables.timeline import events, named
from flower_ng.store.writing.repair import repaired

_CHUNK_ROWS = 1000
_NEWEST = "SELECT timestamp FROM task ORDER BY timestamp DESC, uuid DESC LIMIT 1 OFFSET ?"
#: The events of a task that was run more than once and has not ended.
_TIMELINE = (
    f"CASE WHEN coalesce(progress, {ONE_RUN}) % {ONE_RUN} < {FIRST_FINAL} AND ("
    f"coalesce(progress, {ONE_RUN} * coalesce(retries, 0)) >= {ONE_RUN}"
    f" OR progress >= {FURTHER_RUN}) THEN timeline END"
)
#: The events of a task that was run once and ended in a way of which its state does not say all.
_ONLY_RUN = (
    f"CASE WHEN progress < {FURTHER_RUN} OR progress BETWEEN {FIRST_FINAL} AND {ONE_RUN - 1} THEN"
    f" CASE WHEN state IN ('{states.REVOKED}', '{states.REJECTED}') THEN timeline END END"
)
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
    columns = ", ".join([*map(value, COLUMNS), "progress", _TIMELINE, _ONLY_RUN])
    wanted = f"timestamp >= coalesce(({_NEWEST}), 0) OR {_UNFINISHED}"
    rows = connection.execute(
        f"SELECT {columns} FROM task t WHERE {wanted} ORDER BY timestamp, uuid",
        (max(max_tasks - 1, 0),),
    )
    try:
        while chunk := rows.fetchmany(_CHUNK_ROWS):
            for row in chunk:
                *values, progress, timeline, only_run = row
                kept = dict(zip(COLUMNS, values, strict=True))
                kept |= repaired({**kept, "progress": progress})
                task = _task(kept, by_name)
                task.progress = progress or progress_of_state(task.state, task.retries)
                task.is_partial = timeline is None and task.progress >= ONE_RUN
                if timeline is not None:
                    task.life = _life(task, timeline, by_name)
                if only_run is not None:
                    task.how = next((one.how for one in events(only_run) if one.how), "")
                yield task
    finally:
        connection.close()


def _life(task: Task, timeline: str, workers: dict[str, Worker]) -> Life:
    """Return the runs of a task that was run more than once."""
    life = Life(named(events(timeline), task.name, task.original_name))
    for run in life.runs:
        life.workers[run.worker] = workers.setdefault(run.worker, Worker(run.worker))
    return life


def _task(row: dict[str, Any], workers: dict[str, Worker]) -> Task:
    hostname, name = row["worker"], row["name"]
    if hostname is not None:
        row["worker"] = workers.setdefault(hostname, Worker(hostname))
    if name is not None:
        row["name"] = intern(name)
    return Task(**row)
