import pytest

from flower_ng.changes import Change
from flower_ng.records import Worker
from flower_ng.store.rollups import minutes as module
from flower_ng.store.rollups.minutes import Minutes
from flower_ng.store.rollups.points import point
from flower_ng.store.rollups.tallies import OUTCOMES, Coverage
from tests.store.rollups.making import HOUR, beat, told

NOW = HOUR + 30.0


@pytest.fixture
def clock():
    return [NOW]


@pytest.fixture
def minutes(clock):
    return Minutes(lambda: clock[0])


def counts(minute, name="shop.add"):
    return dict(zip(OUTCOMES, minute.kinds["task"][name].counts, strict=True))


def test_events_are_counted_by_minute_type_and_outcome(minutes):
    for kind in (*OUTCOMES, "failed"):
        minutes.observe(told(kind, NOW))
    minutes.observe(told("sent", NOW - 60, "shop.other"))

    taken = minutes.take()

    assert counts(taken[HOUR]) == dict.fromkeys(OUTCOMES, 1) | {"failed": 2}
    assert counts(taken[HOUR - 60], "shop.other")["sent"] == 1


def test_what_is_taken_is_not_held_any_more(minutes):
    minutes.observe(told("sent", NOW))
    minutes.take()
    minutes.observe(told("sent", NOW))

    assert counts(minutes.take()[HOUR])["sent"] == 1
    assert not minutes.take()


def test_custom_events_are_not_counted(minutes):
    minutes.observe(told("progress", NOW))

    assert not minutes.take()


@pytest.mark.parametrize("at", [HOUR - 571.0, HOUR - 700.0, NOW + 90.0, 1.0])
def test_an_event_too_old_or_from_the_future_counts_in_the_minute_under_way(minutes, at):
    minutes.observe(told("sent", at))

    assert list(minutes.take()) == [HOUR]


def test_an_event_ten_minutes_late_counts_in_its_own_minute(minutes):
    minutes.observe(told("sent", HOUR - 569.0))

    assert list(minutes.take()) == [HOUR - 600]


@pytest.mark.parametrize(
    ("before", "tasks"), [(None, 1), ("PENDING", 1), ("RECEIVED", 0), ("STARTED", 0), ("RETRY", 0)]
)
def test_a_task_is_one_however_often_it_is_received(minutes, before, tasks):
    received = told("received", NOW)
    minutes.observe(Change(received.event, received.task, received.worker, before))

    assert point(minutes.take()[HOUR].kinds["task"]["shop.add"]).tasks == tasks


def test_run_time_is_what_the_worker_measured(minutes):
    minutes.observe(told("succeeded", NOW, runtime=2.5))
    minutes.observe(told("succeeded", NOW))

    assert minutes.take()[HOUR].kinds["task"]["shop.add"].run.total_s == 2.5


@pytest.mark.parametrize("end", ["failed", "retried", "revoked", "rejected"])
def test_what_ends_without_success_has_run_too(minutes, end):
    minutes.observe(told("succeeded", NOW - 3, runtime=2.5))
    minutes.observe(told(end, NOW, started=NOW - 4))

    tally = minutes.take()[HOUR].kinds["task"]["shop.add"]
    assert (tally.run.total_s, tally.unsuccessful_s) == (2.5, 4.0)
    assert point(tally).total_run_s == 6.5


@pytest.mark.parametrize(
    ("first", "second"),
    [("failed", "rejected"), ("rejected", "failed"), ("revoked", "failed"), ("failed", "revoked")],
)
def test_a_run_of_which_two_events_tell_the_end_counts_once(minutes, first, second):
    minutes.observe(told(first, NOW, started=NOW - 4, **{first: NOW}))
    minutes.observe(told(second, NOW + 0.1, started=NOW - 4, **{first: NOW, second: NOW + 0.1}))

    tally = minutes.take()[HOUR].kinds["task"]["shop.add"]
    assert tally.unsuccessful_s == 4


def test_a_run_after_one_that_was_rejected_counts_too(minutes):
    minutes.observe(told("rejected", NOW, started=NOW - 4, rejected=NOW))
    minutes.observe(told("failed", NOW + 9, started=NOW + 6, rejected=NOW, failed=NOW + 9))

    assert minutes.take()[HOUR].kinds["task"]["shop.add"].unsuccessful_s == 7


@pytest.mark.parametrize(
    "times",
    [
        {},
        {"started": NOW + 1},
        {"started": NOW - 9, "retried": NOW - 8},
    ],
)
def test_what_ends_before_it_runs_adds_no_run_time(minutes, times):
    minutes.observe(told("revoked", NOW, **times))

    assert minutes.take()[HOUR].kinds["task"]["shop.add"].unsuccessful_s == 0


def test_the_run_of_a_second_try_is_its_own(minutes):
    minutes.observe(told("failed", NOW, started=NOW - 2, retried=NOW - 5))

    assert minutes.take()[HOUR].kinds["task"]["shop.add"].unsuccessful_s == 2


def test_a_run_that_is_retried_ended_after_the_next_one_was_sent(minutes):
    """A run publishes its retry itself: the next one may begin before its end is told."""
    minutes.observe(told("sent", NOW - 1, sent=NOW - 1, started=NOW - 4, retries=1))
    minutes.observe(told("retried", NOW, started=NOW - 0.5, retried=NOW))

    assert minutes.take()[HOUR].kinds["task"]["shop.add"].unsuccessful_s == 4


def test_a_run_that_began_before_the_end_of_the_one_before_was_told_counts(minutes):
    minutes.observe(told("sent", NOW - 1, sent=NOW - 1, started=NOW - 4, retries=1))
    minutes.observe(told("retried", NOW - 0.1, started=NOW - 0.2, retried=NOW - 0.1))
    minutes.observe(told("failed", NOW + 1, started=NOW - 0.2, retried=NOW - 0.1))

    total_s = minutes.take()[HOUR].kinds["task"]["shop.add"].unsuccessful_s
    assert total_s == pytest.approx(3.9 + 1.2)


def test_wait_is_from_received_to_started(minutes):
    minutes.observe(told("started", NOW, received=NOW - 3, started=NOW))

    tally = minutes.take()[HOUR].kinds["task"]["shop.add"]
    assert (tally.wait.count, tally.wait.total_s) == (1, 3.0)


@pytest.mark.parametrize("times", [{}, {"received": NOW - 3, "eta": "2026-11-21T10:00:00"}])
def test_a_wait_that_is_unknown_or_on_purpose_is_left_out(minutes, times):
    minutes.observe(told("started", NOW, **times))

    assert minutes.take()[HOUR].kinds["task"]["shop.add"].wait.count == 0


def test_a_wait_below_zero_is_none(minutes):
    minutes.observe(told("started", NOW, received=NOW + 1))

    tally = minutes.take()[HOUR].kinds["task"]["shop.add"]
    assert (tally.wait.count, tally.wait.total_s) == (1, 0)


@pytest.mark.parametrize("sent", [NOW - 4, NOW + 0.5])
@pytest.mark.parametrize("is_sent_first", [True, False])
def test_a_receipt_counts_once_whichever_event_comes_first(minutes, sent, is_sent_first):
    """Sent is stamped when the message is with the broker already: a worker may be quicker."""
    if is_sent_first:
        minutes.observe(told("sent", sent, queue="mail", sent=sent))
        minutes.observe(told("received", NOW, queue="mail", received=NOW, sent=sent))
    else:
        minutes.observe(told("received", NOW, received=NOW))
        minutes.observe(told("sent", sent, queue="mail", received=NOW, sent=sent))

    kinds = minutes.take()[HOUR].kinds
    queued, queue = kinds["task"]["shop.add"].queued, kinds["queue"]["mail"]
    assert (queue.sent, queue.received) == (1, 1)
    assert (queued.count, queued.total_s) == (1, max(0, NOW - sent))


@pytest.mark.parametrize("is_late", [True, False])
def test_each_attempt_is_received_once(minutes, is_late):
    """A retry is published by the worker that runs the attempt before it."""
    minutes.observe(told("sent", NOW - 9, queue="mail", sent=NOW - 9))
    minutes.observe(told("received", NOW - 8, queue="mail", sent=NOW - 9, received=NOW - 8))
    first = {"queue": "mail", "started": NOW - 7}
    again = {**first, "sent": NOW - 3, "received": NOW - 8, "retries": 1}
    received = {**first, "sent": NOW - 9 if is_late else NOW - 3, "received": NOW - 2, "retries": 1}
    steps = [told("sent", NOW - 3, **again), told("received", NOW - 2, **received)]
    for step in reversed(steps) if is_late else steps:
        minutes.observe(step)

    kinds = minutes.take()[HOUR].kinds
    queued, queue = kinds["task"]["shop.add"].queued, kinds["queue"]["mail"]
    assert (queue.sent, queue.received) == (2, 2)
    assert (queued.count, queued.total_s) == (2, 2.0)


def test_a_retry_may_be_told_to_be_sent_before_the_run_that_sent_it_was_told_to_start(minutes):
    minutes.observe(told("sent", NOW - 3, queue="mail", sent=NOW - 3, retries=1))
    times = {"sent": NOW - 3, "started": NOW - 2.9, "retried": NOW - 2.8, "received": NOW - 2}
    minutes.observe(told("received", NOW - 2, queue="mail", retries=1, **times))

    queue = minutes.take()[HOUR].kinds["queue"]["mail"]
    assert (queue.sent, queue.received) == (1, 1)


def test_a_receipt_counts_in_its_own_minute(minutes):
    minutes.observe(told("received", HOUR - 0.01, received=HOUR - 0.01))
    minutes.observe(told("sent", HOUR + 0.01, queue="mail", sent=HOUR + 0.01))

    taken = minutes.take()
    assert (
        taken[HOUR].kinds["queue"]["mail"].sent,
        taken[HOUR - 60].kinds["queue"]["mail"].received,
    ) == (1, 1)
    assert taken[HOUR - 60].kinds["task"]["shop.add"].queued.count == 1


def test_a_retry_that_is_sent_again_was_not_received_before(minutes):
    minutes.observe(told("sent", NOW - 10, queue="mail", sent=NOW - 10))
    minutes.observe(told("received", NOW - 9, queue="mail", received=NOW - 9, sent=NOW - 10))
    minutes.observe(told("sent", NOW, queue="mail", received=NOW - 9, sent=NOW, retries=1))

    kinds = minutes.take()[HOUR].kinds
    assert kinds["task"]["shop.add"].queued.count == 1
    assert kinds["queue"]["mail"].received == 1


def test_events_without_a_name_are_only_in_the_sum(minutes):
    minutes.observe(told("succeeded", NOW, None))
    minutes.observe(told("succeeded", NOW))

    rows = {(kind, name): row for kind, name, row in minutes.take()[HOUR].rows()}
    assert set(rows) == {("coverage", ""), ("task", ""), ("task", "shop.add")}
    assert rows["task", ""].counts[3] == 2


def test_further_task_types_are_counted_together(minutes, monkeypatch):
    monkeypatch.setattr(module, "MAX_NAMES", 2)

    for name in ("a", "b", "c", "d", "a"):
        minutes.observe(told("sent", NOW, name))

    tasks = minutes.take()[HOUR].kinds["task"]
    assert {name: tally.counts[0] for name, tally in tasks.items()} == {
        "a": 2,
        "b": 1,
        "__other__": 2,
    }


def test_a_worker_is_sampled_once_however_often_it_beats(minutes):
    worker = Worker("w1@box", heartbeats=(1.0,), active=3, loadavg=(0.5, 0.6, 0.7))
    for at in (NOW - 2, NOW):
        minutes.observe(beat(at, worker))

    minutes.sample_workers()
    minutes.sample_workers()

    tally = minutes.take()[HOUR].kinds["worker"]["w1@box"]
    assert (tally.active.samples, tally.active.last) == (1, 3)
    assert (tally.load.samples, tally.load.last) == (1, 0.5)


@pytest.mark.parametrize("is_forgotten", [True, False])
def test_a_worker_that_went_is_not_sampled(minutes, is_forgotten):
    minutes.observe(beat(NOW, Worker("w1@box", active=3, heartbeats=(1.0,) * is_forgotten)))
    if is_forgotten:
        minutes.forgotten("w1@box")

    minutes.sample_workers()

    assert not minutes.take()


def test_a_worker_that_tells_nothing_leaves_no_sample(minutes):
    minutes.observe(beat(NOW, Worker("w1@box", heartbeats=(1.0,))))

    minutes.sample_workers()

    assert not minutes.take()


def test_what_a_worker_does_not_tell_is_unknown(minutes):
    minutes.observe(beat(NOW, Worker("w1@box", heartbeats=(1.0,), active=1)))

    minutes.sample_workers()

    assert minutes.take()[HOUR].kinds["worker"]["w1@box"].load.samples == 0


def test_a_queue_of_unknown_length_leaves_no_sample(minutes):
    minutes.sample_queue("celery", None, None)
    minutes.sample_queue("mail", 0, None)

    queues = minutes.take()[HOUR].kinds["queue"]
    assert list(queues) == ["mail"]
    assert (queues["mail"].length.samples, queues["mail"].oldest_age_s.samples) == (1, 0)


def test_what_comes_into_a_queue_and_leaves_it_is_counted(minutes):
    minutes.observe(told("sent", NOW, queue="mail", sent=NOW))
    minutes.observe(told("received", NOW, queue="mail", sent=NOW, received=NOW + 1))
    minutes.observe(told("sent", NOW, queue="mail", sent=NOW))
    minutes.observe(told("received", NOW, received=NOW))

    (queue,) = minutes.take()[HOUR].kinds["queue"].values()
    assert (queue.sent, queue.received) == (2, 1)


def test_what_is_put_back_is_added_to_what_came_since(minutes):
    minutes.observe(told("sent", NOW))
    minutes.cover(HOUR, Coverage(1000))
    taken = minutes.take()
    minutes.observe(told("sent", NOW))
    minutes.cover(HOUR, Coverage(500, 1))

    minutes.put_back(taken)

    held = minutes.take()[HOUR]
    assert counts(held)["sent"] == 2
    assert held.coverage == Coverage(1500, 1)


def test_past_its_bound_the_oldest_minute_is_given_up_with_its_coverage(
    minutes, clock, monkeypatch
):
    monkeypatch.setattr(module, "MAX_HELD", 3)

    for _ in range(6):
        minutes.observe(told("sent", clock[0], "a"))
        minutes.observe(told("sent", clock[0], "b"))
        clock[0] += 60

    taken = minutes.take()
    assert (minutes.given_up, min(taken)) == (4, HOUR + 240)
    assert counts(taken[HOUR + 300], "a")["sent"] == 1


def test_what_is_delivered_again_was_not_in_the_queue_while_it_ran(minutes):
    minutes.observe(told("sent", NOW - 20, queue="mail", sent=NOW - 20))
    minutes.observe(told("received", NOW - 19, queue="mail", sent=NOW - 20, received=NOW - 19))
    again = {"sent": NOW - 20, "received": NOW, "started": NOW - 18, "rejected": NOW - 1}
    minutes.observe(told("received", NOW, queue="mail", **again))

    kinds = minutes.take()[HOUR].kinds
    queued, queue = kinds["task"]["shop.add"].queued, kinds["queue"]["mail"]
    assert (queue.sent, queue.received) == (1, 2)
    assert (queued.count, queued.total_s) == (1, 1.0)
