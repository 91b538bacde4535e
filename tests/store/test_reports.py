"""What tasks tell of themselves is kept: the newest report, the newest lines, bounded."""

import pytest

from flower_ng.monitor.state.state import ClusterState
from flower_ng.redaction import Redactor
from flower_ng.reports import LOG_LENGTH, LOG_LINES, ProgressReport, loaded, read
from flower_ng.store import Store

STARTED = {"type": "task-started", "hostname": "w1@box", "uuid": "a", "timestamp": 1.0}


@pytest.fixture
def store():
    store = Store(None, max_tasks=100, clock=lambda: 1000.0)
    store.start()
    yield store
    store.stop()


@pytest.fixture
def state(store):
    return ClusterState(observers=(store,), clock=lambda: 1000.0, redactor=Redactor())


def tell(state, kind, at, uuid="a", **fields):
    state.event({**STARTED, "type": f"task-{kind}", "uuid": uuid, "timestamp": at, **fields})


def log_of(row):
    return [line.message for line in read(row.log)[0]]


async def test_of_ten_thousand_reports_the_newest_is_kept(store, state):
    state.event(STARTED)
    for number in range(10_000):
        tell(state, "progress", 2.0 + number / 100, current=number, total=10_000, message="go")
    row = await store.task("a")

    assert loaded(row.report) == ProgressReport(101.99, 9999.0, 10_000.0, "go")
    assert len(row.timeline) < 4000


async def test_a_report_that_comes_late_does_not_count(store, state):
    tell(state, "progress", 5.0, current=5, total=10)
    tell(state, "progress", 4.0, current=4, total=10)

    assert loaded((await store.task("a")).report).current == 5


@pytest.mark.parametrize("current", [None, "3", -1, True, [3]])
async def test_what_is_no_number_is_no_report(store, state, current):
    tell(state, "progress", 5.0, current=current, total=10)

    assert (await store.task("a")).report is None


async def test_lines_are_kept_over_several_writes_and_change_no_state(store, state):
    state.event(STARTED)
    for number in range(3):
        tell(state, "log", 2.0 + number, message=f"line {number}", level="warn")
        await store.task("a")
    row = await store.task("a")

    assert log_of(row) == ["line 0", "line 1", "line 2"]
    assert [line.level for line in read(row.log)[0]] == ["WARNING"] * 3
    assert (row.state, row.events_left_out, len(row.events)) == ("STARTED", 0, 1)


async def test_a_task_that_is_known_by_its_lines_alone_runs(store, state):
    tell(state, "log", 2.0, message="here")
    row = await store.task("a")

    assert (row.is_running, row.worker) == (True, "w1@box")


async def test_of_a_flood_the_newest_lines_are_kept_and_the_others_counted(store, state):
    for number in range(LOG_LINES + 50):
        tell(state, "log", 2.0 + number, message=f"line {number}")
    row = await store.task("a")
    lines, is_cut = read(row.log)

    assert (len(lines), lines[0].left_out, is_cut) == (LOG_LINES, 50, False)
    assert lines[-1].message == f"line {LOG_LINES + 49}"


async def test_long_lines_push_out_the_oldest(store, state):
    for number in range(100):
        tell(state, "log", 2.0 + number, message=f"{number} " + "é" * 2000)
        await store.task("a")
    row = await store.task("a")
    lines, is_cut = read(row.log)

    assert len(row.log) <= LOG_LENGTH
    assert is_cut
    assert lines[-1].message.startswith("99 é")
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert len(lines) > 20


async def test_secrets_and_what_terminals_obey_are_taken_out(store, state):
    tell(state, "log", 2.0, message="\x1b[31mpassword='hunter22'\x1b[0m \u202e\x07 <b>\nmore")
    (message,) = log_of(await store.task("a"))

    assert message == "password='[redacted]' \\u202e\\x07 <b>\nmore"
