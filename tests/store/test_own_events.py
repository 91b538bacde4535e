"""What events of an app's own say is kept with the task's events, some of them."""

import json

import pytest

from flower_ng.monitor.state.state import ClusterState
from flower_ng.store import Store

STARTED = {"type": "task-started", "hostname": "w1@box", "uuid": "a"}


@pytest.fixture
def store():
    store = Store(None, max_tasks=100, clock=lambda: 1000.0)
    store.start()
    yield store
    store.stop()


async def test_each_of_a_few_is_kept_with_what_it_says(store):
    state = ClusterState(observers=(store,), clock=lambda: 1000.0)
    state.event({**STARTED, "timestamp": 900.0})
    state.event({**STARTED, "type": "task-progress", "timestamp": 901.0, "current": 3, "total": 10})
    state.event({**STARTED, "type": "task-note", "timestamp": 902.0})
    row = await store.task("a")

    assert [(event.type, event.own and json.loads(event.own)) for event in row.events] == [
        ("started", ""),
        ("progress", {"current": 3, "total": 10}),
        ("note", ""),
    ]
    assert row.state == "NOTE"


async def test_thousands_of_them_keep_out_no_event_of_celerys(store):
    state = ClusterState(observers=(store,), clock=lambda: 1000.0)
    state.event({**STARTED, "timestamp": 1.0})
    for number in range(1, 3001):
        at = 1.0 + number / 100
        state.event({**STARTED, "type": "task-progress", "timestamp": at, "current": number})
    state.event({**STARTED, "type": "task-succeeded", "timestamp": 900.0})
    row = await store.task("a")

    kept = [json.loads(event.own)["current"] for event in row.events if event.own]
    assert kept == [*range(1, 21), 32, 64, 128, 256, 512, 1024, 2048]
    assert row.events[-1].type == "succeeded"
    assert row.events_left_out == 3000 - len(kept)
    assert (row.state, [one.outcome for one in row.attempts]) == ("SUCCESS", ["SUCCESS"])
