"""How far a task is: its pace and the rest are told where they can be, and only there."""

import json

import pytest
from msgspec import structs

from flower_ng.reports import ProgressReport, stored
from flower_ng.store import TaskRow
from flower_ng.web.ui.progress import BACKEND, log_of, percent_of, progress_of

NOW = 1000.0


def row(*reports, state="PROGRESS", started=900.0, **fields):
    """A task that reported (at, current) of 100; the last is the newest."""
    told = [["started", started, "w1@box"]] if started else []
    told += [
        ["progress", at, "w1@box", "", 0, "", "", json.dumps({"current": current, "total": 100})]
        for at, current in reports
    ]
    return TaskRow(
        "5eed",
        state=state,
        started=started,
        timeline="".join(f"{json.dumps(one)}," for one in told),
        report=stored(ProgressReport(*reports[-1], 100.0)) if reports else None,
        **fields,
    )


def test_the_pace_is_that_of_the_newer_half():
    told = progress_of(row((900.0, 0), (950.0, 10), (1000.0, 60)), NOW)

    assert (told.percent, told.per_s, told.over_s, told.left_s) == (60, 1.0, 50.0, 40.0)


def test_what_is_silent_since_takes_less_time_and_then_an_unknown_one():
    task = row((940.0, 0), (960.0, 50))

    assert progress_of(task, 970.0).left_s == 10.0
    late = progress_of(task, 990.0)
    assert (late.left_s, late.note) == (None, "at its pace it would have been done by now")


def test_one_report_is_measured_from_the_start_if_that_is_known():
    assert progress_of(row((1000.0, 50)), NOW).left_s == 100.0
    told = progress_of(row((1000.0, 50), started=None), NOW)
    assert (told.per_s, told.left_s) == (None, None)
    assert told.note


@pytest.mark.parametrize("fields", [{"state": "SUCCESS"}, {"is_in_doubt": True}])
def test_what_does_not_run_has_no_rest(fields):
    is_in_doubt = fields.pop("is_in_doubt", False)
    task = row((900.0, 0), (950.0, 60), **fields)

    assert progress_of(task, NOW, is_in_doubt=is_in_doubt).left_s is None
    once = progress_of(row((1000.0, 50), started=None, **fields), NOW, is_in_doubt=is_in_doubt)
    assert once.note == ""


@pytest.mark.parametrize("fields", [{"started": 990.0}, {"retried": 960.0, "state": "RETRY"}])
def test_the_report_of_an_earlier_run_is_no_progress_of_this_one(fields):
    task = row((920.0, 0), (950.0, 60), **fields)
    told = progress_of(task, NOW)

    assert (told.is_past, told.left_s, percent_of(task)) == (True, None, None)


def test_the_result_backend_counts_where_no_event_tells():
    told = progress_of(row(), NOW, backend=ProgressReport(NOW, 25.0, 100.0))

    assert (told.source, told.percent, told.left_s) == (BACKEND, 25, 300.0)
    assert progress_of(row((950.0, 60)), NOW, backend=ProgressReport(NOW, 25.0)).current == 60


def test_all_and_more_is_a_full_bar_and_nothing_less():
    assert percent_of(row((950.0, 99.9))) == 99
    assert percent_of(row((950.0, 250))) == 100
    assert progress_of(row((950.0, 250)), NOW).count == "250 of 100"


def test_a_task_that_has_ended_has_no_bar_in_lists():
    assert percent_of(row((950.0, 60), state="FAILURE")) is None
    assert percent_of(row()) is None


@pytest.mark.parametrize("text", ["hidden", "", "[1]", "{}", "[1.0,-1"])
def test_what_format_task_puts_in_its_place_is_not_read(text):
    task = structs.replace(row(), report=text, log=text)

    assert progress_of(task, NOW) is None
    assert log_of(task).lines == ()
