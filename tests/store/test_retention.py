import asyncio
import logging
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from flower_ng.monitor.state.state import ClusterState
from flower_ng.store import Limits, Store, TaskQuery, parse_search
from flower_ng.store.tables.dialect import SQLITE
from flower_ng.store.writing.changes import Marks
from flower_ng.store.writing.retention import EXACT_BELOW, STEP_ROWS, Sweep
from tests.store.making import Table, change, task

DAY_S = 86_400.0
NOW = 1000 * DAY_S


class Swept(Table):
    """A task table and the Sweep that keeps its bounds."""

    def __init__(self, *, max_tasks=1_000_000, dialect=SQLITE, index_bytes=0, **limits):
        super().__init__()
        self.now = NOW
        self.sweep = Sweep(
            max_tasks=max_tasks,
            limits=Limits(**limits),
            clock=lambda: self.now,
            dialect=dialect,
            index_bytes=lambda: index_bytes,
        )
        self.sweep.open(self.connection)

    def add(self, *tasks):
        before = self.count()
        self.write(*tasks)
        self.sweep.wrote(self.connection, self.count() - before)

    def fill(self, count, *, state="SUCCESS", start=0, **fields):
        for first in range(start, start + count, 512):
            last = min(first + 512, start + count)
            self.add(
                *(
                    task(f"{n:07}", state, NOW - 1000 + n / 1e6, **fields)
                    for n in range(first, last)
                )
            )

    def count(self):
        return self.connection.execute("SELECT count(*) FROM task").fetchone()[0]

    def run(self):
        """Take all steps; return how many rows each deleted."""
        sizes = []
        while True:
            before = self.count()
            self.sweep.step(self.connection)
            sizes.append(before - self.count())
            if not self.sweep.is_behind:
                return sizes

    def deleted(self):
        return {reason: count for reason, count in self.sweep.deleted.items() if count}


@pytest.fixture
def swept():
    made = []

    def make(**bounds):
        made.append(Swept(**bounds))
        return made[-1]

    yield make
    for one in made:
        one.connection.close()


def test_a_small_bound_is_kept_to_the_row_with_each_write(swept):
    table = swept(max_tasks=10)

    table.fill(25)

    assert (table.count(), table.deleted()) == (10, {"max_tasks": 15})


def test_finished_tasks_go_before_older_ones_that_still_run(swept):
    table = swept(max_tasks=2)

    table.add(task("old", "STARTED", 1), task("done", "SUCCESS", 2), task("new", "RECEIVED", 3))

    assert table.uuids() == ["new", "old"]


def test_a_large_bound_lets_a_fiftieth_go_at_once_in_steps_of_500(swept):
    table = swept(max_tasks=EXACT_BELOW + STEP_ROWS)
    table.fill(EXACT_BELOW + STEP_ROWS + 3)

    steps = table.run()

    assert max(steps) <= STEP_ROWS
    assert sum(steps) == (EXACT_BELOW + STEP_ROWS) // 50
    assert table.sweep.held.tasks == table.count()


def test_tasks_go_when_their_newest_event_is_older_than_the_age(swept):
    table = swept(max_age_s=30 * DAY_S, max_failure_age_s=90 * DAY_S)
    table.add(
        task("young", "SUCCESS", NOW - 29 * DAY_S),
        task("old", "SUCCESS", NOW - 31 * DAY_S),
        task("stuck", "STARTED", NOW - 31 * DAY_S),
        task("failed", "FAILURE", NOW - 31 * DAY_S),
        task("failed long ago", "FAILURE", NOW - 91 * DAY_S),
    )

    table.run()

    assert sorted(table.uuids()) == ["failed", "young"]
    assert table.deleted() == {"max_age": 2, "max_failure_age": 1}


def test_failures_may_go_earlier_than_the_rest(swept):
    table = swept(max_failure_age_s=DAY_S)
    table.add(task("done", "SUCCESS", 1), task("failed", "FAILURE", 1))

    table.run()

    assert table.uuids() == ["done"]


def test_tasks_of_other_dashboards_are_counted_once_a_minute(swept):
    table = swept(max_tasks=5, dialect=replace(SQLITE, is_shared=True))
    table.write(*(task(f"u{number}", timestamp=number) for number in range(8)))

    assert table.run() == [0, 3]
    assert table.sweep.held.tasks == 5


def test_age_is_looked_at_once_a_minute(swept):
    table = swept(max_age_s=DAY_S)
    table.run()
    table.add(task("u", timestamp=NOW - 2 * DAY_S))

    table.run()
    assert table.count() == 1
    table.now += 60
    table.run()
    assert table.count() == 0


def test_what_is_too_large_shrinks_to_its_bound_with_the_oldest_gone(swept):
    table = swept(max_bytes=4_000_000)
    table.fill(9000, args="x" * 600)

    table.run()

    assert 2_000_000 < table.sweep.held.bytes <= 4_000_000
    assert table.deleted()["max_bytes"] == 9000 - table.count()
    assert min(table.uuids()) == f"{9000 - table.count():07}"


def test_the_index_counts_into_the_size(swept):
    table = swept(max_bytes=10_000_000, index_bytes=9_900_000)
    table.fill(1000, args="x" * 600)

    table.run()

    assert table.deleted()["max_bytes"] >= 20


def test_what_is_held_tells_the_oldest_and_the_newest(swept):
    table = swept()
    table.add(task("a", timestamp=5), task("b", timestamp=7))

    table.sweep.step(table.connection)

    held = table.sweep.held
    assert (held.tasks, held.oldest, held.newest) == (2, 5, 7)
    assert held.bytes > 0


async def wait_until(condition, seconds=30):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)


async def test_a_running_store_deletes_what_is_old_by_itself(history):
    store = Store(
        None, max_tasks=100, history=history, limits=Limits(max_age_s=50), clock=lambda: 100.0
    )
    store.start()
    store.observe(change(task("old", timestamp=1)))
    store.observe(change(task("new", timestamp=99)))
    store.begin()

    await wait_until(lambda: store.status().deleted["max_age"])

    assert [row.uuid for row in (await store.tasks(TaskQuery())).rows] == ["new"]
    assert (store.status().tasks, store.status().oldest) == (1, 99)
    store.stop()


def test_without_a_loop_flushing_keeps_the_bounds():
    store = Store(None, max_tasks=100, limits=Limits(max_age_s=50), clock=lambda: 100.0)
    store.start()
    store.observe(change(task("old", timestamp=1)))

    store.flush()

    assert store.status().deleted["max_age"] == 1
    store.stop()


async def test_deleting_that_fails_is_said_once_and_tried_again(tmp_path, caplog):
    store = Store(tmp_path / "db", max_tasks=100, limits=Limits(max_age_s=50), clock=lambda: 100.0)
    store.start()
    store.observe(change(task("old", timestamp=1)))
    await store.tasks(TaskQuery())
    with closing(sqlite3.connect(f"{tmp_path}/db.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with caplog.at_level(logging.ERROR):
            store.begin()
            await wait_until(lambda: caplog.records)

    await wait_until(lambda: store.status().deleted["max_age"])

    assert "could not be kept within its bounds" in caplog.text
    store.stop()


# Forgetting


@pytest.fixture
def store(tmp_path, history):
    made = Store(tmp_path / "db", max_tasks=5000, history=history)
    made.start()
    yield made
    made.stop()


async def known(store, **query):
    return sorted(row.uuid for row in (await store.tasks(TaskQuery(**query))).rows)


async def test_a_forgotten_task_leaves_file_and_memory(store):
    state = ClusterState(observers=(store,))
    store.memory_is(state.forget_tasks)
    for uuid in ("a", "b"):
        state.event({"type": "task-received", "hostname": "w@x", "uuid": uuid, "timestamp": 1.0})

    assert await store.forget_task("a")

    assert await known(store) == ["b"]
    assert list(state.tasks) == ["b"]
    assert sum(state.tallies.states.values()) == 1
    assert store.status().deleted["forgotten"] == 1


async def test_forgetting_what_nobody_knows_says_so(store):
    assert not await store.forget_task("nothing")


async def test_a_forgotten_task_is_known_again_with_its_next_event(store):
    state = ClusterState(observers=(store,))
    store.memory_is(state.forget_tasks)
    received = {"type": "task-received", "hostname": "w@x", "uuid": "a", "timestamp": 1.0}
    state.event({**received, "args": "secret"})
    await store.forget_task("a")

    state.event({**received, "type": "task-started", "timestamp": 2.0})

    row = await store.task("a")
    assert (row.state, row.args) == ("STARTED", None)


async def test_all_that_match_are_forgotten_and_nothing_else(store):
    for number in range(1300):
        store.observe(change(task(f"u{number}", "FAILURE" if number % 2 else "SUCCESS")))
    query = TaskQuery(search=parse_search("state:failure"), limit=3)

    assert await store.count(query) == 650
    assert await store.forget(query) == 650

    assert await store.count(TaskQuery(state="SUCCESS")) == await store.count(TaskQuery()) == 650


async def test_what_was_forgotten_is_overwritten_in_the_file(tmp_path):
    store = Store(tmp_path / "db", max_tasks=5000)
    store.start()
    store.observe(change(task("a", args="the-secret-words")))
    await store.forget_task("a")
    store.stop()

    assert b"the-secret-words" not in (tmp_path / "db.sqlite3").read_bytes()


def test_a_task_forgotten_while_its_batch_is_written_does_not_come_back():
    marks = Marks(max_tasks=10)
    marks.mark(change(task("a")))
    batch = marks.take(10)
    marks.drop(["a"])

    marks.put_back(batch)

    assert (list(marks.tasks), marks.taken) == ([], 1)


def test_memory_gets_back_the_newest_and_what_is_not_finished(tmp_path, history):
    store = Store(tmp_path / "db", max_tasks=100, history=history)
    store.start()
    store.observe(change(task("stuck", "STARTED", 0)))
    for number in range(5):
        store.observe(change(task(f"u{number}", timestamp=number)))
    store.flush()

    assert [one.uuid for one in store.restored(2).tasks] == ["stuck", "u3", "u4"]

    store.stop()
