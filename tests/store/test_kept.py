"""What is kept of a task, from the event to the row, through the whole store."""

import pytest

from flower_ng.event_record import Event
from flower_ng.monitor.state.event_repair import clean
from flower_ng.monitor.state.state import ClusterState
from flower_ng.store import Bounds, Store
from flower_ng.store.tables.texts import Truncation


async def rows_of(*events, **options):
    """Apply events, each a type, a host and fields, to a new store; return the row of task `u`."""
    store = Store(None, max_tasks=100, **options)
    store.start()
    state = ClusterState(observers=(store,))
    for at, (kind, host, fields) in enumerate(events, 1):
        state.apply(Event(f"task-{kind}", host, float(at), uuid="u", **fields))
        await store.task("u")
    row = await store.task("u")
    store.stop()
    return row


async def test_a_retried_task_has_two_attempts_with_worker_times_and_exception():
    row = await rows_of(
        ("sent", "client@box", {}),
        ("received", "w1@box", {"name": "shop.buy"}),
        ("started", "w1@box", {}),
        ("retried", "w1@box", {"exception": "Timeout('slow')", "traceback": "T"}),
        ("received", "w2@box", {}),
        ("started", "w2@box", {}),
        ("succeeded", "w2@box", {"result": "7", "runtime": 0.5}),
    )

    assert [(one.worker, one.outcome, one.exception) for one in row.attempts] == [
        ("w1@box", "RETRY", "Timeout('slow')"),
        ("w2@box", "SUCCESS", None),
    ]
    assert [(event.type, event.at) for event in row.events] == [
        ("sent", 1),
        ("received", 2),
        ("started", 3),
        ("retried", 4),
        ("received", 5),
        ("started", 6),
        ("succeeded", 7),
    ]
    assert (row.exception_class, row.exception_line) == ("Timeout", "Timeout('slow')")


async def test_the_bounds_of_text_and_events_hold_and_are_told():
    events = [("progress", "w@box", {}) for _ in range(20)]
    row = await rows_of(
        *events,
        ("failed", "w@box", {"exception": "E('" + "x" * 3000 + "')"}),
        bounds=Bounds(max_text=200, max_events=5),
    )

    assert len(row.exception) == 200
    assert row.cuts == {"exception": Truncation("flower_ng", 3005)}
    assert (len(row.events), row.events_left_out) == (5, 16)


async def test_a_record_for_flowers_clients_has_nothing_more():
    row = await rows_of(("received", "w@box", {}))

    assert len(row.record()) == 31


@pytest.mark.parametrize(
    ("end", "more"), [("revoked", {"terminated": True}), ("rejected", {"requeue": True})]
)
def test_how_a_task_ended_is_known_after_a_restart(tmp_path, end, more):
    of_u = {"uuid": "u", "hostname": "w1@box", "name": "shop.pay", "retries": 0}
    events = [
        {**of_u, "type": f"task-{kind}", "timestamp": at}
        for kind, at in (("received", 1.0), ("started", 2.0), (end, 3.0))
    ]
    events[-1] |= more
    store = Store(tmp_path / "db", max_tasks=10)
    store.start()
    state = ClusterState(observers=(store,))
    for event in events:
        state.event(event)
    how = state.tasks["u"].how
    store.stop()

    store.start()
    state = ClusterState()
    state.take_back(store.restored().tasks)
    store.stop()

    assert how
    assert state.tasks["u"].how == how
    assert state.apply(clean(events[-1], 9.0)).is_repeated
