"""Files that are damaged, hostile, or not as Flower writes them; the real ones: test_importer."""

import dbm.dumb
import os
import pickle
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from celery.events import state as celery

from flower_ng.errors import FlowerError
from flower_ng.store.flower_file.content import Content, unpickled
from flower_ng.store.flower_file.importer import reading
from flower_ng.store.flower_file.shelf import shelf_at
from tests.store.shelves import FILES, REAL, TASKS, copied, shelf, state


def read(db):
    """Return what a file's process hands over: its head, and the tasks by id."""
    with reading(shelf_at(db)) as found:
        return found.head, {task.uuid: task for tasks in found.tasks() for task in tasks}


def content(*tasks, workers=()):
    """Return what a pickle of Celery's own State with these holds, without a process."""
    return Content(unpickled(pickle.dumps(state(*tasks, workers=workers))), {})


@pytest.fixture
def db(tmp_path):
    return tmp_path / "flower"


class Called:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


HOSTILE = {
    "a command": (os.system, "touch {}"),
    "a folder made": (os.mkdir, "{}"),
    "Python": (eval, "open('{}', 'w')"),
    "a file opened": (open, "{}", "w"),
}


@pytest.mark.parametrize(("function", "argument", "rest"), [
    pytest.param(call[0], call[1], call[2:], id=name) for name, call in HOSTILE.items()
])  # fmt: skip
def test_what_a_pickle_would_have_called_is_named_and_never_called(
    db, tmp_path, function, argument, rest
):
    mark = tmp_path / "mark"
    shelf(db, Called(function, argument.format(mark), *rest))

    with pytest.raises(FlowerError) as refused:
        read(db)

    name = f"{function.__module__}.{function.__name__}"
    assert f"it names {name}, as no file of Flower's does" in str(refused.value)
    assert not mark.exists()


def test_a_hostile_counter_is_refused_too(db, tmp_path):
    shelf(db, state(), Called(os.mkdir, str(tmp_path / "mark")))

    with pytest.raises(FlowerError, match=r"it names posix\.mkdir"):
        read(db)
    assert not (tmp_path / "mark").exists()


BOMBS = {
    "a key nested too deep to hash": b"\x80\x04}N" + b"\x85" * 2_000_000 + b"Ns.",
    "a memory of 2**31 things": b"\x80\x04Nr\xff\xff\xff\x7f.",
    "a text of 2**62 bytes": b"\x80\x04\x8d" + (2**62).to_bytes(8, "little") + b"x.",
    "an endless nesting": b"\x80\x04" + b"]" * 2_000_000 + b"a" * 1_999_999 + b".",
    "a persistent id": b"\x80\x04\x8c\x01xQ.",
    "a class given attributes": b"\x80\x04ccollections\nCounter\nN}\x8c\x01aK\x01s\x86b.",
    "an extension": b"\x80\x04\x82\x01.",
    "nothing": b"",
    "a number": pickle.dumps(7),
    "an object without arguments": b"\x80\x04cflower.events\nEventsState\n)R.",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_pickle_that_is_meant_to_harm_ends_its_own_process_only(db, bomb):
    shelf(db, bomb)

    with pytest.raises(FlowerError, match=f"{db}.dat \\(dumb\\) could not be read"):
        read(db)


def test_what_refers_to_itself_is_read(db):
    own = {"uuid": "u", "timestamp": 1.0}
    own["children"] = [own]
    own["args"] = own
    made = state({"uuid": "v", "timestamp": 2.0})
    made.tasks["u"] = Called(celery._depickle_task, celery.Task, own)  # noqa: SLF001 - what a file of Flower names

    head, tasks = read(shelf(db, made))

    assert tasks.keys() == {"u", "v"}
    assert head.left_out == {"args of tasks": 1}


UNUSABLE = {
    "received": "yesterday",
    "started": float("nan"),
    "succeeded": 1e300,
    "failed": -1.0,
    "runtime": 10**400,
    "retries": True,
    "clock": -1,
    "args": (1, 2),
    "name": "x" * 600,
}


@pytest.mark.parametrize(("field", "value"), UNUSABLE.items(), ids=UNUSABLE)
def test_a_value_that_is_none_is_left_out_and_counted(field, value):
    held = content({"uuid": "u", "state": "STARTED", "timestamp": 1.0, field: value})

    assert held.left_out == {f"{field} of tasks": 1}
    assert [task.state for task in held.tasks] == ["STARTED"]


def test_a_task_without_an_id_is_left_out_and_counted():
    held = content({"uuid": 7}, {"uuid": "u"})

    assert [task.uuid for task in held.tasks] == ["u"]
    assert held.left_out["tasks without an id"] == 1


def test_long_texts_are_cut_and_broken_characters_replaced():
    held = content({"uuid": "u", "args": "x" * 10_000, "kwargs": "a\ud83d\ude00b\ud800c"})

    (task,) = held.tasks
    assert len(task.args) == 4096
    assert "10000" in task.args
    assert task.kwargs == "a\N{GRINNING FACE}b\N{REPLACEMENT CHARACTER}c"


def test_workers_with_nonsense_keep_what_makes_sense():
    worker = celery.Worker("w@box", pid="x", heartbeats=["y", 5.0], loadavg=[1, 2], active=3)

    (host,) = content(workers=(worker,)).hosts

    assert (host.worker.pid, host.worker.heartbeats, host.worker.active) == (None, (5.0,), 3)
    assert host.worker.loadavg is None


@pytest.mark.parametrize("name", REAL)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(name, tmp_path):
    db = copied(name, tmp_path)
    path = shelf_at(db).path
    whole, chance = path.read_bytes(), random.Random(7)  # the same damage each time
    outcomes = {damaged(db, path, whole, chance) for _ in range(6)}

    assert outcomes <= {"read", "refused", "no shelf"}


def damaged(db, path, whole, chance):
    """Overwrite some bytes, or cut the file."""
    content = bytearray(whole)
    for _ in range(30):
        content[chance.randrange(16, len(content))] = chance.randrange(256)
    path.write_bytes(content[: chance.choice([len(content), len(content) // 2])])
    if shelf_at(db) is None:
        return "no shelf"
    try:
        read(db)
    except FlowerError:
        return "refused"
    return "read"


def test_a_file_that_is_too_large_is_refused(tmp_path):
    db = copied("2.0.1-gdbm", tmp_path)
    os.truncate(db, 3 << 30)  # a hole takes no room

    with pytest.raises(FlowerError, match="its 3221225472 bytes are too many"):
        read(db)


@pytest.mark.parametrize("end", [".dat", ".dir", ".bak", ""])
def test_a_dumb_shelf_is_found_by_each_of_its_names(end, tmp_path):
    db = copied("2.1.0-dumb", tmp_path)

    assert shelf_at(Path(f"{db}{end}")).path == Path(f"{db}.dat")


def test_a_shelf_is_found_behind_the_end_that_a_library_adds(tmp_path):
    db = copied("2.0.1-gdbm", tmp_path)
    db.rename(f"{db}.db")

    assert shelf_at(db).form == "gdbm"
    assert len(read(db)[1]) == TASKS


def test_of_several_shelves_the_newest_counts(tmp_path):
    db = copied("2.0.1-gdbm", tmp_path)
    for path in (FILES / "2.1.0-dumb").glob("flower*"):
        shutil.copy(path, tmp_path / "theirs")
    os.utime(db, (1, 1))

    assert shelf_at(db).form == "dumb"


def foreign_sqlite(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE Dict (key, value)")
        connection.execute("CREATE TABLE other (x)")
        connection.commit()


FOREIGN = {
    "another SQLite file": foreign_sqlite,
    "a text": lambda path: path.write_text("not Flower's\n" * 100),
    "an empty file": Path.touch,
    "a folder": Path.mkdir,
    "a fifo": os.mkfifo,
}


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("end", ["", ".db"])
def test_what_is_no_shelf_is_none(db, make, end):
    make(Path(f"{db}{end}"))

    assert shelf_at(db) is None


def test_another_programs_shelf_is_refused(db):
    with dbm.dumb.open(str(db), "n") as content:
        content["settings"] = b"x"

    with pytest.raises(FlowerError, match="it is empty, or not Flower's"):
        read(db)


def test_the_log_beside_a_shelf_laid_out_as_by_python_3_13_is_read_too(db, tmp_path):
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with closing(sqlite3.connect(db)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("CREATE TABLE Dict (key BLOB UNIQUE NOT NULL, value BLOB NOT NULL)")
        events = pickle.dumps(state({"uuid": "u"}))
        connection.execute("INSERT INTO Dict VALUES (?, ?)", (b"events", events))
        connection.commit()
        for path in (db, Path(f"{db}-wal")):  # as a kill leaves them
            shutil.copy(path, crashed)

    assert read(crashed / "flower")[1].keys() == {"u"}
    assert sorted(path.name for path in crashed.iterdir()) == ["flower", "flower-wal"]
