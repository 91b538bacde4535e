"""What a worker told of itself is read once, whatever it told."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flower_ng.monitor.remote.answers import METHODS
from flower_ng.monitor.remote.worker_answer import NO_ANSWER, ActiveTask, WorkerAnswer

WORDS = (
    "pool", "processes", "max-concurrency", "timeouts", "autoscaler", "max", "rusage", "maxrss",
    "uptime", "total", "clock", "name", "implementation", "accept_content", "task_time_limit", "id",
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(WORDS) | st.text(), inner),
    max_leaves=20,
)


def test_a_worker_of_celery_is_read_whole():
    answer = WorkerAnswer.of(
        {
            "stats": {
                "pool": {
                    "implementation": "celery.concurrency.prefork:TaskPool",
                    "max-concurrency": 2,
                    "processes": [7, 8, 9],
                    "max-tasks-per-child": 100,
                    "timeouts": [5, 30],
                },
                "rusage": {"maxrss": 1000},
                "total": {"shop.pay": 3, "shop.add": 4},
                "uptime": 60,
                "clock": "17",
            },
            "active_queues": [{"name": "mail"}, {"name": "web"}],
            "registered": ["shop.pay [rate_limit=7/m]", "shop.add"],
            "conf": {"task_time_limit": 90, "worker_pool_restarts": False},
            "active": [{"id": "a", "acknowledged": False}, {"id": "b", "acknowledged": True}],
            "scheduled": [],
            "timestamp": 1.0,
        }
    )

    assert (answer.slots, answer.processes, answer.queues) == (3, {7, 8, 9}, ("mail", "web"))
    assert (answer.registered, answer.limit_s) == (("shop.add", "shop.pay"), 30)
    assert (answer.per_child, answer.done, answer.uptime_s, answer.clock) == (100, 7, 60, 17)
    assert (answer.memory_bytes("Linux"), answer.memory_bytes("Darwin")) == (1_024_000, None)
    assert (answer.may_restart, answer.is_autoscaled, answer.accepts) == (False, False, None)
    assert answer.active == (ActiveTask("a", is_held=True), ActiveTask("b", is_held=False))


@pytest.mark.parametrize(
    ("stats", "slots"),
    [
        ({}, None),
        ({"pool": {"max-concurrency": 4}}, 4),
        ({"pool": {"max-concurrency": 4, "processes": [1, 2]}}, 2),
        ({"pool": {"max-concurrency": 4, "processes": []}}, 0),
        ({"pool": {"processes": [1]}, "autoscaler": {"max": 3}}, 3),
        ({"pool": {"max-concurrency": "many"}, "autoscaler": {"max": 3}}, None),
        ({"pool": {"max-concurrency": True}}, None),
    ],
)
def test_slots_are_the_processes_else_the_bound(stats, slots):
    assert NO_ANSWER.taking("stats", stats).slots == slots


def test_what_is_set_without_a_meaning_is_none():
    answer = WorkerAnswer.of({"stats": {"uptime": math.nan, "pool": {"timeouts": [0, 0]}}})

    assert (answer.uptime_s, answer.limit_s) == (None, None)


def test_an_answer_of_one_method_leaves_the_others():
    answer = WorkerAnswer.of({"stats": {"pool": {"processes": [1]}}})

    assert answer.taking("active_queues", [{"name": "mail"}]).slots == 1


@given(st.dictionaries(st.sampled_from([*METHODS, "timestamp"]), ANYTHING))
def test_whatever_a_worker_answers_is_read(record):
    answer = WorkerAnswer.of(record)

    assert answer.slots is None or isinstance(answer.slots, int)
    assert answer.memory_bytes() is None or answer.memory_bytes() > 0
    assert hash(answer) == hash(WorkerAnswer.of(record))
