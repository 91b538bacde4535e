"""What the index's files keep of tasks as they were, and what a failure leaves in them."""

import json
import sqlite3
from functools import partial

import pytest

from flower_ng.store import Store, TaskQuery
from flower_ng.store.backends.sqlite import StoreFile
from flower_ng.store.index import compaction, tasks
from flower_ng.store.index.engine import TantivyEngine
from flower_ng.store.index.tasks import TaskIndex
from flower_ng.store.index.thread import run
from flower_ng.store.sql.engine import Asking, SqlEngine
from flower_ng.store.writing.writer import note_changed
from tests.monitor.yard import eventually
from tests.store.making import NOW, Table, change, task

#: So many that they are read in three parts.
MANY = 2_500


class Failing:
    """A connection that fails once, as of a full disk, at the n-th reading of documents."""

    def __init__(self, connection):
        self.connection = connection
        self.reads_left = 0

    def __getattr__(self, name):
        return getattr(self.connection, name)

    def execute(self, statement, *parameters):
        if "json_patch" in statement and self.reads_left:
            self.reads_left -= 1
            if not self.reads_left:
                raise sqlite3.OperationalError("disk I/O error")
        return self.connection.execute(statement, *parameters)


@pytest.fixture
def small(monkeypatch):
    """Small segments count, and a commit that nobody sees comes after two parts."""
    monkeypatch.setattr(compaction, "LEAST_DOCUMENTS", 10)
    monkeypatch.setattr(tasks, "QUEUED", 1_500)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "index"


def filled(table, number):
    table.write(*(task(f"u{n}", "STARTED", timestamp=n) for n in range(number)))


def failed(table, number):
    table.write(*(task(f"u{n}", "FAILURE", timestamp=1000 + n) for n in range(number)))


def opened(folder, table, connection=None):
    return TaskIndex(folder, connection or table.connection, partial(run, table.connection))


def counted(index, table, **query):
    engine = TantivyEngine(SqlEngine(), lambda: index.published, pytest.fail)
    return engine.count(Asking(table.connection, TaskQuery(**query), NOW))


def mark(folder):
    said = folder / tasks.FILE
    return json.loads(said.read_text())["mark"] if said.exists() else 0


def deleted(folder):
    segments = json.loads((folder / "meta.json").read_text())["segments"]
    return sum((segment["deletes"] or {}).get("num_deleted_docs", 0) for segment in segments)


@pytest.mark.usefixtures("small")
def test_segments_with_many_deleted_documents_are_emptied(folder):
    table = Table()
    filled(table, 40)
    index = opened(folder, table)
    index.step()
    failed(table, 20)
    index.step()
    before = deleted(folder)

    index.compact()
    index.compact()

    assert (before, deleted(folder), index.published.outdated) == (20, 0, 0.0)
    assert counted(index, table, state="FAILURE") == counted(index, table, state="STARTED") == 20


@pytest.mark.usefixtures("small")
def test_segments_with_few_deleted_documents_are_left(folder):
    table = Table()
    filled(table, 40)
    index = opened(folder, table)
    index.step()
    failed(table, 5)
    index.step()
    commit = index.published

    index.compact()

    assert (deleted(folder), index.published.outdated) == (5, 5 / 45)
    index.compact()
    assert index.published.mark == commit.mark


def test_an_index_in_memory_tells_what_is_outdated_in_it_too():
    table = Table()
    filled(table, 40)
    index = opened(None, table)
    index.step()
    failed(table, 5)
    index.step()

    assert index.published.outdated == 5 / 45


@pytest.mark.usefixtures("small")
def test_segments_of_tasks_that_expire_are_left_until_all_have(folder):
    table = Table()
    filled(table, 40)
    index = opened(folder, table)
    index.step()
    note_changed(table.connection, "id <= ?", "20")
    table.connection.execute("DELETE FROM task WHERE id <= 20")
    index.step()

    index.compact()

    assert (deleted(folder), index.published.total) == (20, 20)


@pytest.mark.usefixtures("small")
def test_a_crash_while_a_segment_is_emptied_loses_no_task(folder):
    table = Table()
    filled(table, MANY)
    connection = Failing(table.connection)
    index = opened(folder, table, connection)
    index.step()
    connection.reads_left = 3

    with pytest.raises(sqlite3.OperationalError):
        index.step(again=range(1, MANY + 1))
    index.close()

    again = opened(folder, table)
    assert again.published.total == MANY


@pytest.mark.usefixtures("small")
def test_a_failure_while_new_tasks_are_taken_in_leaves_none_twice(folder):
    table = Table()
    connection = Failing(table.connection)
    index = opened(folder, table, connection)
    filled(table, MANY)
    connection.reads_left = 3

    with pytest.raises(sqlite3.OperationalError):
        index.step()
    index.rollback()
    index.step()

    assert index.published.total == MANY


@pytest.mark.usefixtures("small")
async def test_a_failure_while_the_index_is_made_again_hides_no_task(tmp_path, monkeypatch):
    connections = []
    connect = StoreFile.connect

    def failing(file, *, writes=False):
        connection = connect(file, writes=writes)
        if not writes:
            connection = Failing(connection)
            connections.append(connection)
        return connection

    monkeypatch.setattr(StoreFile, "connect", failing)
    store = Store(tmp_path / "flower", max_tasks=10_000)
    store.start()
    for n in range(MANY):
        store.observe(change(task(f"u{n}", timestamp=n)))
    store.flush()
    await eventually(lambda: mark(tmp_path / "flower.index") == MANY, 20)
    for connection in connections:
        connection.reads_left = 3

    await store.forget_task("u0")
    await eventually(lambda: any(one.reads_left == 0 for one in connections), 20)
    store.observe(change(task("more")))
    store.flush()
    await eventually(lambda: mark(tmp_path / "flower.index") > MANY, 20)

    assert (await store.tasks(TaskQuery(state="SUCCESS", limit=1))).filtered == MANY
    store.stop()
