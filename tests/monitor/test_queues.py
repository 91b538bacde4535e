"""Which queues there are, and who takes from them."""

import pytest
from celery import Celery
from kombu import Queue

from flower_ng.brokers import is_system_queue
from flower_ng.monitor.remote.capacity import Capacity, serving
from flower_ng.monitor.remote.queue_names import (
    known_queue_names,
    routed_queue_names,
    system_queue_beginnings,
)
from flower_ng.monitor.remote.worker_answer import WorkerAnswer


@pytest.mark.parametrize(
    ("routes", "names"),
    [
        ({"a.*": "fast", "b": {"queue": "slow"}}, {"fast", "slow"}),
        ([("a.*", {"exchange": "x"})], set()),
        ([{"a.*": {"queue": Queue("fast")}}, lambda *_, **__: "never"], {"fast"}),
        (([("a.*", {"queue": "one"}), ("b", "two")],), {"one", "two"}),
        (None, set()),
    ],
)
def test_routes_name_queues(routes, names):
    capp = Celery("shop")
    capp.conf.task_routes = routes

    assert routed_queue_names(capp) == names


def test_queues_are_known_from_workers_settings_routes_and_sends():
    capp = Celery("shop")
    capp.conf.task_routes = {"a": "routed"}
    workers = {"w@x": WorkerAnswer.of({"active_queues": [{"name": "active"}, "junk"]})}

    assert known_queue_names(capp, workers, ["sent"]) == {"active", "celery", "routed", "sent"}


def test_own_queues_begin_as_the_settings_say():
    capp = Celery("shop")
    capp.conf.update(
        event_queue_prefix="ev", broker_transport_options={"unacked_key": "held", "sep": ":"}
    )

    assert system_queue_beginnings(capp) == {"ev.", "held"}
    assert is_system_queue("ev.5eed", system_queue_beginnings(capp))
    assert not is_system_queue("events", system_queue_beginnings(capp))


def record(queues, **pool):
    return WorkerAnswer.of(
        {"active_queues": [{"name": name} for name in queues], "stats": {"pool": pool}}
    )


def test_workers_and_slots_are_those_that_are_online():
    records = {
        "a": record(["mail", "web"], processes=[1, 2, 3], **{"max-concurrency": 2}),
        "b": record(["mail"], **{"max-concurrency": 4}),
        "gone": record(["mail"], processes=[1]),
    }

    assert serving(records, ["a", "b", "new"]) == {"mail": Capacity(2, 7), "web": Capacity(1, 3)}


def test_slots_that_one_worker_does_not_tell_are_not_known():
    records = {"a": record(["mail"], processes=[1]), "b": record(["mail"])}

    assert serving(records, ["a", "b"]) == {"mail": Capacity(2, None)}


@pytest.mark.parametrize("answer", [{}, {"stats": {}}])
def test_without_an_answer_nothing_is_known(answer):
    assert serving({"a": WorkerAnswer.of(answer)}, ["a"]) is None


@pytest.mark.parametrize("junk", [None, "x", [None, 3, {"name": None}]])
def test_an_answer_of_junk_is_no_queue(junk):
    assert serving({"a": WorkerAnswer.of({"active_queues": junk, "stats": junk})}, ["a"]) == {}
