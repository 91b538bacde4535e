"""Which tasks ran at a moment, and what workers told then, asked of each kind of database."""

import pytest

from flower_ng.monitor.state.state import ClusterState
from flower_ng.store import SeriesQuery, Store, TaskQuery, parse_search
from flower_ng.store.rollups.tallies import Coverage, Minute

NOW = 1_790_000_040.0
THEN = NOW - 600
#: As pages of the past ask, of 14:04:00Z.
SEARCH = (
    "started:>=2026-09-20T14:04:00Z started:<2026-09-21T14:04:00Z"
    " -finished:<2026-09-21T14:04:00Z -state:RETRY"
)


@pytest.fixture
def store(tmp_path, history):
    path = None if history else tmp_path / "kept"
    store = Store(path, max_tasks=100, history=history or None, clock=lambda: NOW)
    store.start()
    yield store
    store.stop()


async def test_tasks_ran_that_had_started_and_not_ended(store):
    state = ClusterState(observers=(store,), clock=lambda: NOW)

    def happen(kind, uuid, at):
        event = {"type": f"task-{kind}", "hostname": "w1", "clock": 1, "name": "shop.pay"}
        state.event({**event, "timestamp": at, "uuid": uuid})

    ends = {"ran": "succeeded", "runs": "", "ended": "failed", "retries": "retried", "later": ""}
    for uuid, end in ends.items():
        at = THEN + (5 if uuid == "later" else -5)
        happen("received", uuid, at)
        happen("started", uuid, at)
        if end:
            happen(end, uuid, THEN - 1 if uuid == "ended" else THEN + 9)
    store.flush()

    page = await store.tasks(TaskQuery(search=parse_search(SEARCH), sort="started"))

    assert sorted(row.uuid for row in page.rows) == ["ran", "runs"]
    assert page.filtered == 2


async def test_a_minute_of_the_past_tells_each_worker(store):
    minute = Minute()
    minute.coverage = Coverage(60_000)
    minute.tally("worker", "w1").active.note(3, THEN + 1)
    store.rollups.minutes.put_back({int(THEN): minute})
    store.rollups.flush()

    step = store.kept_step(THEN).step_s
    page = await store.series(SeriesQuery("worker", None, THEN, THEN + step, step))

    assert step == 60
    assert [(one.name, one.points[-1].active.mean) for one in page.series] == [("w1", 3.0)]
    assert [store.kept_step(NOW - days * 86_400).step_s for days in (2, 30)] == [600, 3600]
