"""In what the workers of one queue differ."""

from flower_ng.monitor.remote.worker_answer import NO_ANSWER, WorkerAnswer
from flower_ng.web.ui.drift import Teammate, drift


def mate(name, version="5.6.0", registered=("a", "b"), **conf):
    stats = {"pool": {"implementation": "celery.concurrency.prefork:TaskPool", "processes": [1]}}
    record = {"stats": stats, "registered": list(registered), "active_queues": [{"name": "q"}]}
    return Teammate(name, WorkerAnswer.of({**record, "conf": conf}), version)


def differing(*team):
    return {
        one.label: [(value.value, value.names) for value in one.values]
        for one in drift(team).differing
    }


def test_equal_workers_are_alike():
    found = drift([mate("w1"), mate("w2")])

    assert not found.is_any
    assert found.lacking == ()
    assert {one.label: one.values[0].value for one in found.same}["Celery"] == "5.6.0"


def test_versions_and_settings_that_differ_are_told_with_their_workers():
    one, two = mate("w1", task_time_limit=60, worker_prefetch_multiplier=1), mate("w2", "5.5.0")

    assert differing(one, two, mate("w3", "5.5.0")) == {
        "Celery": [("5.5.0", ("w2", "w3")), ("5.6.0", ("w1",))],
        "Prefetch multiplier": [("default", ("w2", "w3")), ("1", ("w1",))],
        "Hard time limit": [("none", ("w2", "w3")), ("1 min", ("w1",))],
    }


def test_tasks_that_are_missing_somewhere_are_named():
    found = drift([mate("w1"), mate("w2", registered=("a", "c")), mate("w3")])

    assert [(task, one.names) for task, one in found.lacking] == [
        ("b", ("w2",)),
        ("c", ("w1", "w3")),
    ]
    assert [one.label for one in found.differing] == ["Registered"]


def test_what_a_worker_did_not_tell_is_no_difference():
    silent = Teammate("w2", NO_ANSWER, "")
    found = drift([mate("w1"), silent, Teammate("w3", WorkerAnswer(has_stats=True), "")])

    assert not found.is_any
    assert (found.compared, found.unanswered) == (2, ("w2",))


def test_long_lists_are_cut_and_the_rest_is_counted():
    team = [mate(f"w{number}") for number in range(8)]
    team.append(mate("odd", registered=[f"t{number}" for number in range(60)]))
    found = drift(team)

    assert (len(found.lacking), found.more) == (50, 12)
    assert found.differing[0].values[0].count == 8
    assert len(found.differing[0].values[0].names) == 5
