"""What workers answer, over hours: memory that grows, children that are replaced."""

from flower_ng.health.facts.worker_answers import AnswerHistory
from flower_ng.monitor.remote.worker_answer import WorkerAnswer
from tests.health.making import NOW

MINUTE_S = 60


def record(children=(1, 2), done=100, memory_kib=100_000, **conf):
    pool = {"processes": list(children), "max-concurrency": 2, "implementation": "prefork"}
    usage = {"maxrss": memory_kib}
    return {"stats": {"pool": pool, "total": {"t": done}, "rusage": usage}, "conf": conf}


def followed(*records) -> AnswerHistory:
    """Follow a worker through answers that came five minutes apart."""
    it = AnswerHistory()
    for number, one in enumerate(records):
        it.see(WorkerAnswer.of(one), NOW + number * 5 * MINUTE_S)
    return it


def test_growth_is_told_after_an_hour_and_from_when_the_worker_was_warm():
    records = [record(memory_kib=1000 * (50 + step)) for step in range(20)]

    assert followed(*records[:12]).growth is None
    growth = followed(*records).growth
    assert growth is not None
    assert (growth.before_bytes, growth.now_bytes) == (52_000 * 1024, 69_000 * 1024)


def test_children_that_were_replaced_are_counted():
    churn = followed(record((1, 2)), record((3, 2)), record((4, 5))).churn

    assert churn is not None
    assert (churn.replaced, churn.explained) == (3, 0)


def test_a_pool_that_grows_replaces_nobody():
    churn = followed(record((1, 2)), record((1, 2, 3, 4))).churn

    assert churn is not None
    assert churn.replaced == 0


def test_children_that_live_for_so_many_tasks_are_explained():
    answers = [
        record((first, first + 1), done=first * 10, worker_max_tasks_per_child=10)
        for first in range(1, 9)
    ]

    churn = followed(*answers).churn

    assert churn is not None
    assert churn.replaced <= churn.explained


def test_what_was_set_on_the_command_line_is_told_by_the_pool_only():
    answers = [record((n, n + 1), done=n * 10, worker_max_tasks_per_child=None) for n in range(8)]
    for one in answers:
        one["stats"]["pool"] |= {"max-tasks-per-child": 10, "timeouts": [5, 30]}

    churn = followed(*answers).churn

    assert churn is not None
    assert churn.replaced <= churn.explained
    assert WorkerAnswer.of(answers[0]).limit_s == 30


def test_children_that_began_together_may_go_together():
    churn = followed(
        record((1, 2, 3, 4), done=390, worker_max_tasks_per_child=100),
        record((5, 6, 7, 8), done=410, worker_max_tasks_per_child=100),
    ).churn

    assert churn is not None
    assert churn.replaced <= churn.explained


def test_with_a_bound_of_memory_nobody_knows_why_children_go():
    answers = [record((n, n + 1), worker_max_memory_per_child=1000) for n in range(5)]

    assert followed(*answers).churn is None


def test_a_restart_begins_anew():
    assert followed(record((1, 2), done=100), record((3, 4), done=0)).churn is None
