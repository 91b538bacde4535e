import logging
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from flower_ng.errors import SettingsError
from flower_ng.records import Worker
from flower_ng.store import Store, TaskQuery
from flower_ng.store.backends.sqlite import opened
from flower_ng.store.tables.schema import APPLICATION_ID
from flower_ng.store.writing.retention import MEMORY_BYTES
from tests.store.making import change, task

NOON = 1_790_000_000.0


@pytest.fixture
def db(tmp_path):
    return tmp_path / "flower"


@pytest.fixture
def own(db):
    """Our file at `<db>.sqlite3` with one task."""
    assert written(db, task("kept")) == []
    return Path(f"{db}.sqlite3")


def written(db, *tasks, max_tasks=10):
    """Start a store that may do without its file, write tasks, stop; return its warnings."""
    store = Store(db, max_tasks=max_tasks, clock=lambda: NOON, optional=True)
    store.start()
    for one in tasks:
        store.observe(change(one, worker=Worker("w@box")))
    store.stop()
    return store.warnings


def found(db):
    store = Store(db, max_tasks=10, clock=lambda: NOON)
    store.start()
    uuids = [one.uuid for one in store.restored().tasks]
    store.stop()
    return uuids


def test_our_file_bears_our_mark_and_no_one_else_may_read_it(own):
    assert own.read_bytes()[68:72] == APPLICATION_ID.to_bytes(4, "big")
    assert own.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(("owner", "is_gone"), [(b"flni", True), (b"flng", False)])
def test_the_index_of_an_older_flower_ng_goes_and_nothing_else(db, owner, is_gone):
    beside = [Path(f"{db}.index.sqlite3{end}") for end in ("", "-wal", "-shm")]
    for file in beside:
        file.write_bytes(bytes(68) + owner + bytes(100))

    assert found(db) == ["kept"]

    assert [file.exists() for file in beside] == [not is_gone] * 3


def test_the_log_beside_it_may_not_be_read_either(db):
    store = Store(db, max_tasks=10)
    store.start()
    files = [path for path in db.parent.iterdir() if path.is_file()]
    modes = [path.stat().st_mode & 0o777 for path in files]
    store.stop()

    assert modes == [0o600] * 4  # the lock; the file, its log and its shared memory


CORRUPTIONS = {
    "cut to its head": lambda content: content[:100],
    "cut in half": lambda content: content[: len(content) // 2],
    "zeros after the head": lambda content: content[:100] + bytes(len(content) - 100),
    "junk after the head": lambda content: content[:100] + b"junk" * 5000,
    "a page overwritten": lambda content: content[:4096] + b"\xff" * 4096 + content[8192:],
}


@pytest.mark.parametrize("corrupt", CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_a_corrupt_file_of_ours_is_set_aside_and_history_starts_afresh(db, own, corrupt, caplog):
    damaged = corrupt(own.read_bytes())
    own.write_bytes(damaged)

    with caplog.at_level(logging.WARNING):
        warnings = written(db, task("new"))

    aside = Path(f"{own}.corrupt-20260921T141320Z")
    assert aside.read_bytes() == damaged
    assert len(warnings) == 1
    assert str(aside) in warnings[0]
    assert warnings[0] in caplog.text
    assert found(db) == ["new"]


def test_damage_met_in_use_has_the_next_start_look_at_the_whole_file(db, own):
    store_file = opened(db, print, lambda: NOON)
    store_file.met(sqlite3.OperationalError("database is locked"))
    assert not Path(f"{own}.suspect").exists()
    store_file.met(error_of(b"SQLite format 3\0" + b"\xff" * 5000, db.parent / "damaged"))
    assert Path(f"{own}.suspect").exists()
    store_file.close()

    assert written(db) == []
    assert not Path(f"{own}.suspect").exists()


def error_of(content, path):
    """Return what SQLite says of such a file."""
    path.write_bytes(content)
    with closing(sqlite3.connect(path)) as connection:
        with pytest.raises(sqlite3.DatabaseError) as raised:
            connection.execute("SELECT * FROM sqlite_master")
        return raised.value


def test_a_file_set_aside_never_replaces_another(db, own):
    for _ in range(3):
        own.write_bytes(own.read_bytes()[:100])
        written(db)

    names = sorted(path.name for path in db.parent.glob("*corrupt*"))
    assert names == [f"flower.sqlite3.corrupt-20260921T141320Z{end}" for end in ("", "-1", "-2")]


def foreign_sqlite(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()


FOREIGN = {
    "another SQLite file": foreign_sqlite,
    "a text": lambda path: path.write_text("not ours\n" * 100),
}


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
def test_a_file_that_is_not_ours_is_never_touched(db, make, caplog):
    path = Path(f"{db}.sqlite3")
    make(path)
    before = path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode

    with caplog.at_level(logging.WARNING):
        (warning,) = written(db, task("new"))

    assert (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode) == before
    assert "was not made by flower_ng" in warning
    assert "Tasks are kept only until flower_ng stops" in warning


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["a folder", "a fifo"])
def test_what_is_no_file_is_never_touched(db, make, caplog):
    make(Path(f"{db}.sqlite3"))

    with caplog.at_level(logging.WARNING):
        (warning,) = written(db, task("new"))

    assert "was not made by flower_ng" in warning


def test_a_newer_schema_is_left_alone(db, own, caplog):
    connection = sqlite3.connect(own)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = own.read_bytes()

    with caplog.at_level(logging.WARNING):
        (warning,) = written(db, task("new"))

    assert own.read_bytes() == before
    assert "schema 99" in warning
    assert "upgrade" in warning


@pytest.mark.usefixtures("own")
def test_a_second_process_on_one_file_uses_a_temporary_one(db, caplog):
    script = """
import sys; from pathlib import Path; from flower_ng.store import Store
store = Store(Path(sys.argv[1]), max_tasks=10); store.start()
print("started", flush=True); sys.stdin.read(); store.stop()
"""
    holder = [sys.executable, "-c", script, str(db)]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"started\n"
        with caplog.at_level(logging.WARNING):
            (warning,) = written(db, task("new"))
        process.stdin.close()

    assert "in use by another flower_ng" in warning
    assert found(db) == ["kept"]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (
            foreign_sqlite,
            "was not made by flower_ng and is left alone: name another file with --db",
        ),
        (Path.mkdir, "was not made by flower_ng and is left alone: name another file with --db"),
        (
            lambda path: Path(f"{path}.lock").mkdir(),
            "cannot be used (Is a directory): name another",
        ),
    ],
    ids=["another's file", "a folder", "no lock"],
)
def test_a_history_that_was_asked_for_and_cannot_be_kept_ends_the_start(db, make, why):
    make(Path(f"{db}.sqlite3"))
    before = sorted(db.parent.rglob("*"))

    with pytest.raises(SettingsError) as caught:
        Store(db, max_tasks=10).start()

    assert why in caught.value.message
    assert caught.value.message.startswith(f"The history can't be kept: {db}.sqlite3 ")
    assert caught.value.message.endswith("or start with --history_optional to do without it")
    assert [path for path in sorted(db.parent.rglob("*")) if path.suffix != ".lock"] == [
        path for path in before if path.suffix != ".lock"
    ]


def test_folders_that_are_missing_are_made_for_the_owner_alone(tmp_path):
    assert written(tmp_path / "missing" / "too" / "flower", task("new")) == []

    assert found(tmp_path / "missing" / "too" / "flower") == ["new"]
    assert (tmp_path / "missing" / "too").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_ends_the_start_with_its_reason(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match=r"flower\.sqlite3 cannot be used \(Not a directory\)"):
        Store(tmp_path / "file" / "folder" / "flower", max_tasks=10).start()


def test_a_path_that_cannot_even_be_looked_at_is_named_and_the_start_goes_on(tmp_path, caplog):
    assert "only until flower_ng stops" in written(tmp_path / ("x" * 300), task("t"))[0]
    assert "File name too long" in caplog.text


async def test_a_temporary_file_has_no_name_while_it_is_used(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = Store(None, max_tasks=50_000)
    store.start()

    assert list(tmp_path.iterdir()) == []
    for start in range(0, 20_000, 500):  # more than one checkpoint of the log
        for number in range(start, start + 500):
            store.observe(change(task(f"u{number}", args="x" * 1000)))
        assert (await store.tasks(TaskQuery(limit=1))).total == start + 500
    store.stop()
    assert not store.failures


@pytest.mark.parametrize("wanted", ["file", "temporary"])
async def test_where_nothing_can_be_written_tasks_are_kept_in_memory_and_it_says_so(
    tmp_path, monkeypatch, caplog, wanted
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "flower" if wanted == "file" else None
    store = Store(path, max_tasks=10, optional=True)

    with caplog.at_level(logging.WARNING):
        store.start()
    store.observe(change(task("u")))
    page = await store.tasks(TaskQuery())
    status = store.status()
    store.stop()

    assert [row.uuid for row in page.rows] == ["u"]
    assert (status.kind, status.wanted, status.max_bytes) == ("memory", wanted, MEMORY_BYTES)
    assert "No temporary file can be written" in status.warnings[-1]
    assert all(warning in caplog.text for warning in status.warnings)
