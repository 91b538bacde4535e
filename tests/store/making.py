"""Records for the tests of the store, and the table alone, without threads."""

import json
import sqlite3
from typing import Any

import msgspec

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.records import Task, Worker
from flower_ng.search.conditions import TaskQuery
from flower_ng.store.sql import statements
from flower_ng.store.tables.dialect import SQLITE, Dialect
from flower_ng.store.tables.rows import TaskRow
from flower_ng.store.tables.schema import TABLES
from flower_ng.store.tables.timeline import Entry, chain
from flower_ng.store.writing.snapshots import Bounds, Snapshot, merge_statements, snapshot
from flower_ng.store.writing.writer import Numbering

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


def in_memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in TABLES:
        connection.execute(statement)
    return connection


class Table:
    """The task table, in memory unless told, written and read by the store's own statements."""

    def __init__(self, connection: Any = None, dialect: Dialect = SQLITE) -> None:
        self.connection = connection or in_memory()
        self.dialect = dialect
        self.numbering = None if dialect.is_shared else Numbering(self.connection)
        self.bounds = Bounds()

    def write(self, *tasks: Task) -> None:
        self._merge([snapshot(one) for one in tasks])

    def write_events(self, one: Task, *events: tuple[str, float]) -> None:
        """Write a task and new events of it, each a type and a time."""
        self._merge([snapshot(one, chain(Entry(kind, at, "w1@box") for kind, at in events))])

    def selection(self, query: TaskQuery) -> statements.Selection:
        return statements.Selection.of(query, NOW, self.dialect)

    def tasks(self, query: TaskQuery) -> list[TaskRow]:
        return self._rows(statements.page(self.selection(query)), 2)

    def filtered(self, query: TaskQuery) -> int:
        asked = statements.page(self.selection(query))
        return self.connection.execute(asked.text, asked.parameters).fetchone()[1]

    def uuids(self, **query: Any) -> list[str]:
        return [row.uuid for row in self.tasks(TaskQuery(**query))]

    def ids(self, query: TaskQuery) -> list[int]:
        asked = statements.ids(self.selection(query))
        return json.loads(self.connection.execute(asked.text, asked.parameters).fetchone()[0])

    def task(self, uuid: str) -> TaskRow:
        return self._rows(statements.one(uuid, self.dialect), 0)[0]

    def _merge(self, snapshots: list[Snapshot]) -> None:
        if self.numbering is not None:
            self.numbering.begin()
        for statement, parameters in merge_statements(snapshots, self.dialect, self.bounds):
            self.connection.execute(statement, parameters)
        if self.numbering is not None:
            self.numbering.end([taken.uuid for taken in snapshots])

    def _rows(self, asked: statements.Statement, column: int) -> list[TaskRow]:
        found = self.connection.execute(asked.text, asked.parameters).fetchone()[column]
        return msgspec.json.decode(found, type=list[TaskRow], strict=False)
