"""Records for the tests of the store, and the table alone, without threads."""

import json
import sqlite3
from contextlib import contextmanager
from typing import Any

import msgspec

from flower_ng.monitor.records import Change, Event, Task, Worker
from flower_ng.store import query as sql
from flower_ng.store.merge import snapshot, statements
from flower_ng.store.rows import TaskRow
from flower_ng.store.schema import TABLES
from flower_ng.store.task_query import TaskQuery

BOX = Worker("w1@box")
#: When queries are asked, unless a test says otherwise: UTC seconds.
NOW = 1_000_000.0


def task(uuid: str, state: str = "SUCCESS", timestamp: float = 1.0, **fields: Any) -> Task:
    return Task(uuid, state=state, timestamp=timestamp, **fields)


def change(changed: Task, *, worker: Worker | None = BOX) -> Change:
    hostname = worker.hostname if worker else "publisher@box"
    event = Event("task-succeeded", hostname, changed.timestamp, uuid=changed.uuid)
    return Change(event, changed, worker)


def heartbeat(worker: Worker) -> Change:
    return Change(Event("worker-heartbeat", worker.hostname, 1.0), None, worker)


class Table:
    """The task table in memory, written and read by the store's own statements."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        for statement in TABLES:
            self.connection.execute(statement)

    def write(self, *tasks: Task) -> None:
        for statement, parameters in statements([snapshot(one) for one in tasks]):
            self.connection.execute(statement, parameters)
        for one in tasks:
            one.retry_passed = False

    def tasks(self, query: TaskQuery) -> list[TaskRow]:
        return self._rows(sql.page(query, NOW), 2)

    def filtered(self, query: TaskQuery) -> int:
        asked = sql.page(query, NOW)
        return self.connection.execute(asked.text, asked.parameters).fetchone()[1]

    def uuids(self, **query: Any) -> list[str]:
        return [row.uuid for row in self.tasks(TaskQuery(**query))]

    def ids(self, query: TaskQuery) -> list[int]:
        asked = sql.ids(query, NOW)
        return json.loads(self.connection.execute(asked.text, asked.parameters).fetchone()[0])

    def task(self, uuid: str) -> TaskRow:
        return self._rows(sql.one(uuid), 0)[0]

    def _rows(self, asked: sql.Statement, column: int) -> list[TaskRow]:
        found = self.connection.execute(asked.text, asked.parameters).fetchone()[column]
        return msgspec.json.decode(found, type=list[TaskRow], strict=False)


@contextmanager
def table(*tasks: Task):
    made = Table()
    made.write(*tasks)
    yield made
    made.connection.close()
