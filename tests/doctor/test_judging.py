"""The checks that the doctor derives from a survey; pure."""

import pytest

from flower_ng.brokers import BrokerFacts, QueueNumbers, RabbitFacts, RabbitNode, RedisFacts
from flower_ng.doctor import CheckMark, Report
from flower_ng.doctor.judging import checks
from flower_ng.doctor.survey import CENSORED, AppSurvey, Conf, EventSurvey, ServerReply
from tests.doctor.making import CELERY, CONF, answers, broker, check, own, survey, worker

OK, NOTE, UNKNOWN, ATTENTION, BROKEN = (
    CheckMark.OK,
    CheckMark.NOTE,
    CheckMark.UNKNOWN,
    CheckMark.ATTENTION,
    CheckMark.BROKEN,
)


def report(**differing):
    return Report(0.0, 1.0, checks(survey(**differing)))


def with_conf(**conf):
    return {"workers": (worker(answers=answers(**conf)),)}


def test_a_cluster_set_up_with_care_asks_for_nothing():
    assert {one.mark for one in report().checks} == {OK}
    assert report().code == 0


def test_a_broker_that_is_away_is_broken_and_hides_what_depends_on_it():
    away = broker(reached=ServerReply("redis://box", why="Connection refused"), facts=None)

    found = report(broker=away, events=EventSurvey(is_connected=False, waited_s=0.0), workers=())

    assert [one.name for one in found.checks if one.area == "Broker"] == ["Reached"]
    assert not [one for one in found.checks if one.area in {"Events", "Workers"}]
    assert "Nothing listens at this address." in found.checks[0].said
    assert found.code == 2


def test_a_slow_broker_asks_for_attention():
    slow = broker(reached=ServerReply("redis://box", 0.4))

    assert check("Reached", "Broker", broker=slow).mark is ATTENTION


@pytest.mark.parametrize(
    ("transport", "host", "mark"),
    [
        ("redis", "box", NOTE),
        ("amqp", "10.0.0.1", NOTE),
        ("sentinel", "box", NOTE),
        ("redis", "127.0.0.1", OK),
        ("amqp", "127.0.1.1", OK),
        ("amqp", "::1", OK),
        ("redis", "socket:///run/redis.sock", OK),
        ("memory", "localhost", OK),
        ("filesystem", "localhost", OK),
        ("sqlalchemy", "sqlite:////var/lib/broker.db", OK),
        ("sqlalchemy", "postgresql://shop:secret@box/broker", UNKNOWN),
        ("sqs", "localhost", UNKNOWN),
        ("mongodb", "box", UNKNOWN),
    ],
)
def test_plain_text_is_noted_where_it_is_known_to_pass_a_network(transport, host, mark):
    found = check("TLS", broker=broker(has_tls=False, transport=transport, host=host))

    assert found.mark is mark
    assert "secret" not in found.said


def test_a_length_that_no_one_tells_is_unknown_with_the_reason_and_the_option():
    facts = BrokerFacts(0.0, "amqp", trouble="The management API failed: Connection refused")

    found = check("Queue lengths", broker=broker(facts=facts, queues=()))

    assert (found.mark, found.setting) == (UNKNOWN, "flower_ng: --broker_api")
    assert "management API failed" in found.said


def test_a_queue_that_does_not_exist_yet_hides_no_other():
    queues = (QueueNumbers("a", 1), QueueNumbers("b", reason="The broker knows no queue 'b'."))

    assert check("Queue lengths", broker=broker(queues=queues)).mark is OK


def test_that_no_queue_exists_yet_is_a_note():
    missing = QueueNumbers("celery", reason="The broker knows no queue 'celery'.")
    facts = BrokerFacts(0.0, "memory")

    assert check("Queue lengths", broker=broker(facts=facts, queues=(missing,))).mark is NOTE


def test_lengths_that_rabbitmq_has_not_counted_yet_are_unknown_and_no_fault_of_the_set_up():
    facts = BrokerFacts(0.0, "amqp", rabbit=RabbitFacts("3.13"))

    found = check("Queue lengths", broker=broker(facts=facts, queues=(QueueNumbers("celery"),)))

    assert (found.mark, found.setting) == (UNKNOWN, "")
    assert found.said.startswith("RabbitMQ has no statistics of some of them yet")


def test_an_alarm_of_rabbitmq_is_broken():
    node = RabbitNode("rabbit@box", is_running=True, has_disk_alarm=True)
    facts = BrokerFacts(0.0, "amqp", rabbit=RabbitFacts("3.13", (node,)))

    assert check("Accepts messages", broker=broker(facts=facts)).mark is BROKEN


@pytest.mark.parametrize("nodes", [None, (RabbitNode("rabbit@box", is_running=True),)])
def test_alarms_that_rabbitmq_does_not_report_are_unknown(nodes):
    facts = BrokerFacts(0.0, "amqp", rabbit=RabbitFacts("3.13", nodes))

    assert check("Accepts messages", broker=broker(facts=facts)).mark is UNKNOWN


def test_a_rabbitmq_that_refuses_transient_queues_asks_for_exclusive_ones():
    facts = BrokerFacts(0.0, "amqp", rabbit=RabbitFacts("4.3.0"))

    found = check("Control and event queues", broker=broker(facts=facts))

    assert found.setting == "control_queue_exclusive = True, event_queue_exclusive = True"


def test_a_redis_that_evicts_asks_for_attention():
    redis = RedisFacts("7.0", memory_limit_bytes=100, policy="allkeys-lru")

    found = check("Keeps messages", broker=broker(facts=BrokerFacts(0.0, "redis", redis=redis)))

    assert found.mark is ATTENTION


@pytest.mark.parametrize(
    ("backend", "name", "mark"),
    [
        (ServerReply(), "Configured", NOTE),
        (ServerReply("rpc://"), "Readable", NOTE),
        (ServerReply("redis://box", why="timed out"), "Reached", BROKEN),
    ],
)
def test_a_result_backend_is_judged_by_whether_it_can_be_read(backend, name, mark):
    assert check(name, "Result", backend=backend).mark is mark


def test_without_an_app_what_it_would_say_is_unknown():
    unnamed = AppSurvey(is_known=False, conf=Conf(CONF), celery=CELERY)

    assert check("Task-sent events", app=unnamed).mark is UNKNOWN
    assert check("Configured", app=unnamed, backend=ServerReply()).mark is UNKNOWN


def test_an_app_that_does_not_tell_what_it_sends_asks_for_attention():
    silent = AppSurvey(is_known=True, conf=Conf({**CONF, "task_send_sent_event": False}), celery="")

    found = check("Task-sent events", app=silent)

    assert found.mark is ATTENTION
    assert found.setting.startswith("task_send_sent_event = True")


def test_without_workers_something_is_broken():
    assert report(workers=()).code == 2


WHY = "answered in application/x-python-serialize, which this app may not read: add 'pickle'"


def test_a_worker_whose_answers_cannot_be_read_is_told_the_form_and_the_setting():
    found = check("Remote control", workers=(worker(answers={}, unreadable=WHY),))

    assert (found.mark, found.said) == (BROKEN, WHY)
    assert found.setting == "accept_content of this app, or task_serializer of the worker"


def test_answers_of_workers_that_nobody_heard_of_do_not_mean_that_nobody_is_there():
    found = check("Unknown workers", workers=(), unreadable=(WHY,))

    assert (found.mark, found.said) == (BROKEN, f"a worker {WHY}")
    names = {one.name for one in report(workers=(), unreadable=(WHY,)).checks}
    assert "Found" not in names


def test_a_worker_that_is_only_heard_is_broken():
    found = check("Remote control", workers=(worker(answers={}),))

    assert (found.mark, found.setting) == (BROKEN, "worker_enable_remote_control = True")


@pytest.mark.parametrize(("is_heard", "mark"), [(False, ATTENTION), (None, UNKNOWN)])
def test_heartbeats_that_were_not_heard_and_could_not_be_are_told_apart(is_heard, mark):
    assert check("Heartbeats", workers=(worker(is_heard=is_heard),)).mark is mark


@pytest.mark.parametrize(
    ("version", "mark"), [("5.6.2", NOTE), ("4.4.7", ATTENTION), ("", UNKNOWN)]
)
def test_a_worker_of_another_version_is_told(version, mark):
    assert check("Celery's version", workers=(worker(celery=version),)).mark is mark


@pytest.mark.parametrize(
    ("skew_s", "mark"), [(4.0, OK), (40.0, ATTENTION), (-40.0, ATTENTION), (None, UNKNOWN)]
)
def test_a_clock_that_is_off_asks_for_attention(skew_s, mark):
    assert check("Clock", workers=(worker(skew_s=skew_s),)).mark is mark


@pytest.mark.parametrize("pool", ["thread", "solo", "gevent", "eventlet"])
def test_a_pool_that_lacks_something_is_noted(pool):
    assert check("Pool", workers=(worker(answers=answers(pool=pool)),)).mark is NOTE


@pytest.mark.parametrize(
    ("conf", "name", "mark"),
    [
        ({"result_extended": False}, "Results hold", NOTE),
        ({"result_expires": None}, "Results expire", NOTE),
        ({"task_track_started": False}, "Starts in the backend", NOTE),
        ({"worker_pool_restarts": False}, "Pool restarts", NOTE),
        ({"task_acks_late": True}, "Redelivery", OK),
        ({"task_acks_late": True, "task_time_limit": None}, "Redelivery", ATTENTION),
        ({"task_acks_late": True, "task_time_limit": 7200}, "Redelivery", ATTENTION),
        ({"worker_prefetch_multiplier": 4}, "Prefetch", NOTE),
        ({"worker_prefetch_multiplier": 0}, "Prefetch", ATTENTION),
        ({"timezone": "Europe/Oslo"}, "Time zone", ATTENTION),
        ({"enable_utc": CENSORED}, "Time zone", UNKNOWN),
        ({"broker_transport_options": "odd"}, "Redelivery", UNKNOWN),
    ],
)
def test_each_setting_of_a_worker_is_judged(conf, name, mark):
    assert check(name, **with_conf(**conf)).mark is mark


@pytest.mark.parametrize(
    ("rabbit", "mark"),
    [
        (None, UNKNOWN),
        (RabbitFacts("3.13", ack_timeout_s=None), OK),
        (RabbitFacts("3.13", ack_timeout_s=1800.0), ATTENTION),
        (RabbitFacts("3.13", ack_timeout_s=7200.0), OK),
    ],
)
def test_late_acknowledgement_is_judged_by_what_rabbitmq_allows(rabbit, mark):
    facts = BrokerFacts(0.0, "amqp", rabbit=rabbit)
    late = worker(answers=answers(task_acks_late=True, task_time_limit=3600))

    found = check("Redelivery", broker=broker(transport="amqp", facts=facts), workers=(late,))

    assert found.mark is mark


@pytest.mark.parametrize(
    ("enable_events", "has_tasks", "mark"),
    [(True, False, NOTE), (False, False, ATTENTION), (False, True, OK)],
)
def test_task_events_that_are_off_count_where_nobody_turns_them_on(enable_events, has_tasks, mark):
    one = worker(answers=answers(worker_send_task_events=False), has_tasks=has_tasks)

    found = check("Task events", workers=(one,), own=own(enable_events=enable_events))

    assert found.mark is mark


def test_settings_under_their_old_names_are_read():
    conf = {name: value for name, value in CONF.items() if name != "worker_pool_restarts"}
    one = worker(answers={**answers(), "conf": {**conf, "CELERYD_POOL_RESTARTS": False}})

    assert check("Pool restarts", workers=(one,)).mark is NOTE


def test_a_worker_that_does_not_tell_its_settings_is_one_unknown():
    one = worker(answers={**answers(), "conf": {"error": "not allowed"}})

    assert check("Settings", workers=(one,)).mark is UNKNOWN
    assert not [found for found in checks(survey(workers=(one,))) if found.name == "Prefetch"]


def test_an_answer_of_any_shape_is_no_error():
    odd = {"ping": 1, "stats": [], "conf": [], "registered": {}, "active_queues": 7}

    assert check("Pool", workers=(worker(answers=odd),)).mark is UNKNOWN


def test_what_is_equal_of_many_workers_is_one_line():
    several = (worker("w1@box"), worker("w2@box"), worker("w3@box", celery="5.5.0"))

    found = [one for one in checks(survey(workers=several)) if one.name == "Celery's version"]

    assert [one.subjects for one in found] == [("w1@box", "w2@box"), ("w3@box",)]


def test_a_task_that_only_some_workers_of_a_queue_know_is_named():
    several = (
        worker("w1@box", answers=answers("shop.add", "shop.pay")),
        worker("w2@box", answers=answers("shop.add")),
    )

    found = check("Same tasks", workers=several)

    assert found.mark is ATTENTION
    assert "w2@box does not register shop.pay" in found.said


@pytest.mark.parametrize(
    ("option", "name", "mark"),
    [
        ({"enable_events": False}, "Event request", NOTE),
        ({"history_fault": "no such folder"}, "History", BROKEN),
        ({"is_history_lasting": False}, "History", NOTE),
        ({"inspect_interval_s": 0.0}, "Worker inspection", NOTE),
        ({"has_receiver": False}, "Notifications", NOTE),
        ({"hidden": {"read_only": "nothing can be steered"}}, "Hidden", NOTE),
        ({"warnings": ("Ignored --x",)}, "Options", ATTENTION),
    ],
)
def test_our_own_options_are_judged_too(option, name, mark):
    assert check(name, "flower_ng", own=own(**option)).mark is mark
