"""For how long the oldest message of a queue waits, as events tell."""

from datetime import UTC, datetime

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.monitor.state.sent_tasks import Oldest, Sent
from flower_ng.records import Task


def change(type_, uuid, at, queue=None, before=None):
    event = Event(type_, "w@x", at, uuid=uuid, queue=queue)
    return Change(event, before=before)


def sent(uuid, at, queue="mail", before=None):
    return change("task-sent", uuid, at, queue, before)


def seen(*changes, **arguments):
    sends = Sent(**arguments)
    for one in changes:
        sends.observe(one)
    return sends


def test_the_oldest_send_without_news_is_the_oldest_message():
    sends = seen(sent("a", 10.0), sent("b", 20.0), sent("c", 15.0, "other"))

    assert sends.oldest("mail", 2, 30.0) == Oldest(20.0)
    assert set(sends.queues) == {"mail", "other"}


def test_a_task_that_was_received_waits_no_longer():
    sends = seen(sent("a", 10.0), sent("b", 20.0), change("task-received", "a", 21.0))

    assert sends.oldest("mail", 1, 30.0) == Oldest(10.0)


def delayed(uuid, at, eta, queue="mail"):
    told = sent(uuid, at, queue)
    told.event.eta = datetime.fromtimestamp(eta, UTC).isoformat()
    told.event.routing_key = ".".join(["0"] * 27 + ["1", queue])
    return told


def test_what_the_broker_delays_waits_in_its_queue_from_its_eta_on():
    sends = seen(delayed("a", 10.0, 100.0), sent("b", 20.0))

    assert sends.oldest("mail", 1, 30.0) == Oldest(10.0)
    sends.observe(change("task-received", "b", 40.0))
    assert sends.oldest("mail", 1, 90.0) is None
    assert sends.oldest("mail", 1, 105.0) == Oldest(5.0)
    assert set(sends.queues) == {"mail"}


def test_what_was_delayed_and_received_meanwhile_does_not_wait():
    sends = seen(delayed("a", 10.0, 100.0), change("task-received", "a", 101.0))

    assert sends.oldest("mail", 1, 105.0) is None


def test_an_eta_that_workers_wait_for_is_no_delay_in_the_queue():
    told = delayed("a", 10.0, 100.0)
    told.event.routing_key = "mail"

    assert seen(told).oldest("mail", 1, 30.0) == Oldest(20.0)


def test_a_send_that_is_told_late_is_no_waiting_task():
    sends = seen(sent("a", 10.0, before="STARTED"))

    assert sends.oldest("mail", 1, 30.0) is None


def test_a_task_sent_again_waits_anew():
    sends = seen(sent("a", 10.0), sent("a", 25.0, before="RETRY"))

    assert sends.oldest("mail", 1, 30.0) == Oldest(5.0)


def test_without_a_length_or_a_send_the_age_is_not_known():
    assert seen(sent("a", 10.0)).oldest("mail", None, 30.0) is None
    assert seen().oldest("mail", 5, 30.0) is None


def test_in_an_empty_queue_nothing_waits_and_lost_tasks_are_forgotten():
    sends = seen(sent("a", 10.0), sent("b", 29.0))

    assert sends.oldest("mail", 0, 30.0) is None
    assert sends.oldest("mail", 1, 31.0) == Oldest(2.0)


def test_past_the_bound_it_waits_for_as_long_at_least():
    sends = seen(sent("a", 10.0), sent("b", 20.0), most=1)
    assert sends.oldest("mail", 2, 30.0) == Oldest(20.0, is_least=True)

    for one in (change("task-received", "a", 31.0), sent("c", 32.0)):
        sends.observe(one)
    assert sends.oldest("mail", 2, 40.0) == Oldest(8.0, is_least=True)

    sends.oldest("mail", 0, 60.0)
    sends.observe(sent("d", 61.0))
    assert sends.oldest("mail", 1, 62.0) == Oldest(1.0)


def test_where_more_waits_than_was_seen_to_be_sent_it_waits_for_as_long_at_least():
    assert seen(sent("a", 10.0)).oldest("mail", 2, 30.0) == Oldest(20.0, is_least=True)


def test_what_was_sent_before_a_restart_still_waits():
    sends = seen()
    sends.adopt(
        [
            Task("a", sent=10.0, queue="mail"),
            Task("b", sent=5.0, queue="mail", state="STARTED"),
            Task("c", sent=20.0, queue="mail"),
        ]
    )

    assert sends.oldest("mail", 2, 30.0) == Oldest(20.0)


def test_a_clock_ahead_makes_no_negative_age():
    assert seen(sent("a", 99.0)).oldest("mail", 1, 30.0) == Oldest(0.0)
