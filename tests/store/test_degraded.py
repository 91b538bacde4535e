"""A disk that is full and a file that is locked: nothing stops, and nothing is hidden."""

import asyncio
import json
import sqlite3
import subprocess
import sys
import time

import pytest

from flower_ng.store import Store, TaskQuery, lifecycle
from flower_ng.store.backends.damage import BUSY_TIMEOUT_S
from flower_ng.store.rollups.recorder import IngestStatus
from tests.store.making import change, task

#: Fills a store until its file may not grow, then lets it grow; says what the store said of itself.
FILLER = """
import asyncio, json, resource, sys
from pathlib import Path
from flower_ng.store import Store, TaskQuery
from flower_ng.store import lifecycle
from tests.store.making import change, task

async def said(store):
    page = await store.tasks(TaskQuery(limit=1))
    print(json.dumps([store.failing, page.total, store.waiting, store.lost]), flush=True)

async def main():
    store = Store(Path(sys.argv[1]), max_tasks=10_000)
    store.start()
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    for number in range(3000):
        store.observe(change(task(f"u{number:04}", args="x" * 500)))
    await said(store)
    store.observe(change(task("later")))
    await said(store)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await asyncio.sleep(2.5)
    await said(store)
    store.stop()

asyncio.run(main())
"""


@pytest.fixture
async def full(tmp_path, monkeypatch, connections):
    """A store on a full disk that holds 500 changes while it cannot write."""
    monkeypatch.setattr(lifecycle, "MAX_MARKS", 500)
    store = Store(tmp_path / "db", max_tasks=10_000)
    store.start()
    store.begin(lambda: IngestStatus(1.0, 0))
    store.status()
    grow(connections, pages=5)
    yield store
    store.stop()


def grow(connections, pages):
    size = connections.execute("PRAGMA page_count")[0][0]
    connections.execute(f"PRAGMA max_page_count = {size + pages}")


def observe(store, count):
    for number in range(count):
        store.observe(change(task(f"u{number:05}", timestamp=float(number), args="x" * 500)))


async def until(condition):
    for _ in range(400):
        if condition():
            return
        await asyncio.sleep(0.05)
    pytest.fail("not within 20 s")


def test_a_file_that_may_not_grow_is_survived_and_recovered_from(tmp_path):
    command = [sys.executable, "-c", FILLER, str(tmp_path / "db")]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    (failing, total, waiting, lost), again, recovered = map(json.loads, lines)

    assert failing.startswith("The history cannot be written: ")
    assert (total + waiting, lost) == (3000, 0)
    assert (again[1] + again[2], again[3]) == (3001, 0)
    assert recovered == [None, 3001, 0, 0]


async def test_what_has_no_room_in_the_buffer_is_a_gap_with_its_count(
    full, connections, tmp_path, caplog
):
    observe(full, 3000)
    with caplog.at_level("ERROR"):
        await until(lambda: full.failing)
    page = await full.tasks(TaskQuery(limit=1))
    status = full.status()

    assert full.waiting <= 500
    assert page.total + full.waiting + full.lost == 3000
    assert [(gap.lost, gap.why) for gap in status.gaps] == [(full.lost, "store")]

    grow(connections, pages=100_000)
    await until(lambda: not full.failing and not full.waiting)
    await full.gaps(0, time.time())
    full.flush()

    assert (await full.tasks(TaskQuery(limit=1))).total == 3000 - full.lost
    reader = sqlite3.connect(tmp_path / "db.sqlite3")
    assert reader.execute("SELECT lost, why FROM gap").fetchall() == [(full.lost, "store")]
    reader.close()


async def test_the_newest_and_the_unfinished_are_given_up_last(full, connections, caplog):
    with caplog.at_level("ERROR"):
        observe(full, 1)
        full.observe(change(task("running", "STARTED", args="x" * 500)))
        observe(full, 3000)
        await until(lambda: full.failing)
    grow(connections, pages=100_000)
    await until(lambda: not full.failing and not full.waiting)

    assert await full.task("running") is not None
    assert await full.task("u02999") is not None


async def test_a_lock_of_another_program_never_holds_the_loop(tmp_path, caplog):
    store = Store(tmp_path / "db", max_tasks=10_000)
    store.start()
    other = sqlite3.connect(f"{tmp_path}/db.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    longest = 0.0

    with caplog.at_level("ERROR"):
        for number in range(250):
            began = time.perf_counter()
            store.observe(change(task(f"u{number}")))
            await asyncio.sleep(0.01)
            longest = max(longest, time.perf_counter() - began)
        assert "locked" in store.failing
        assert (await store.tasks(TaskQuery(limit=1))).total == 0
    other.execute("ROLLBACK")
    other.close()
    await until(lambda: not store.waiting)

    assert (await store.tasks(TaskQuery(limit=1))).total == 250
    assert longest < BUSY_TIMEOUT_S  # for so long SQLite holds whoever meets a lock
    assert store.lost == 0
    store.stop()
