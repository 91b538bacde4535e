"""One task's time in parts: told where it is known, never negative, to scale."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flower_ng.store import TaskRow
from flower_ng.store.rollups.points import Spread, TaskPoint
from flower_ng.web.ui.phases import CLOCKS, GOING, NOT_YET, UNKNOWN, WIDTH, phases

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
        ("ran", {"state": "PROGRESS", "started": 990.0}),
    ],
)
def test_what_goes_on_grows_and_says_so(kind, fields):
    assert told(**fields)[kind] == (10.0, GOING)


ETA = "1970-01-01T00:33:20+00:00"  # 2,000
KEY = ".".join(["0"] * 27 + ["1", "mail"])
HELD = {"state": "RECEIVED", "sent": 980.0, "received": 990.0, "eta": ETA}
DELAYED = {"state": "PENDING", "sent": 990.0, "eta": ETA, "routing_key": KEY}


def test_a_worker_that_holds_a_task_until_its_eta_is_no_delay_of_its_own():
    assert told(**HELD) == {
        "queued": (10.0, ""),
        "delayed": (10.0, GOING),
        "held": (None, NOT_YET),
        "ran": (None, UNKNOWN),
    }
    assert [part.until for part in phases(row(**HELD), None, NOW)] == [None, 2000.0, None, None]


def test_a_broker_that_holds_a_task_until_its_eta_is_no_queue():
    assert told(**DELAYED) == {
        "delayed": (10.0, GOING),
        "queued": (None, NOT_YET),
        "held": (None, UNKNOWN),
        "ran": (None, UNKNOWN),
    }


@pytest.mark.parametrize(
    ("fields", "queued", "held"),
    [
        ({"received": 990.0}, (10.0, ""), (3.0, "")),
        ({"received": 2002.0, "routing_key": KEY}, (2.0, ""), (1.0, "")),
        ({"received": 1999.5, "routing_key": KEY}, (0.0, ""), (3.0, "")),
    ],
    ids=["held by the worker", "delayed by the broker", "delivered a little early"],
)
def test_the_time_up_to_an_eta_counts_for_neither_queue_nor_worker(fields, queued, held):
    ended = {"state": "FAILURE", "sent": 980.0, "eta": ETA, "started": 2003.0, "failed": 2004.0}
    shown = {
        part.kind: (part.seconds, part.note)
        for part in phases(row(**{**ended, **fields}), None, 5000.0)
    }

    assert (shown["queued"], shown["held"]) == (queued, held)
    assert shown["delayed"] == (
        2000.0 - (fields["received"] if fields["received"] < 1000 else 980),
        "",
    )


def test_a_task_that_waits_to_be_tried_again_says_when_that_is():
    fields = {"state": "RETRY", "received": 900.0, "started": 901.0, "retried": 903.0, "eta": ETA}
    *_, ran, wait = phases(row(**fields), None, NOW)

    assert (ran.seconds, wait.kind, wait.seconds, wait.until) == (2.0, "delayed", 97.0, 2000.0)


def test_a_task_that_was_revoked_before_its_eta_waited_until_then():
    fields = {"state": "REVOKED", "received": 900.0, "revoked": 950.0, "eta": ETA}

    assert told(**fields)["delayed"] == (50.0, "")


def test_an_eta_that_had_passed_when_the_task_came_is_not_waited_for():
    assert set(told(**{**HELD, "eta": "1970-01-01T00:10:00"})) == {"queued", "held", "ran"}


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


SENT = '["sent",1,"c"],["received",3,"w"],["started",4,"w"],'
SENT_LATE = '["received",3,"w"],["sent",3.01,"c"],["started",3.02,"w"],'
RETRIED = '["received",5,"v","",1],["sent",5.01,"w","",1],["retried",6,"w"],["started",7,"v"],'
REQUEUED = '["rejected",6,"w","",0,"","requeued"],["received",8,"v"],["started",9,"v"],'
AT_ONCE = '["sent",3.9,"w","",1],["received",5,"v","",1],["started",6,"v"],'
REPLACED = '["sent",3.9,"w"],["received",5,"w","",0,"other"],["started",6,"w"],'
UNSENT = '["received",5,"w","",0,"other"],["started",6,"w"],'
LOST = '["received",80,"v"],["started",81,"v"],'


@pytest.mark.parametrize(
    ("events", "queued"),
    [
        (SENT_LATE, (0.0, "")),
        (SENT_LATE + '["sent",3.03,"w","",1],', (0.0, "")),
        (SENT + RETRIED, (0.0, "")),
        (SENT + AT_ONCE, (pytest.approx(1.1), "")),
        (SENT + REPLACED, (pytest.approx(1.1), "")),
        (SENT_LATE + UNSENT, (None, UNKNOWN)),
        (SENT + REQUEUED, (2.0, "")),
        (SENT + LOST, (None, UNKNOWN)),
    ],
    ids=[
        "stamped late",
        "and sent again",
        "a retry stamped late",
        "a retry sent before the start was told",
        "replaced before the start was told",
        "replaced, of which nobody told the sending",
        "requeued",
        "worker lost",
    ],
)
def test_the_queue_begins_when_the_newest_runs_message_came_into_it(events, queued):
    assert told(state="STARTED", sent=1.0, timeline=events)["queued"] == queued


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
