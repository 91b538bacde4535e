import pytest
from hypothesis import given
from hypothesis import strategies as st

from flower_ng.life.runs import OUTCOMES, REQUEUED, TaskEvent
from flower_ng.store.tables.timeline import (
    Attempt,
    Entry,
    attempts,
    chain,
    events,
    kept,
    named,
    numbered,
    written,
)

HOSTS = st.sampled_from(["w1@box", "w2@box"])
TYPES = st.sampled_from(["sent", "received", "started", "retried", "succeeded", "failed", "x"])
EVENTS = st.lists(st.builds(TaskEvent, TYPES, st.floats(1, 9), HOSTS), max_size=12)


def told(*events):
    """Return events by their types and hosts, one a second."""
    return tuple(TaskEvent(kind, float(at), host) for at, (kind, host) in enumerate(events, 1))


def test_what_is_written_in_parts_is_read_as_one():
    first = chain([Entry("task-received", 1763712345.123456, "w1@box")])
    then = chain(
        [Entry("task-started", 2e9, "w1@box"), Entry("task-failed", 2e9 + 1, "w1@box", "E('ü\"')")]
    )

    assert written(first) == '["received",1763712345.123456,"w1@box"],'
    assert events(written(first) + written(then)) == (
        TaskEvent("received", 1763712345.123456, "w1@box"),
        TaskEvent("started", 2e9, "w1@box"),
        TaskEvent("failed", 2e9 + 1, "w1@box", "E('ü\"')"),
    )


def test_no_events_are_no_text():
    assert written(None) is None
    assert (events(None), kept(None)) == ((), 0)


def test_events_are_sorted_by_time_and_what_came_twice_is_there_once():
    text = written(
        chain([Entry("started", 2.0, "w"), Entry("received", 1.0, "w"), Entry("started", 2.0, "w")])
    )

    assert [(event.type, event.at) for event in events(text)] == [("received", 1), ("started", 2)]
    assert kept(text) == 3


def test_only_the_beginning_of_an_exception_is_kept_with_each_event():
    (event,) = events(written(Entry("failed", 1.0, "w", "x" * 5000)))

    assert event.exception == "x" * 300


def test_each_retry_is_an_attempt_with_its_worker_times_and_exception():
    first, second = attempts(
        (
            TaskEvent("sent", 0.5, "client@box"),
            TaskEvent("received", 1.0, "w1@box"),
            TaskEvent("started", 2.0, "w1@box"),
            TaskEvent("retried", 2.5, "w1@box", "Timeout()"),
            TaskEvent("received", 3.0, "w2@box", retries=1),
            TaskEvent("started", 4.0, "w2@box"),
            TaskEvent("succeeded", 4.5, "w2@box"),
        )
    )

    assert first == Attempt(1, 1, None, "w1@box", 1.0, 2.0, 2.5, "RETRY", "Timeout()")
    assert second == Attempt(2, 1, None, "w2@box", 3.0, 4.0, 4.5, "SUCCESS")
    assert (first.runtime_s, second.runtime_s) == (0.5, 0.5)


def test_a_worker_that_died_leaves_an_attempt_without_an_end():
    lost, again = attempts(
        told(
            ("received", "w"),
            ("started", "w"),
            ("received", "w"),
            ("started", "w"),
            ("failed", "w"),
        )
    )

    assert (lost.number, lost.delivery, again.number, again.delivery) == (1, 1, 1, 2)
    assert (lost.started, lost.ended, lost.outcome, lost.runtime_s) == (2.0, None, None, None)
    assert (again.received, again.started, again.outcome) == (3.0, 4.0, "FAILURE")


def test_a_worker_whose_clock_is_behind_does_not_take_another_ones_end():
    first, second = attempts(
        told(
            ("received", "w1"),
            ("started", "w1"),
            ("received", "w2"),
            ("retried", "w1"),
            ("started", "w2"),
            ("succeeded", "w2"),
        )
    )

    assert (first.worker, first.outcome) == ("w1", "RETRY")
    assert (second.worker, second.started, second.outcome) == ("w2", 5.0, "SUCCESS")


def test_a_start_whose_receipt_was_not_heard_is_an_attempt_too():
    (only,) = attempts(told(("started", "w"), ("succeeded", "w")))

    assert (only.received, only.started, only.ended) == (None, 1.0, 2.0)


def test_times_that_contradict_each_other_give_no_run_time():
    assert Attempt(started=5.0, ended=4.0).runtime_s is None


@given(EVENTS)
def test_every_receipt_and_start_is_in_exactly_one_attempt_and_no_end_is_made_up(heard):
    tries = attempts(heard)

    for field in ("received", "started"):
        said = sorted({(event.at, event.hostname) for event in heard if event.type == field})
        shown = [(getattr(one, field), one.worker) for one in tries if getattr(one, field)]
        assert sorted(shown) == said
    ends = {(event.at, event.hostname) for event in heard if event.type in OUTCOMES}
    assert {(one.ended, one.worker) for one in tries if one.ended} <= ends


def test_what_more_an_event_says_is_written_where_it_says_it():
    newest = chain(
        [
            Entry("task-received", 1.0, "w", retries=2, name="shop.sell"),
            Entry("task-received", 2.0, "w", retries=None),
            Entry("task-rejected", 3.0, "w", how=REQUEUED),
            Entry("task-started", 4.0, "w"),
        ]
    )

    text = written(newest)

    assert text == (
        '["received",1.0,"w","",2,"shop.sell"],["received",2.0,"w","",null],'
        '["rejected",3.0,"w","",0,"","requeued"],["started",4.0,"w"],'
    )
    received, unknown, rejected, _ = events(text)
    assert (received.retries, received.name, unknown.retries) == (2, "shop.sell", None)
    assert rejected.how == REQUEUED


@pytest.mark.parametrize("first", ["shop.buy", "shop.sell"])
def test_receipts_of_a_task_that_was_replaced_have_their_names(first):
    """The first that was heard was kept without its name."""
    second = {"shop.buy": "shop.sell", "shop.sell": "shop.buy"}[first]
    told = (TaskEvent("received", 1.0, "w"), TaskEvent("received", 2.0, "w", name=second))

    given = named(told, name="shop.sell", original_name="shop.buy")

    assert [event.name for event in given] == [first, second]


def test_receipts_that_were_kept_without_a_number_are_counted_back_from_the_newest():
    heard = told(("received", "w"), ("retried", "w"), ("received", "w"), ("succeeded", "w"))

    first, second = attempts(numbered(heard, retries=1))

    assert (first.number, first.outcome) == (1, "RETRY")
    assert (second.number, second.outcome) == (2, "SUCCESS")
