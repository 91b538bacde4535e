import asyncio
import logging
import sqlite3
import time

import pytest

from flower_ng.records import Worker
from flower_ng.store import SeriesQuery, Store
from flower_ng.store.rollups.recorder import IngestStatus, Rollups
from tests.store.rollups.making import HOUR, Thread, beat, told

NOW = HOUR + 30.0


@pytest.fixture
def connection():
    made = sqlite3.connect(":memory:", isolation_level=None)
    yield made
    made.close()


@pytest.fixture
def thread(connection):
    return Thread(connection)


def opened(thread, **arguments):
    rollups = Rollups(clock=lambda: NOW, **arguments)
    rollups.open(thread)
    return rollups


def sent(connection):
    """How many task-sent there are in all, as it is written."""
    asked = (
        "SELECT sum(json_extract(body, '$[0][0]')) FROM rollup WHERE kind = 'task' AND name = ''"
    )
    return connection.execute(asked).fetchone()[0]


async def totals(store, kind="task", names=("",)):
    page = await store.series(SeriesQuery(kind, names, time.time() - 120, time.time() + 60, 60))
    return page.series[0].whole


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "db", max_tasks=100)
    made.start()
    yield made
    made.stop()


async def test_an_answer_includes_every_event_before_it(store):
    for _ in range(3):
        store.rollups.minutes.observe(told("sent", time.time()))

    assert (await totals(store)).sent == 3
    store.rollups.minutes.observe(told("sent", time.time()))
    assert (await totals(store)).sent == 4


async def test_a_worker_that_beat_is_in_the_answer(store):
    worker = Worker("w1@box", heartbeats=(1.0,), active=2, loadavg=(0.1, 0.2, 0.3))
    store.rollups.minutes.observe(beat(time.time(), worker))

    found = await totals(store, "worker", None)

    assert (found.active.last, found.load.last) == (2, 0.1)


async def test_a_restart_adds_to_the_minute_under_way(tmp_path):
    for _ in range(2):
        store = Store(tmp_path / "db", max_tasks=100)
        store.start()
        store.rollups.minutes.observe(told("sent", time.time()))
        store.stop()

    again = Store(tmp_path / "db", max_tasks=100)
    again.start()
    assert (await totals(again)).sent == 2
    again.stop()


async def test_what_is_counted_is_written_each_second_without_a_reader(tmp_path):
    store = Store(tmp_path / "db", max_tasks=100)
    store.start()
    store.rollups.begin(lambda: IngestStatus(1.0, 0))
    store.rollups.minutes.observe(told("sent", time.time()))
    await asyncio.sleep(1.5)

    other = sqlite3.connect(f"{tmp_path}/db.sqlite3")
    assert sent(other) == 1
    other.close()
    store.stop()


async def test_time_is_observed_from_the_beginning_to_the_question(store):
    before = time.time()
    store.rollups.begin(lambda: IngestStatus(1.0, 0))
    await asyncio.sleep(0.3)

    page = await store.series(SeriesQuery("task", ("",), before, time.time() + 60, 60))

    observed_s = sum(bucket.observed_s for bucket in page.buckets)
    assert 0.29 < observed_s <= time.time() - before


async def test_a_write_under_way_is_waited_for_and_what_came_since_is_written(thread, connection):
    rollups = opened(thread)
    thread.hold = True
    rollups.minutes.observe(told("sent", NOW))
    early = asyncio.create_task(rollups.settled())
    await asyncio.sleep(0)
    rollups.minutes.observe(told("sent", NOW))
    late = asyncio.create_task(rollups.settled())
    await asyncio.sleep(0.01)

    thread.release()
    await early
    assert sent(connection) == 1
    assert not late.done()
    await asyncio.sleep(0.01)
    thread.release()
    await late
    assert sent(connection) == 2


async def test_what_could_not_be_written_is_written_with_the_next(thread, connection, caplog):
    rollups = opened(thread)
    rollups.minutes.observe(told("sent", NOW))
    thread.error = sqlite3.OperationalError("database or disk is full")

    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            await rollups.settled()
    assert rollups.failing == "database or disk is full"
    assert len(caplog.records) == 1

    thread.error = None
    rollups.minutes.observe(told("sent", NOW))
    await rollups.settled()

    assert (sent(connection), rollups.failing) == (2, None)


async def test_a_write_that_fails_half_way_adds_nothing_twice(thread, connection):
    rollups = opened(thread)
    connection.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON rollup WHEN new.name = 'z'"
        " BEGIN SELECT raise(ABORT, 'no'); END"
    )
    rollups.minutes.observe(told("sent", NOW, "a"))
    rollups.minutes.observe(told("sent", NOW, "z"))
    await rollups.settled()
    assert sent(connection) is None

    connection.execute("DROP TRIGGER refuse")
    await rollups.settled()

    assert sent(connection) == 2


async def test_what_can_never_be_written_holds_up_nothing(thread, connection, caplog):
    rollups = opened(thread)
    rollups.minutes.observe(told("sent", NOW))
    thread.error = TypeError("no such thing")
    with caplog.at_level(logging.ERROR):
        await rollups.settled()

    thread.error = None
    rollups.minutes.observe(told("sent", NOW))
    await rollups.settled()

    assert (sent(connection), rollups.minutes.given_up) == (1, 1)


async def test_names_that_no_database_takes_are_written_without_their_bad_characters(
    thread, connection
):
    rollups = opened(thread)
    rollups.minutes.observe(told("sent", NOW, "a\ud800"))
    rollups.minutes.observe(told("sent", NOW, "a\0"))

    await rollups.settled()

    names = {name for (name,) in connection.execute("SELECT name FROM rollup")}
    assert names == {"", "a?", "a\ufffd"}


def test_stopping_writes_what_is_left_without_a_loop(thread, connection):
    rollups = opened(thread)
    rollups.minutes.observe(told("sent", NOW))

    rollups.stop()
    rollups.stop()

    assert sent(connection) == 1


def test_opening_a_table_that_is_there_is_harmless(thread, connection):
    opened(thread)
    opened(thread)

    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("rollup",)]
