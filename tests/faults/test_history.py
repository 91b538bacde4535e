"""A history that is silent, away or lost: what is heard is kept, and what is missing is said."""

import asyncio
import sqlite3
import subprocess
import time
from contextlib import closing

import pytest

from flower_ng.errors import Unavailable
from flower_ng.store import Limits, Store, TaskQuery
from tests.faults.freezing import frozen
from tests.services import PATIENCE
from tests.store.making import change, task

pytestmark = pytest.mark.live


@pytest.fixture
async def store(tmp_path):
    store = Store(tmp_path / "data" / "db", max_tasks=1000)
    store.start()
    store.begin()
    yield store
    store.stop()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 MB; needs root."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def until(happened, timeout_s=15.0):
    async with asyncio.timeout(timeout_s * PATIENCE):
        while not happened():  # noqa: ASYNC110 - the outside world has no Event
            await asyncio.sleep(0.05)


async def total(store):
    return (await store.tasks(TaskQuery(limit=0))).total


def kept(path):
    """Return the ids of the tasks that are found under the file's name."""
    with closing(sqlite3.connect(path)) as connection:
        return {uuid for (uuid,) in connection.execute("SELECT uuid FROM task")}


@pytest.mark.faults
async def test_a_silent_server_is_said_to_be_silent_and_gets_all_when_it_answers(own_postgres):
    store = Store(None, max_tasks=1000, history=own_postgres.new_database())
    store.start()
    longest_s = 0.0
    try:
        with frozen(own_postgres):
            store.observe(change(task("a")))
            async with asyncio.timeout(60):
                while not store.failing:
                    began = time.monotonic()
                    await asyncio.sleep(0.02)
                    longest_s = max(longest_s, time.monotonic() - began)
        await until(lambda: not store.failing and not store.waiting)

        assert (await store.task("a")).uuid == "a"
        assert store.lost == 0
        assert longest_s < 2
    finally:
        store.stop()


async def test_a_server_that_is_away_at_the_start_gets_all_when_it_is_there(own_postgres):
    url = own_postgres.new_database()
    own_postgres.stop()
    store = Store(None, max_tasks=1000, history=url)
    store.start()
    store.begin()
    try:
        store.observe(change(task("a")))

        assert "cannot be used" in store.failing
        with pytest.raises(Unavailable, match="cannot be used"):
            await store.task("a")

        own_postgres.start()
        await until(lambda: not store.failing and not store.waiting)
        assert (await store.task("a")).uuid == "a"
    finally:
        store.stop()


async def test_a_folder_that_is_gone_is_made_again_with_the_whole_history(store, tmp_path):
    store.observe(change(task("old")))
    assert await total(store) == 1

    (tmp_path / "data").rename(tmp_path / "gone")
    store.observe(change(task("new")))
    await until(lambda: store.warnings)
    await until(lambda: not store.failing and not store.waiting)

    assert await total(store) == 2
    assert "was deleted while flower_ng ran; all of it was written" in store.warnings[0]
    store.stop()
    assert kept(tmp_path / "data" / "db.sqlite3") == {"old", "new"}


async def test_a_file_in_its_place_is_set_aside(store, tmp_path):
    store.observe(change(task("ours")))
    assert await total(store) == 1
    path = tmp_path / "data" / "db.sqlite3"

    other = tmp_path / "other"
    other.write_bytes(b"of somebody else")
    other.rename(path)
    await until(lambda: store.warnings)
    await until(lambda: not store.failing)

    (aside,) = path.parent.glob("*corrupt-*")
    assert aside.read_bytes() == b"of somebody else"
    assert str(aside) in store.warnings[0]
    store.stop()
    assert kept(path) == {"ours"}


async def test_what_is_in_memory_is_written_to_a_new_file_where_the_old_is_cut(store, tmp_path):
    memory = [task(f"u{n:03}", args="x" * 500) for n in range(200)]
    for one in memory:
        store.observe(change(one))
    assert await total(store) == 200
    store.memory_is(lambda _: None, lambda: (memory[:50], []))
    store.session_ends.put("a session", time.time())
    again = []
    store.when_reopened(lambda: again.append("pauses, drains and revokes"))
    path = tmp_path / "data" / "db.sqlite3"
    await checkpoint(path)

    with path.open("r+b") as file:
        file.truncate(5000)
    await until(lambda: store.warnings)
    await until(lambda: not store.failing and not store.waiting)

    assert "A new history was begun with the 50 tasks in memory" in store.warnings[0]
    assert await total(store) == 50
    store.stop()
    assert len(kept(path)) == 50
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT key FROM note WHERE kind = 'session'").fetchall()
    assert found == [("a session",)]
    assert again == ["pauses, drains and revokes"]


async def checkpoint(path):
    """Have what is in the log moved to the file, and the store look at its size."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert path.stat().st_size > 100_000
    await asyncio.sleep(2.5)


@pytest.mark.parametrize("content", [b"", bytes(100_000)], ids=["empty", "zeros"])
async def test_a_blank_file_at_the_start_is_set_aside(tmp_path, content):
    (tmp_path / "db.sqlite3").write_bytes(content)
    store = Store(tmp_path / "db", max_tasks=10)
    store.start()
    store.stop()

    assert "was corrupt (it is blank)" in store.warnings[0]
    (aside,) = tmp_path.glob("*corrupt-*")
    assert aside.read_bytes() == content


async def test_what_is_stopped_before_it_begins_is_not_opened_again(tmp_path):
    store = Store(tmp_path / "db", max_tasks=10)
    store.start()
    store.stop()
    store.begin()
    await asyncio.sleep(2.5)  # it looks at its file every two seconds

    assert not store.is_persistent


@pytest.mark.faults
async def test_on_a_full_disk_what_is_too_old_is_deleted_and_makes_room_for_what_comes(small_disk):
    now = [time.time()]
    limits = Limits(max_age_s=3600.0)
    store = Store(small_disk / "db", max_tasks=1_000_000, limits=limits, clock=lambda: now[0])
    store.start()
    store.begin()
    sent = 0

    def send(count):
        nonlocal sent
        for number in range(sent, sent + count):
            one = task(f"u{number}", "SUCCESS", timestamp=now[0], args="x" * 500)
            store.observe(change(one))
        sent += count

    try:
        await until((small_disk / "db.sqlite3.spare").exists)
        while not store.failing:
            send(500)
            await asyncio.sleep(0.1)
        assert "disk is full" in store.failing

        now[0] += 7200
        send(1)
        await until(lambda: not store.failing and not store.waiting, 60.0)
        old = sent - 1
        now[0] += 61  # ages are looked at once a minute
        await until(lambda: store.status().deleted["max_age"] == old - store.lost, 60.0)
        assert await store.task(f"u{sent - 1}") is not None
    finally:
        store.stop()
