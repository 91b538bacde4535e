"""What is said of a task whose end no event told."""

import pytest

from flower_ng.monitor.remote.verifying import OLDER, Answer
from flower_ng.records import BACKEND
from flower_ng.store import TaskRow
from flower_ng.web.lookups.verified_task import BARE, Verified

ROW = TaskRow("a", state="STARTED", worker="w1@box")
WORDS = {
    "Can't check whether it ended: no result backend is configured.": {
        "refusal": "No result backend is configured"
    },
    "Can't check whether it ended: the result backend is rpc://, which forgets.": {
        "refusal": "The result backend is rpc://, which forgets"
    },
    "Checking in the result backend whether it ended…": {},
    "The result backend can't say whether it ended: broker or result backend unavailable.": {
        "answer": Answer(5.0, why="Broker or result backend unavailable")
    },
    f"The result backend can't say whether it ended: {OLDER}.": {"answer": Answer(5.0, why=OLDER)},
    "The result backend does not know this task, so it may or may not have ended.": {
        "answer": Answer(5.0, "PENDING")
    },
    "The result backend says PROGRESS, so it may or may not have ended.": {
        "answer": Answer(5.0, "PROGRESS")
    },
}


@pytest.mark.parametrize("words", WORDS)
def test_of_a_task_in_doubt_it_is_said_what_the_result_backend_knows(words):
    assert Verified(ROW, doubt="Its worker is gone.", **WORDS[words]).words == words


def test_of_a_task_that_runs_nothing_needs_to_be_said():
    assert Verified(ROW, Answer(5.0, "STARTED")).words == ""


@pytest.mark.parametrize(
    ("fields", "caution"),
    [
        ({}, BARE),
        ({"result": "None"}, ""),
        ({"runtime": 0.5}, ""),
        ({"state_source": BACKEND}, ""),
        ({"state": "REVOKED"}, ""),
    ],
)
def test_a_success_as_a_killed_greenlet_has_is_said_to_be_perhaps_none(fields, caution):
    row = TaskRow("a", worker="w1@box", **{"state": "SUCCESS"} | fields)

    assert Verified(row).caution == caution
