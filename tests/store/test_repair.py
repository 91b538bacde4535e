"""What 0.1.0 kept wrong is put right while the store is used, in both kinds of database."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from flower_ng.store import TaskQuery, parse_search
from flower_ng.store.backends.postgresql import opened_database
from flower_ng.store.writing.repair import Repair, repaired
from tests.store.making import Table, change, task
from tests.store.repairing import KINDS, fill, opened

RAISED = "WorkerLostError('Signal 9')"


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def place(request, tmp_path):
    """Where a store is: a path, or a URL of a database."""
    if request.param == "SQLite":
        return str(tmp_path / "db")
    return request.getfixturevalue("postgres").new_database()


@pytest.fixture
def kept(place):
    """A store with 20,000 tasks of 0.1.0."""
    store = opened(place)
    store.start()
    store.stop()
    if "://" in place:
        database = opened_database(place, warn=print)
        fill(database.connect(writes=True), 20_000)
        database.close()
    else:
        with closing(sqlite3.connect(f"{place}.sqlite3", isolation_level=None)) as connection:
            fill(connection, 20_000)
    return place


async def check(store, count):
    """See that every task is as it is right."""
    share = count // len(KINDS)
    for state in {right for _, _, right in KINDS.values()}:
        number = sum(right == state for _, _, right in KINDS.values())
        assert await store.count(TaskQuery(state=state)) == number * share
    killed = TaskQuery(search=parse_search("exception:=workerlosterror"))
    assert await store.count(killed) == share
    assert await store.count(TaskQuery(search=parse_search("has:parent"))) == 0
    row = await store.task("t3")
    assert (row.exception, row.exception_class, row.exception_line) == (
        RAISED,
        "WorkerLostError",
        RAISED,
    )
    assert [(await store.task(f"t{n}")).timestamp for n in KINDS] == [3.0, 3.0, 2.5, 2.5, 2.5]


async def finished(store):
    while store.repaired is not None:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.02)


async def test_it_is_repaired_while_the_store_is_read_and_written(kept):
    store = opened(kept)
    store.start()
    try:
        store.begin()
        assert store.status().repaired == 0
        store.observe(change(task("new")))
        assert (await store.task("new")).state == "SUCCESS"
        assert store.repaired is not None, "readers do not wait for it"
        await finished(store)
        await store.forget_task("new")
        await check(store, 20_000)
    finally:
        store.stop()


def killed(place):
    """Have another process repair, kill it in the middle, and return how far it said it was."""
    command = [sys.executable, "-m", "tests.store.repairing", place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        told = 0.0
        while not 0.1 < told < 1:
            told = float(process.stdout.readline())
        process.kill()
    return told


async def test_a_repair_that_is_killed_goes_on_where_it_was(kept):
    told = killed(kept)
    store = opened(kept)
    store.start()
    try:
        assert told <= store.repaired < 1
        store.begin()
        await finished(store)
        await check(store, 20_000)
    finally:
        store.stop()


async def test_what_comes_back_into_memory_is_right_before_the_store_is(kept):
    store = opened(kept)
    store.start()
    states = {one.uuid: one.state for one in store.restored(20).tasks if one.uuid < "t1"}
    store.stop()

    assert states in ({}, {"t0": "SUCCESS"})


def test_a_row_that_is_newer_than_0_1_0_keeps_its_state():
    kept = {"uuid": "a", "state": "RETRY", "received": 1.0, "started": 2.0, "succeeded": 3.0}
    more = {"failed": None, "parent_id": None, "exception": None, "traceback": None}

    assert repaired({**kept, **more, "progress": None}) == {"state": "SUCCESS", "timestamp": 3.0}
    assert repaired({**kept, **more, "progress": 20_000}) == {}


@pytest.mark.parametrize(
    ("state", "late", "right"),
    [("SUCCESS", "STARTED", "SUCCESS"), ("STARTED", "RECEIVED", "STARTED"),
     ("STARTED", "FAILURE", "FAILURE"), ("PROGRESS", "STARTED", "PROGRESS")],
)  # fmt: skip
def test_what_is_told_late_of_a_row_of_0_1_0_does_not_take_it_back(table, state, late, right):
    with table() as tasks:
        fill(tasks.connection, 5)
        tasks.connection.execute(
            f"UPDATE task SET state = '{state}', state_folded = '{state.lower()}' WHERE uuid = 't0'"
        )

        tasks.write(task("t0", state=late, retries=0))

        assert tasks.task("t0").state == right


def test_the_index_is_told_of_what_is_repaired():
    table = Table()
    fill(table.connection, 10)
    table.connection.execute(
        "UPDATE sealed SET id = 5, epoch = 1"
    )  # two of each kind, the first five of which are wrong
    repair = Repair()
    repair.open(table.connection)

    repair.step(table.connection)

    noted = table.connection.execute("SELECT count(*) FROM stale WHERE epoch = 1").fetchone()
    assert noted == (5,)
    assert repair.share is None
    table.connection.close()
