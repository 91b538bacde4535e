"""What a result backend's record says, in the terms of events."""

from datetime import UTC, datetime

import pytest

from flower_ng.monitor.state.backend_outcome import Outcome, is_of_this_try, outcome, take
from flower_ng.records import BACKEND, Task
from flower_ng.reports import ProgressReport

AT = "2026-11-20T10:30:00.250000+00:00"
AT_S = 1795170600.25
WHEN = datetime.fromtimestamp(AT_S, UTC)
THREE_OF_TEN = ProgressReport(0.0, 3, 10)


@pytest.mark.parametrize(
    ("meta", "found"),
    [
        ({"status": "PENDING", "result": None}, Outcome("PENDING")),
        ({}, Outcome("PENDING")),
        ({"status": "STARTED", "result": {"pid": 1, "hostname": "w1"}}, Outcome("STARTED")),
        (
            {"status": "PROGRESS", "result": {"current": 3, "total": 10}},
            Outcome("PROGRESS", detail="{'current': 3, 'total': 10}", report=THREE_OF_TEN),
        ),
        ({"status": "SUCCESS", "result": "secret", "date_done": AT}, Outcome("SUCCESS", AT_S)),
        (
            {"status": "FAILURE", "result": ValueError("no"), "date_done": AT, "traceback": "T"},
            Outcome("FAILURE", AT_S, "ValueError('no')", "T"),
        ),
        ({"status": "SUCCESS", "date_done": "soon"}, Outcome("SUCCESS")),
        ({"status": "SUCCESS", "date_done": WHEN.replace(tzinfo=None)}, Outcome("SUCCESS", AT_S)),
        ({"status": "SUCCESS", "date_done": WHEN}, Outcome("SUCCESS", AT_S)),
    ],
)  # fmt: skip
def test_a_record_is_read_without_what_the_task_returned(meta, found):
    assert outcome(meta) == found


def test_what_is_too_long_is_cut_as_it_is_of_events():
    found = outcome(
        {"status": "FAILURE", "result": ValueError("x" * 9000), "traceback": "T" * 99_999}
    )

    assert len(found.exception) <= 4096
    assert len(found.traceback) == 65_536


@pytest.mark.parametrize("state", ["STARTED", "PROGRESS", "RETRY", "PENDING"])
def test_no_other_state_is_an_end(state):
    assert not Outcome(state).is_end


def test_a_result_of_a_run_before_is_none_of_this_try():
    task = Task("a", state="STARTED", started=100.0)

    assert is_of_this_try(Outcome("SUCCESS", 100.0), task)
    assert is_of_this_try(Outcome("SUCCESS"), task)
    assert not is_of_this_try(Outcome("SUCCESS", 90.0), task)


def test_a_task_that_ended_keeps_all_that_events_told():
    task = Task("a", state="STARTED", exception="Retry()", traceback="T", timestamp=5.0)
    take(task, Outcome("SUCCESS", 7.0))

    assert (task.state, task.state_source, task.succeeded) == ("SUCCESS", BACKEND, 7.0)
    assert (task.timestamp, task.exception, task.traceback) == (7.0, "Retry()", "T")
