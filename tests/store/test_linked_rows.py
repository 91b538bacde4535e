import pytest

from flower_ng.store.writing.writer import Numbering, note_changed
from tests.store.making import Table, in_memory, task


def ids(table):
    return dict(table.connection.execute("SELECT uuid, id FROM task"))


def stale(table):
    return dict(table.connection.execute("SELECT id, epoch FROM stale"))


@pytest.fixture
def sealed():
    """Three tasks, of which the first two are in the index, in its epoch 7."""
    table = Table()
    table.write(task("a"), task("b"), task("c"))
    table.connection.execute("UPDATE sealed SET id = 2, epoch = 7")
    return table


def test_of_the_tasks_in_the_index_those_that_are_written_again_are_noted(sealed):
    sealed.write(task("b", "FAILURE"), task("c", "FAILURE"), task("d"))

    assert stale(sealed) == {2: 7}
    assert ids(sealed) == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_what_is_deleted_is_noted(sealed):
    each = "uuid IN (SELECT value FROM json_each(?))"
    note_changed(sealed.connection, each, '["a", "c"]')
    assert stale(sealed) == {1: 7}

    sealed.connection.execute("UPDATE sealed SET epoch = 8")
    note_changed(sealed.connection, each, '["a"]')
    assert stale(sealed) == {1: 8}


def test_new_tasks_are_told_from_those_that_were_there(sealed):
    sealed.numbering.begin()
    sealed.connection.execute("INSERT INTO task (uuid) VALUES ('d'), ('e')")

    assert sealed.numbering.end(["a", "d", "e"]) == 2


@pytest.mark.parametrize("is_reopened", [False, True])
def test_the_id_of_the_newest_task_does_not_come_back(is_reopened):
    table = Table()
    table.write(task("a"), task("b"))
    table.connection.execute("UPDATE sealed SET id = 2")
    table.connection.execute("DELETE FROM task WHERE uuid = 'b'")
    if is_reopened:
        table.numbering = Numbering(table.connection)

    table.write(task("a"))
    table.write(task("c"))

    assert ids(table) == {"a": 1, "c": 3}


def test_the_first_id_is_one():
    table = Table(in_memory())
    table.write(task("a"))

    assert ids(table) == {"a": 1}
