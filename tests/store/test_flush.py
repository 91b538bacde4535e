import asyncio
import logging
import sqlite3
import threading
import time
from concurrent.futures import Future

import pytest

from flower_ng.records import Worker
from flower_ng.store import Store, TaskQuery
from flower_ng.store.tables.timeline import entries
from flower_ng.store.writing.changes import Marks
from flower_ng.store.writing.flush import BATCH_TASKS, SOON_WRITTEN, Flusher
from tests.store.making import change, heartbeat, task


class Disk:
    """Stands in for the writer: tests decide when a batch is done and how it ends."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.batches = []
        self.hold = False
        self.held: list[Future] = []

    def run(self, job):
        future = Future()
        try:
            job(None)
        except Exception as error:  # noqa: BLE001 - as the store thread's future carries it
            future.set_exception(error)
        else:
            if self.hold:
                self.held.append(future)
            else:
                future.set_result(None)
        return future

    def write(self, batch):
        self.batches.append(batch)
        if self.error:
            raise self.error

    def release(self):
        self.held.pop(0).set_result(None)

    @property
    def rows(self):
        return [[row.uuid for row in batch.rows] for batch in self.batches]


@pytest.fixture
def marks():
    return Marks(max_tasks=5000)


async def until(happened, timeout_s=10.0):
    """Wait for what a busy machine does a little later."""
    end = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < end, happened
        await asyncio.sleep(0.01)


def mark(flusher, marks, *tasks):
    for one in tasks:
        marks.mark(change(one))
        flusher.marked()


async def test_what_is_marked_is_written_soon(marks):
    disk = Disk()
    flusher = Flusher(marks, disk)

    mark(flusher, marks, task("u"))
    await until(lambda: disk.rows)

    assert disk.rows == [["u"]]


async def test_changes_of_one_task_are_written_once(marks):
    disk = Disk()
    flusher = Flusher(marks, disk)
    short = task("u", "RECEIVED")

    mark(flusher, marks, short)
    short.state = "STARTED"
    mark(flusher, marks, short)
    short.state = "SUCCESS"
    mark(flusher, marks, short)
    await flusher.settled()

    assert [batch.rows[0].values[2] for batch in disk.batches] == ["SUCCESS"]


async def test_a_full_batch_does_not_wait_for_the_clock(marks):
    disk = Disk()
    flusher = Flusher(marks, disk)

    mark(flusher, marks, *(task(f"u{n}") for n in range(BATCH_TASKS)))
    assert disk.batches == []  # it is taken in steps, each a turn of the loop
    await until(lambda: disk.rows)

    assert disk.rows == [[f"u{n}" for n in range(BATCH_TASKS)]]


async def test_who_blocks_has_written_what_is_being_taken_too(marks):
    disk = Disk()
    flusher = Flusher(marks, disk)

    mark(flusher, marks, *(task(f"u{n}") for n in range(BATCH_TASKS)))
    flusher.flush()
    await asyncio.sleep(0.01)

    assert [uuid for rows in disk.rows for uuid in rows] == [f"u{n}" for n in range(BATCH_TASKS)]


def test_a_batch_that_takes_in_a_later_one_is_as_if_taken_then(marks):
    for host in ("stays", "goes"):
        marks.mark(change(task(f"of {host}"), worker=Worker(host)))
    batch = marks.take(1)
    marks.forget("goes")
    marks.mark(change(task("late"), worker=Worker("comes")))

    batch.add(marks.take(9))

    assert [row.uuid for row in batch.rows] == ["of stays", "of goes", "late"]
    assert batch.hosts.keys() == batch.workers.keys() == {"stays", "comes"}
    assert batch.forgotten == {"goes"}


async def test_what_is_forgotten_while_it_is_being_taken_does_not_come_back(tmp_path):
    store = Store(tmp_path / "db", max_tasks=50_000)
    store.start()
    store.begin()
    for number in range(BATCH_TASKS):
        store.observe(change(task(f"u{number}")))

    await asyncio.gather(store.forget_task("u0"), store.forget_task(f"u{BATCH_TASKS - 1}"))

    assert await store.task("u0") is await store.task(f"u{BATCH_TASKS - 1}") is None
    assert await store.count(TaskQuery()) == BATCH_TASKS - 2
    store.stop()


async def test_in_a_hurry_nobody_waits_for_many(marks):
    disk = Disk()
    disk.hold = True
    flusher = Flusher(marks, disk)
    mark(flusher, marks, *(task(f"u{n}") for n in range(SOON_WRITTEN)))
    patient = asyncio.create_task(flusher.settled(in_a_hurry=True))
    await asyncio.sleep(0.01)
    assert not patient.done()

    mark(flusher, marks, task("one more"))
    await asyncio.wait_for(flusher.settled(in_a_hurry=True), 1)
    await until(lambda: disk.held)
    disk.release()
    await patient


async def test_while_a_batch_is_under_way_marks_wait_and_a_reader_waits_for_its_own(marks):
    disk = Disk()
    disk.hold = True
    flusher = Flusher(marks, disk)
    mark(flusher, marks, task("first"))
    early = asyncio.create_task(flusher.settled())
    await asyncio.sleep(0)
    mark(flusher, marks, task("second"))
    late = asyncio.create_task(flusher.settled())
    await until(lambda: disk.rows)

    assert disk.rows == [["first"]]
    disk.release()
    await early
    assert not late.done()
    await until(lambda: len(disk.rows) > 1)
    assert disk.rows == [["first"], ["second"]]
    disk.release()
    await late


async def test_who_waits_when_the_file_is_lost_has_nothing_more_written_to_it(marks):
    disk = Disk()
    disk.hold = True
    flusher = Flusher(marks, disk)
    mark(flusher, marks, task("first"))
    early = asyncio.create_task(flusher.settled())
    await asyncio.sleep(0)
    mark(flusher, marks, task("second"))
    late = asyncio.create_task(flusher.settled())
    await asyncio.sleep(0)

    disk.release()
    flusher.pause()
    await asyncio.wait_for(asyncio.gather(early, late), 1)

    assert disk.rows == [["first"]]
    assert [one.uuid for one in marks.tasks.values()] == ["second"]


async def test_a_task_that_left_memory_and_came_back_is_written_as_both_records(marks):
    disk = Disk()
    flusher = Flusher(marks, disk)

    mark(flusher, marks, task("u", "SUCCESS"), task("u", "STARTED"))
    await flusher.settled()

    assert disk.rows == [["u", "u"]]


async def test_a_failed_write_is_tried_again_as_it_was_and_before_what_came_since(marks):
    disk = Disk(sqlite3.OperationalError("database or disk is full"))
    flusher = Flusher(marks, disk)
    mark(flusher, marks, task("a", progress=7))
    await flusher.settled()
    assert flusher.failing == "database or disk is full"

    disk.error = None
    mark(flusher, marks, task("b"))
    await until(lambda: len(disk.rows) > 1)

    assert disk.rows == [["a"], ["a", "b"]]
    assert [batch.rows[0].progress for batch in disk.batches] == [7, 7]
    assert (flusher.failing, flusher.failures) == (None, 1)


async def test_events_of_a_failed_write_are_written_once_and_before_later_ones(marks):
    disk = Disk(sqlite3.OperationalError("database or disk is full"))
    flusher = Flusher(marks, disk)
    one = task("a")
    mark(flusher, marks, one, one)
    await flusher.settled()

    disk.error = None
    one.timestamp = 9.0
    mark(flusher, marks, one)
    flusher.flush()

    assert [[event.at for event in entries(batch.rows[0].newest)] for batch in disk.batches] == [
        [1.0, 1.0],
        [1.0, 1.0, 9.0],
    ]


def test_a_task_holds_a_bounded_number_of_events_and_counts_the_others():
    marks = Marks(max_tasks=10, max_events=3)
    one = task("u")
    for _ in range(5):
        marks.mark(change(one))
    batch = marks.take(10)
    assert (batch.rows[0].newest.count, batch.rows[0].left_out) == (3, 2)

    marks.mark(change(one))
    marks.put_back(batch)
    (row,) = marks.take(10).rows

    assert (row.newest.count, row.left_out) == (3, 3)


async def test_readers_are_not_held_up_by_a_disk_that_fails(marks):
    flusher = Flusher(marks, Disk(sqlite3.OperationalError("disk I/O error")))
    mark(flusher, marks, task("u"))
    started = time.monotonic()

    await flusher.settled()
    await flusher.settled()

    assert time.monotonic() - started < 0.5


def test_failures_are_logged_once_a_minute(marks, caplog):
    now = [100.0]
    flusher = Flusher(marks, Disk(sqlite3.OperationalError("full")), clock=lambda: now[0])
    marks.mark(change(task("u")))

    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            flusher.flush()
        assert len(caplog.records) == 1
        now[0] += 61
        flusher.flush()

    assert len(caplog.records) == 2
    assert flusher.failures == 6


def test_a_batch_that_can_never_be_written_is_counted_as_lost_and_holds_up_nothing(marks, caplog):
    disk = Disk(TypeError("no such thing"))
    flusher = Flusher(marks, disk)
    marks.mark(change(task("u")))

    with caplog.at_level(logging.ERROR):
        flusher.flush()

    assert (marks.lost, flusher.failing, bool(marks)) == (1, None, False)


def test_stopping_counts_what_could_not_be_written(marks, caplog):
    flusher = Flusher(marks, Disk(sqlite3.OperationalError("full")))
    marks.mark(change(task("u")))

    with caplog.at_level(logging.ERROR):
        flusher.stop()

    assert marks.lost == 1
    assert "1 tasks could not be written" in caplog.text


def test_past_their_bound_the_oldest_finished_marks_are_given_up_and_counted():
    marks = Marks(max_tasks=20)

    for number in range(23):
        marks.mark(change(task(f"u{number}", "STARTED" if number % 2 else "SUCCESS")))

    assert marks.lost == 4
    assert [one.uuid for one in marks.tasks.values()][:4] == ["u1", "u3", "u5", "u7"]


def test_a_worker_forgotten_while_its_row_was_written_stays_forgotten(marks):
    worker = Worker("w@box")
    marks.mark(heartbeat(worker))
    batch = marks.take(10)
    marks.forget("w@box")

    marks.put_back(batch)

    assert (marks.hosts, marks.forgotten) == ({}, {"w@box"})


def test_a_snapshot_is_not_changed_by_what_comes_later(marks):
    worker, counts = Worker("w@box", pid=1), {"w@box": {"x": 1}}
    marks.counts = counts
    marks.mark(heartbeat(worker))

    batch = marks.take(10)
    worker.pid = 2
    counts["w@box"]["x"] = 2

    assert batch.workers["w@box"].pid == 1
    assert batch.counters == {"w@box": {"x": 1}}


async def test_a_full_disk_is_said_survived_and_recovered_from(tmp_path, caplog, connections):
    store = Store(tmp_path / "db", max_tasks=5000)
    store.start()
    size = connections.execute("PRAGMA page_count")[0][0]
    connections.execute(f"PRAGMA max_page_count = {size + 5}")

    with caplog.at_level(logging.ERROR):
        for number in range(2000):
            store.observe(change(task(f"u{number}", args="x" * 500)))
        page = await store.tasks(TaskQuery(limit=1))

    assert "full" in store.failing
    assert page.total < 2000

    connections.execute("PRAGMA max_page_count = 1000000")
    await until(lambda: store.failing is None)
    page = await store.tasks(TaskQuery(limit=1))
    store.stop()

    assert (store.failing, page.total, store.lost) == (None, 2000, 0)


async def test_a_lock_of_another_program_delays_and_loses_nothing(tmp_path, caplog):
    store = Store(tmp_path / "db", max_tasks=100)
    store.start()
    other = sqlite3.connect(f"{tmp_path}/db.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with caplog.at_level(logging.ERROR):
        store.observe(change(task("u")))
        page = await store.tasks(TaskQuery())
    assert (page.total, "locked" in store.failing) == (0, True)

    other.execute("ROLLBACK")
    other.close()
    await until(lambda: store.failing is None)
    page = await store.tasks(TaskQuery())
    store.stop()
    assert page.total == 1


async def test_marking_and_a_snapshot_cost_microseconds_a_task():
    marks = Marks(max_tasks=100_000)
    changes = [change(task(f"u{n}", args="()", kwargs="{}")) for n in range(20_000)]

    started = time.thread_time()
    for one in changes:
        marks.mark(one)
    marking_us = (time.thread_time() - started) / len(changes) * 1e6
    started = time.thread_time()
    marks.take(len(changes))
    taking_us = (time.thread_time() - started) / len(changes) * 1e6

    assert marking_us < 10  # some 0.7
    assert taking_us < 25  # some 3


def test_events_applied_on_a_thread_without_a_loop_are_written_too(tmp_path):
    store = Store(tmp_path / "db", max_tasks=9000)
    store.start()

    def apply():
        for number in range(5000):
            store.observe(change(task(f"u{number}")))

    thread = threading.Thread(target=apply)
    thread.start()
    thread.join()

    assert store.waiting < BATCH_TASKS
    store.stop()


async def test_what_is_being_written_is_not_yet_written(marks):
    disk = Disk()
    disk.hold = True
    flusher = Flusher(marks, disk)
    mark(flusher, marks, task("u1"), task("u2"))
    reading = asyncio.ensure_future(flusher.settled())
    await asyncio.sleep(0)
    mark(flusher, marks, task("u3"))

    assert (disk.rows, flusher.waiting) == ([["u1", "u2"]], 3)
    disk.release()
    await reading
    assert flusher.waiting == 1


async def test_the_lag_is_the_age_of_the_oldest_change_that_is_not_written(marks):
    now, disk = [0.0], Disk()
    disk.hold = True
    flusher = Flusher(marks, disk, clock=lambda: now[0])
    assert flusher.lag_s == 0
    for number in range(BATCH_TASKS):
        marks.mark(change(task(f"a{number}")))
        flusher.marked()
    await until(lambda: disk.held)
    now[0] = 2
    marks.mark(change(task("b")))
    flusher.marked()
    now[0] = 5
    assert flusher.lag_s == 5

    disk.release()
    await until(lambda: flusher.lag_s == 3)

    await until(lambda: disk.held)
    disk.release()
    await until(lambda: flusher.lag_s == 0)
