"""The index beside the file: kept up, made again, and done without."""

import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain, repeat

import msgspec
import pytest

from flower_ng.search.conditions import Word
from flower_ng.store import Store, TaskQuery, parse_search
from flower_ng.store.index.commits import fresh
from flower_ng.store.index.documents import LAST
from flower_ng.store.index.engine import TantivyEngine
from flower_ng.store.index.tasks import FILE, TaskIndex
from flower_ng.store.index.thread import run
from flower_ng.store.sql.engine import Asking, SqlEngine
from flower_ng.store.sql.statements import cursor_behind, place_of
from flower_ng.store.tables.rows import TaskRow
from tests.monitor.yard import eventually
from tests.services import ROOT, wait_until
from tests.store.making import NOW, Table, change, task


@pytest.fixture
def db(tmp_path):
    return tmp_path / "flower"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "flower.index"


def opened(db):
    store = Store(db, max_tasks=1000)
    store.start()
    return store


def fill(store, *numbers):
    for number in numbers:
        store.observe(change(task(f"u{number}", args=f"('quokka {number}',)")))
    store.flush()


def await_indexed(store):
    wait_until(lambda: store.status().unindexed == 0, 20)


def await_made(folder):
    wait_until((folder / FILE).exists, 20)


async def found(store, text="quokka"):
    rows = (await store.tasks(TaskQuery(search=parse_search(text), limit=100))).rows
    return sorted(row.uuid for row in rows)


async def test_no_one_else_may_read_it(db, folder):
    store = opened(db)
    fill(store, 1)
    await_indexed(store)
    mode = folder.stat().st_mode & 0o777
    store.stop()

    assert mode == 0o700


async def test_a_temporary_store_has_its_index_in_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    store = opened(None)
    fill(store, 1, 2)
    await_indexed(store)

    assert await found(store, "quokka 2") == ["u2"]
    assert list(tmp_path.iterdir()) == []
    store.stop()


async def test_it_goes_on_where_it_was(db, folder):
    store = opened(db)
    fill(store, 1, 2)
    await_indexed(store)
    store.stop()
    segments = {path.name for path in folder.glob("*.term")}

    again = opened(db)
    fill(again, 3)
    await_indexed(again)

    assert await found(again) == ["u1", "u2", "u3"]
    assert segments <= {path.name for path in folder.glob("*.term")}
    again.stop()


def unsaid(folder):
    (folder / FILE).unlink()


def of_another_version(folder):
    text = (folder / FILE).read_text()
    (folder / FILE).write_text(text.replace('"version":', '"version":9'))


def of_another_library(folder):
    text = (folder / FILE).read_text()
    (folder / FILE).write_text(text.replace('"library":"', '"library":"9'))


def of_another_store(folder):
    text = (folder / FILE).read_text()
    (folder / FILE).write_text(text.replace('"store":"', '"store":"9'))


def torn(folder):
    (folder / "meta.json").write_text("{")


def without_a_segment(folder):
    for path in folder.glob("*.term"):
        path.unlink()


def gone(folder):
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "harmed",
    [
        unsaid,
        of_another_version,
        of_another_library,
        of_another_store,
        torn,
        without_a_segment,
        gone,
    ],
)
async def test_what_is_not_the_stores_is_made_again(db, folder, harmed):
    store = opened(db)
    fill(store, 1, 2, 3)
    await_made(folder)
    await_indexed(store)
    store.stop()
    harmed(folder)

    again = opened(db)
    while_made = await found(again)
    await_indexed(again)

    assert while_made == await found(again) == ["u1", "u2", "u3"]
    assert (await again.tasks(TaskQuery(state="SUCCESS", limit=1))).filtered == 3
    assert again.warnings == []
    again.stop()


async def test_times_are_kept_to_their_last_bit(db):
    store = opened(db)
    times = {f"n{number}": 925_364.8611040202 + number / 7 for number in range(100)}
    for name, at in times.items():
        store.observe(change(task(name, "FAILURE", name=name, failed=at)))
    store.flush()
    await_indexed(store)

    found = await store.failure_groups(TaskQuery(), 100)

    assert {group.name: group.first for group in found} == times
    store.stop()


async def test_what_is_forgotten_leaves_its_files_too(db, folder):
    store = opened(db)
    fill(store, *range(20))
    store.observe(change(task("u20", name="wholly-private")))
    store.flush()
    await eventually(lambda: holds(folder, b"wholly-private"), 20)

    await store.forget_task("u20")
    await eventually(lambda: not holds(folder, b"wholly-private"), 20)

    assert await found(store) == sorted(f"u{number}" for number in range(20))
    store.stop()


async def test_an_index_that_may_hold_what_is_forgotten_is_not_taken_again(db, folder):
    store = opened(db)
    store.observe(change(task("u1", name="wholly-private")))
    store.flush()
    await_indexed(store)
    kept = {file: file.read_bytes() for file in folder.iterdir()}
    await store.forget_task("u1")
    store.stop()
    shutil.rmtree(folder)
    folder.mkdir()
    for file, content in kept.items():  # as a crash may leave it
        file.write_bytes(content)

    again = opened(db)
    await_indexed(again)
    assert not holds(folder, b"wholly-private")
    again.stop()


def holds(folder, text):
    with suppress(FileNotFoundError):  # one that goes meanwhile
        return any(text in file.read_bytes() for file in folder.iterdir())
    return True


async def test_a_folder_that_is_deleted_while_it_runs_is_made_again(db, folder, caplog):
    store = opened(db)
    fill(store, 1)
    await_indexed(store)
    shutil.rmtree(folder)

    fill(store, 2)
    at_once = await found(store)
    await_made(folder)

    assert at_once == await found(store) == ["u1", "u2"]
    assert "The index of the store failed, and is made again" in caplog.text
    store.stop()


#: Python ends without a stop, and only when the index has looked once more.
ENDS_UNSTOPPED = """
import atexit, sys, threading
from pathlib import Path
from tests.services import ROOT, wait_until
from tests.store.test_indexing import await_indexed, fill, opened

def is_over():
    return "flower_ng-index" not in {thread.name for thread in threading.enumerate()}

store = opened(Path(sys.argv[1]))
fill(store, 1)
await_indexed(store)
atexit.register(wait_until, is_over)
fill(store, 2)
"""


def test_where_python_ends_without_a_stop_nothing_is_said_to_fail(db):
    command = [sys.executable, "-c", ENDS_UNSTOPPED, str(db)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


async def test_without_the_library_sql_answers_and_that_is_said(db, monkeypatch):
    monkeypatch.setitem(sys.modules, "flower_ng.store.index.thread", None)
    store = opened(db)
    fill(store, 1, 2)

    assert await found(store, "quokka 2") == ["u2"]
    (warning,) = store.status().warnings
    assert warning.startswith("Lists and searches have no index and take their time: ")
    assert store.status().unindexed is None
    store.stop()


def test_what_ends_a_text_in_the_index_is_not_found_in_it():
    table = Table()
    table.write(task("u1", args="quo"), task("u2", args=f"quo{LAST}"))
    index = TaskIndex(None, table.connection, partial(run, table.connection))
    index.step()
    engine = TantivyEngine(SqlEngine(), lambda: index.published, pytest.fail)
    asked = TaskQuery(search=Word(f"uo{LAST}"))

    assert engine.count(Asking(table.connection, asked, NOW)) == 1


def test_a_file_that_is_merged_away_while_its_size_is_asked_for_counts_nothing(folder):
    table = Table()
    index = TaskIndex(folder, table.connection, partial(run, table.connection))
    before = index.bytes
    (folder / "merged").symlink_to("gone")  # stands in for one that went since the folder was read

    assert index.bytes == before > 0


class Broken:
    """A searcher that stands in for one whose files are damaged."""

    def search(self, *_, **__):
        raise ValueError("An IO error occurred")

    aggregate = search


def test_where_it_cannot_be_read_sql_answers_and_it_is_made_again():
    table, told = Table(), []
    table.write(task("u1"), task("u2", "FAILURE"))
    index = TaskIndex(None, table.connection, partial(run, table.connection))
    index.step()
    published = index.published
    broken = type(published)(Broken(), published.schema, published.mark, published.epoch)
    engine = TantivyEngine(SqlEngine(), lambda: broken, told.append)

    assert engine.count(Asking(table.connection, TaskQuery(state="FAILURE"), NOW)) == 1
    assert [str(error) for error in told] == ["An IO error occurred"]


def test_a_commit_that_comes_between_is_waited_for():
    table = Table()
    index = TaskIndex(None, table.connection, partial(run, table.connection))
    table.write(task("u1"))
    index.step()
    old = index.published
    table.write(task("u1", "FAILURE", 2.0))
    index.step()
    published = chain([old], repeat(index.published))

    with fresh(table.connection, lambda: next(published)) as seen:
        assert seen.commit is index.published
        assert (seen.changed, seen.now) == ([], [])


def test_many_that_may_match_are_counted_about_and_shown_as_they_are():
    table = Table()
    # All have the grams of the word, a quarter has the word.
    tasks = [task(f"u{n}", timestamp=n, args="abc bcd" if n % 4 else "abcd") for n in range(400)]
    table.write(*tasks)
    index = TaskIndex(None, table.connection, partial(run, table.connection))
    index.step()
    engine = TantivyEngine(SqlEngine(), lambda: index.published, pytest.fail, few=160)
    asked = TaskQuery(search=parse_search("abcd"), limit=100)

    page = engine.page(Asking(table.connection, asked, NOW))

    assert (page.total, page.filtered, page.exact) == (400, 100, True)
    some = Asking(table.connection, replace(asked, limit=5), NOW)
    few = engine.page(some)
    assert (few.total, few.filtered, few.exact) == (400, 100, False)
    assert engine.count(Asking(table.connection, asked, NOW)) == 100


@pytest.mark.parametrize("descending", [False, True])
def test_pages_by_id_are_cut_where_ids_that_start_alike_are(descending):
    table = Table()
    uuids = [f"start-{n // 4}-{n}" for n in range(12)]
    table.write(*map(task, uuids))
    index = TaskIndex(None, table.connection, partial(run, table.connection))
    index.step()
    engine = TantivyEngine(SqlEngine(), lambda: index.published, pytest.fail)

    for offset in range(12):
        asked = TaskQuery(state="SUCCESS", sort="uuid", descending=descending, offset=offset)
        page = engine.page(Asking(table.connection, replace(asked, limit=3), NOW))
        rows = msgspec.json.decode(page.rows, type=list[TaskRow], strict=False)
        wanted = sorted(uuids, reverse=descending)[offset : offset + 3]
        assert [row.uuid for row in rows] == wanted


@pytest.mark.parametrize("sort", [None, "name", "retries", "root_id", "uuid"])
def test_cursors_lead_past_many_that_may_match_once(sort):
    table = Table()
    names = ("shop.pay", "mail.send", None)
    tasks = [
        task(
            f"u{n}",
            timestamp=n // 9,
            args="abc bcd" if n % 4 else "abcd",
            name=names[n % 3],
            retries=n % 5,
            root_id=names[n % 2],
        )
        for n in range(200)
    ]
    table.write(*tasks)
    index = TaskIndex(None, table.connection, partial(run, table.connection))
    index.step()
    engine = TantivyEngine(SqlEngine(), lambda: index.published, pytest.fail, few=10)
    asked = TaskQuery(search=parse_search("abcd"), sort=sort)

    found, place = [], None
    while text := engine.after(Asking(table.connection, asked, NOW), place, 7):
        rows = msgspec.json.decode(text, type=list[TaskRow], strict=False)
        found += [row.uuid for row in rows]
        if len(rows) < 7:
            break
        place = place_of(asked, cursor_behind(asked, rows[-1]))

    rows = SqlEngine().ids(Asking(table.connection, asked, NOW))
    assert found == [f"u{row - 1}" for row in rows]
    assert len(found) == 50
