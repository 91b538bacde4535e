"""One task's time in parts: told where it is known, never negative, to scale."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flower_ng.store import TaskRow
from flower_ng.store.rollups.points import Spread, TaskPoint
from flower_ng.web.lifetime import CLOCKS, GOING, UNKNOWN, WIDTH, phases

NOW = 1000.0
times = st.none() | st.floats(0, 2000)
states = st.sampled_from(
    ["PENDING", "RECEIVED", "STARTED", "SUCCESS", "FAILURE", "RETRY", "REVOKED", "REJECTED"]
)


def told(**fields):
    return {part.kind: (part.seconds, part.note) for part in phases(row(**fields), None, NOW)}


def row(**fields):
    return TaskRow("5eed", **fields)


def test_the_parts_of_a_task_that_ended():
    shown = told(state="FAILURE", sent=1.0, received=3.0, started=6.0, failed=10.0)

    assert shown == {"queued": (2.0, ""), "held": (3.0, ""), "ran": (4.0, "")}


def test_the_workers_own_measure_of_a_run_is_the_better_one():
    assert told(state="SUCCESS", started=6.0, succeeded=10.0, runtime=3.5)["ran"] == (3.5, "")


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("queued", {"state": "PENDING", "sent": 990.0}),
        ("held", {"state": "RECEIVED", "received": 990.0}),
        ("ran", {"state": "STARTED", "started": 990.0}),
    ],
)
def test_what_goes_on_grows_and_says_so(kind, fields):
    assert told(**fields)[kind] == (10.0, GOING)


def test_clocks_that_disagree_give_no_number():
    assert told(state="RECEIVED", sent=5.0, received=3.0)["queued"] == (None, CLOCKS)


def test_what_nobody_told_is_unknown():
    assert told(state="SUCCESS") == dict.fromkeys(("queued", "held", "ran"), (None, UNKNOWN))


def test_of_several_tries_the_newest_is_shown():
    events = '["received",1,"w"],["started",2,"w"],["retried",3,"w"],'
    events += '["received",10,"w"],["started",12,"w"],["failed",20,"w"],'

    shown = told(state="FAILURE", received=1.0, started=2.0, failed=20.0, timeline=events)

    assert (shown["held"], shown["ran"]) == ((2.0, ""), (8.0, ""))


def test_a_retry_that_is_on_its_way_is_not_taken_for_clocks_that_differ():
    events = '["sent",1,"c"],["received",3,"w"],["started",4,"w"],["sent",5,"w"],["retried",6,"w"],'

    assert told(state="RETRY", timeline=events)["queued"] == (2.0, "")


def test_the_usual_time_is_drawn_to_the_same_scale():
    run = Spread(count=1, total_s=20, mean_s=20, p50_s=20, p95_s=30, p99_s=30)
    usual = TaskPoint(1, 1, 1, 1, 0, 0, 0, 0, run=run)

    ran = phases(row(state="SUCCESS", runtime=10.0), usual, NOW)[2]

    assert (ran.width, ran.usual_width) == (WIDTH / 2, WIDTH)


@given(states, times, times, times, times)
def test_no_part_is_negative_or_leaves_the_drawing(state, sent, received, started, ended):
    fields = {"sent": sent, "received": received, "started": started, "failed": ended}

    for part in phases(row(state=state, **fields), None, NOW):
        assert part.seconds is None or part.seconds >= 0
        assert part.x >= 0
        assert part.x + part.width <= WIDTH + 0.1
