import pytest

from flower_ng.monitor.remote.answers import Failure, InspectAnswers


@pytest.fixture
def answers():
    return InspectAnswers(most=3)


def test_answers_are_merged_into_one_record_per_worker(answers):
    answers.take("w1", "registered", ["add"], 10.0)
    answers.take("w1", "conf", {"timezone": "UTC"}, 11.0)

    assert answers.records == {
        "w1": {"registered": ["add"], "conf": {"timezone": "UTC"}, "timestamp": 11.0}
    }
    assert answers.answered_at("w1") == {"registered": 10.0, "conf": 11.0}


def test_a_record_that_was_handed_out_does_not_change(answers):
    answers.take("w1", "registered", ["add"], 10.0)
    handed_out = answers.records["w1"]

    answers.take("w1", "registered", [], 11.0)

    assert handed_out == {"registered": ["add"], "timestamp": 10.0}


@pytest.mark.parametrize("wrap", [dict, lambda stats: {"consumer": stats}])
def test_the_addresses_of_other_brokers_are_removed(answers, wrap):
    broker = {"hostname": "one", "alternates": ["redis://:secret@two"]}

    answers.take("w1", "stats", wrap({"broker": broker}), 10.0)

    assert answers.records["w1"]["stats"] == wrap({"broker": {"hostname": "one"}})


def test_an_error_reply_is_a_failure_and_keeps_the_older_answer(answers):
    answers.take("w1", "active_queues", [], 10.0)
    answers.take("w1", "active_queues", {"error": "KeyError('x')"}, 11.0)

    assert answers.records["w1"] == {"active_queues": [], "timestamp": 10.0}
    assert answers.failures("w1") == {"active_queues": Failure("KeyError('x')", 11.0)}


def test_a_reply_of_another_type_is_a_failure(answers):
    answers.take("w1", "stats", "fine, thanks", 10.0)

    assert answers.records == {}
    assert answers.failures("w1")["stats"].why == "unexpected reply of type str"


def test_an_answer_ends_the_failure(answers):
    answers.fail("w1", "stats", "no reply", 10.0)
    answers.take("w1", "stats", {}, 11.0)

    assert answers.failures("w1") == {}


def test_the_worker_that_answered_longest_ago_makes_room(answers):
    for at, name in enumerate(["w1", "w2", "w3", "w1", "w4"]):
        answers.take(name, "stats", {}, float(at))

    assert set(answers.records) == {"w1", "w3", "w4"}
    assert answers.answered_at("w2") == {}


def test_failures_of_names_that_nobody_has_are_bounded(answers):
    for number in range(1000):
        answers.fail(f"guess{number}", "stats", "no reply", float(number))

    assert set(answers.failing) == {"guess997", "guess998", "guess999"}


def test_a_forgotten_worker_leaves_nothing(answers):
    answers.take("w1", "stats", {}, 10.0)
    answers.fail("w1", "conf", "no reply", 10.0)

    answers.forget("w1")

    assert (answers.records, answers.answered_at("w1"), answers.failures("w1")) == ({}, {}, {})
