import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from operator import attrgetter

import pytest

from flower_ng.store import Store, TaskQuery
from flower_ng.store.tables.schema import COLUMNS
from tests.services import Dashboard, running
from tests.store.crashing import BLOCK, HOST, MAX_TASKS, RETRIED, age_at, expected, moment, uuid_of

#: Kills; `make soak` has 200 of them.
ROUNDS = int(os.environ.get("CRASH_ROUNDS", "8"))
#: Kills in a row of one file.
ROUNDS_OF_A_FILE = 20
#: What is missing as a rule, at most. The writer of a machine that has no time for it is later, and
#: says so.
PROMISED_S = 1.0

values = attrgetter(*(name for name in COLUMNS if name != "worker"))


@dataclass
class Said:
    """What a writer said before it was killed: when it began, and each step that was applied.

    All that was applied up to `written_at` was written, by what it said last.
    """

    name: str
    start: float = 0.0
    steps: list[tuple[int, float]] = field(default_factory=list)
    written_at: float = 0.0
    killed_at: float = 0.0


@dataclass
class Found:
    """What the next start finds."""

    rows: dict
    states: dict
    succeeded: int
    counts: dict
    opened_s: float


def killed(db, name, after_s):
    """Run a writer, kill -9 it so long after it began, and return what it had said."""
    command = [sys.executable, "-m", "tests.store.crashing", str(db), name]
    said = Said(name)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said.start = float(process.stdout.readline().split()[1])
        time.sleep(max(0.0, said.start + after_s - time.time()))
        said.killed_at = time.time()
        process.send_signal(signal.SIGKILL)
        lines = process.stdout.read().splitlines(keepends=True)
    whole = [line.split() for line in lines if line.endswith("\n")]
    said.steps = [(int(step), float(at)) for step, at, _ in whole]
    said.written_at = max((float(at) - float(lag_s) for _, at, lag_s in whole), default=0.0)
    return said


def kill_early(db, name):
    """Kill a writer at about the time at which it opens the file."""
    command = [sys.executable, "-m", "tests.store.crashing", str(db), name]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        time.sleep(random.uniform(0.2, 0.5))
        process.send_signal(signal.SIGKILL)


async def found(db):
    before = time.monotonic()
    store = Store(db, max_tasks=MAX_TASKS)
    store.start()
    opened_s = time.monotonic() - before
    try:
        assert store.warnings == []
        kept = store.restored(0)
        list(kept.tasks)
        rows = {row.uuid: row async for page in store.stream(TaskQuery()) for row in page}
        at_once = await counted(store)
        await_indexed(store)
        states, succeeded = await counted(store)
        assert at_once == (states, succeeded)
        return Found(rows, states, succeeded, kept.counters.get(HOST, {}), opened_s)
    finally:
        store.stop()


def await_indexed(store):
    while store.status().unindexed != 0:
        time.sleep(0.02)


async def counted(store):
    """Count by states, and those of one of them: the index does, as soon as it is there."""
    states = dict((await store.facets(TaskQuery(), ["state"])).counts["state"])
    return states, (await store.tasks(TaskQuery(state="SUCCESS", limit=1))).filtered


def check_none_is_half_written(now, starts):
    """Each row is what its task was after some of its events, in every field; counts agree."""
    for row in now.rows.values():
        name, block, _ = row.uuid.split("-")
        task = expected(row.uuid, row.clock, moment(starts[name], int(block)))
        assert values(row) == values(task)
        assert (row.worker, row.event_count) == (HOST, row.clock)
    assert now.states == Counter(row.state for row in now.rows.values())
    assert now.succeeded == now.states.get("SUCCESS", 0)


def check_none_moved_back(before, now):
    assert all(
        row.clock >= before.rows[uuid].clock
        for uuid, row in now.rows.items()
        if uuid in before.rows
    )
    assert all(now.counts[kind] >= count for kind, count in before.counts.items())


def check_all_is_there_that_was_said_to_be_written(missed_s, said):
    assert said.killed_at - missed_s >= said.written_at - 0.001  # times are rounded


def missing_s(rows, said):
    """Return how long before the kill the first step was that is not whole in the file."""
    for step, at in said.steps:
        if not all(
            clock_of(rows, said, block, number) >= age_at(step, block, number)
            for block in range(max(0, step - len(RETRIED) + 1), step + 1)
            for number in range(BLOCK)
        ):
            return said.killed_at - at
    return 0.0


def clock_of(rows, said, block, number):
    row = rows.get(uuid_of(f"{said.name}-{block:05}", number))
    return row.clock if row else 0


@pytest.mark.timeout(300 + 10 * ROUNDS)
async def test_after_kills_at_random_moments_all_but_the_newest_is_there_and_whole(tmp_path):
    starts, missing, opened = {}, [], []
    before = Found({}, {}, 0, {}, 0.0)
    for number in range(ROUNDS):
        if number % ROUNDS_OF_A_FILE == 0:
            before = Found({}, {}, 0, {}, 0.0)
        db = tmp_path / f"db{number // ROUNDS_OF_A_FILE}"
        said = killed(db, f"{number:03}", random.uniform(0.0, 1.4))
        starts[said.name] = said.start

        now = await found(db)

        check_none_is_half_written(now, starts)
        check_none_moved_back(before, now)
        missing.append(missing_s(now.rows, said))
        check_all_is_there_that_was_said_to_be_written(missing[-1], said)
        opened.append(now.opened_s)
        before = now
    print(  # noqa: T201 - the numbers that a soak is for
        f"{ROUNDS} kills: missing at most {max(missing):.2f} s,"
        f" {statistics.median(missing):.2f} s as a rule; opened in at most {max(opened):.2f} s"
    )
    assert statistics.median(missing) <= PROMISED_S


@pytest.mark.timeout(300 + 5 * ROUNDS)
async def test_after_kills_while_it_is_made_or_opened_the_file_opens(tmp_path):
    for number in range(ROUNDS // 2):
        db = tmp_path / f"db{number // 3}"
        kill_early(db, f"{number:03}")

        now = await found(db)

        assert now.states == Counter(row.state for row in now.rows.values())


#: A store without a name.
TEMPORARY = """
import asyncio
from flower_ng.store import Store
from tests.store.making import change, task

async def main():
    store = Store(None, max_tasks=20_000)
    store.start()
    for number in range(5000):
        store.observe(change(task(f"u{number}")))
    store.flush()
    print("written", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_kill_9_leaves_no_temporary_file(tmp_path):
    assert tempfile.gettempdir() != str(tmp_path)
    environ = {**os.environ, "TMPDIR": str(tmp_path)}

    with subprocess.Popen(
        [sys.executable, "-c", TEMPORARY], stdout=subprocess.PIPE, env=environ
    ) as process:
        assert process.stdout.readline() == b"written\n"
        process.kill()

    assert list(tmp_path.iterdir()) == []


def test_a_corrupt_file_is_named_on_the_page_and_history_starts_afresh(tmp_path):
    ours = tmp_path / "flower.sqlite3"
    db = tmp_path / "flower"
    killed(db, "000", 0.5)
    ours.write_bytes(ours.read_bytes()[:100] + b"junk" * 5000)
    options = ("--persistent", f"--db={db}")

    with running(Dashboard(tmp_path, "memory://", options=options)) as dashboard:
        page = dashboard.ask("/tasks").text
        tasks = dashboard.get("/api/tasks")

    (aside,) = tmp_path.glob("flower.sqlite3.corrupt-*")
    assert f"{ours} was corrupt" in page
    assert str(aside) in page
    assert tasks == {}
