"""The runs and the state that follow from a task's events, against a model of Celery."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flower_ng.life.attempts import decisive, is_inferred, newest_raised
from flower_ng.life.matching import runs_of
from flower_ng.life.memory import Life as Known
from flower_ng.life.runs import KILLED, OUTCOMES, REQUEUED, WAITED, Run, TaskEvent
from tests.life.lives import Life, Truth, interleaved, lives

ENDS = {"SUCCESS", "FAILURE", "REVOKED"}


def told(run: Run | Truth) -> tuple[object, ...]:
    name = None if run.received is None else run.name  # only a receipt tells it
    return run.worker, name, run.received, run.started, run.ended, run.outcome, run.exception


def known_of(runs: list[Run]) -> list[tuple[object, ...]]:
    return [(*told(run), run.is_inferred, is_inferred(run, runs)) for run in runs]


@settings(max_examples=300)
@given(lives())
def test_the_runs_and_the_state_are_those_that_were(life: Life):
    runs = runs_of(life.events)

    assert sorted(map(told, runs), key=str) == sorted(map(told, life.runs), key=str)
    assert decisive(runs).state == life.state


@settings(max_examples=300)
@given(st.data())
def test_in_any_order_in_which_they_may_come_they_tell_the_same(data: st.DataObject):
    life = data.draw(lives())
    known = Known()
    for place, event in enumerate(events := data.draw(interleaved(life)), 1):
        assert known.add(event)
        assert known_of(known.runs) == known_of(runs_of(events[:place]))

    assert decisive(known.runs).state == life.state


@settings(max_examples=300)
@given(st.data())
def test_what_comes_twice_changes_nothing(data: st.DataObject):
    life = data.draw(lives())
    events = data.draw(interleaved(life))
    known = Known()
    for place, event in enumerate(events):
        known.add(event)
        for again in data.draw(st.lists(st.sampled_from(events[: place + 1]), max_size=2)):
            assert not known.add(again)

    assert known_of(known.runs) == known_of(runs_of(life.events))


@settings(max_examples=300)
@given(st.data())
def test_whatever_is_lost_no_wrong_end_is_told(data: st.DataObject):
    """Where it is not told which attempt ended, the result backend is asked: it has not ended."""
    life = data.draw(lives().filter(ended_once))
    kept = data.draw(st.permutations(some(data, life)))
    runs = runs_of(kept)
    state = run.state if (run := decisive(runs)) else None

    assert len(runs) <= len(life.runs)
    if state in ENDS:
        assert state == life.state
        assert state in {OUTCOMES.get(event.type) for event in kept}


@settings(max_examples=300)
@given(st.data())
def test_whatever_is_lost_of_other_runs_the_newest_gives_the_state(data: st.DataObject):
    """What its child sent is the newest run's too, and a requeued failure comes with its rejection.

    A failure alone is one for good, and a retry alone may be that of an attempt before.
    """
    life = data.draw(lives(overlapping=False).filter(ended_last))
    newest = life.runs[-1]
    times = {newest.received, newest.started, newest.ended}
    kept = some(data, life)
    kept += [
        event
        for event in life.events
        if event not in kept
        and (event.at in times or is_of_a_failure(event, life) or follows(event, life))
    ]

    assert decisive(runs_of(kept)).state == life.state


@settings(max_examples=300)
@given(st.data())
def test_whatever_is_lost_doubled_or_late_memory_says_what_all_events_say(data: st.DataObject):
    life = data.draw(lives())
    kept = some(data, life)
    again = data.draw(st.lists(st.sampled_from(kept), max_size=3)) if kept else []
    events = data.draw(st.permutations(kept + again))
    known = Known()
    for event in events:
        known.add(event)

    assert known_of(known.runs) == known_of(runs_of(kept))


def states(*events: TaskEvent) -> list[str]:
    return [run.state for run in runs_of(events)]


def event(kind: str, at: float, retries: int = 0) -> TaskEvent:
    return TaskEvent(kind, at, "a@box", retries=retries)


def test_a_run_that_alone_can_have_ended_did():
    run = [event("received", 1.0), event("started", 2.0), event("succeeded", 3.0)]
    further = [event("received", 4.0, 1), event("started", 5.0), event("retried", 6.0)]

    assert states(*run, *further) == ["SUCCESS", "RETRY"]


def test_an_attempt_that_is_known_to_be_followed_has_started():
    waiting = [event("received", 1.0), event("received", 2.0, 1)]
    retried = [event("started", 3.0), event("sent", 4.0, 2), event("retried", 5.0)]

    assert states(*waiting, *retried) == ["RECEIVED", "RETRY"]


def marked(*events: TaskEvent) -> list[bool]:
    return [run.is_inferred for run in runs_of(events)]


def test_the_ends_of_two_attempts_that_ran_at_once_and_were_retried_are_inferred():
    first = [event("received", 1.0), event("started", 2.0)]
    second = [event("received", 3.0, 1), event("started", 4.0)]
    ends = [event("retried", 5.0), event("received", 6.0, 2), event("retried", 7.0)]
    third = [event("started", 8.0), event("succeeded", 9.0)]

    assert marked(*first, *second, *ends, *third) == [True, True, False]


def test_a_sending_that_comes_late_tells_which_attempt_was_retried():
    first = [event("received", 1.0), event("started", 2.0), event("received", 3.0, 1)]
    second = [event("started", 4.0), event("retried", 5.0), event("retried", 7.0)]
    known = Known()
    for one in (*first, *second, event("sent", 2.5, 1), event("sent", 6.0, 2)):
        known.add(one)

    assert [(run.ended, run.is_inferred) for run in known.runs] == [(5.0, False), (7.0, False)]


def test_the_ends_of_attempts_that_ran_one_after_the_other_are_told():
    first = [event("received", 1.0), event("started", 2.0), event("received", 3.0, 1)]
    second = [event("retried", 4.0), event("started", 5.0), event("received", 6.0, 2)]
    third = [event("retried", 7.0), event("started", 8.0), event("failed", 9.0)]

    assert marked(*first, *second, *third) == [False, False, False]


def test_the_ends_of_deliveries_that_ran_one_after_the_other_are_told():
    first = [event("received", 1.0), event("started", 2.0), event("retried", 3.0)]
    second = [event("received", 4.0, 1), event("started", 5.0), event("succeeded", 6.0)]
    again = [event("received", 7.0, 1), event("started", 8.0)]

    assert marked(*first, *second, *again, event("succeeded", 9.0)) == [False, False, False]


def test_a_retry_that_is_told_late_is_that_of_the_attempt_that_was_followed():
    first = [event("received", 1.0), event("started", 2.0), event("received", 3.0, 1)]
    second = [event("started", 4.0), event("retried", 5.0), event("succeeded", 6.0)]

    assert marked(*first, *second) == [False, False]
    assert marked(*first, *second[:-2], second[-1]) == [False, False]  # that it was retried is lost


def test_of_two_attempts_that_wait_one_may_have_started():
    waiting = [event("received", 1.0), event("received", 2.0, 1), event("started", 3.0)]

    runs = runs_of(waiting)

    assert [(run.state, is_inferred(run, runs)) for run in runs] == [
        ("RECEIVED", False),
        ("STARTED", True),
    ]
    assert marked(*waiting, event("started", 4.0)) == [False, False]


def test_which_delivery_of_one_attempt_ended_leaves_its_state_certain():
    again = [event("received", 3.0), event("started", 4.0), event("succeeded", 5.0)]
    runs = runs_of([event("received", 1.0), event("started", 2.0), *again])

    assert [(run.state, run.is_inferred) for run in runs] == [("STARTED", False), ("SUCCESS", True)]
    assert not is_inferred(runs[1], runs)


def test_what_a_task_was_replaced_by_is_what_ended():
    replaced = [event("received", 1.0), event("started", 2.0)]
    other = [TaskEvent("received", 3.0, "a@box", name="y"), event("started", 4.0)]

    assert marked(*replaced, *other, event("succeeded", 5.0)) == [False, False]


def test_an_attempt_that_is_unknown_is_no_later_one_than_a_delivery_that_followed_it():
    first = [event("received", 1.0), event("started", 2.0), event("started", 3.0)]
    again = [event("received", 4.0), event("started", 5.0), event("sent", 6.0, 1)]

    assert state_of(*first, *again, event("retried", 7.0)) == "RETRY"


@pytest.mark.parametrize("further", [{"name": "y"}, {"retries": 1}])
def test_an_attempt_that_was_followed_cannot_have_been_revoked_before_its_start(further):
    elsewhere = TaskEvent("received", 2.0, "b@box", **further)
    revoked = TaskEvent("revoked", 3.0, "a@box", how=WAITED)

    assert state_of(event("received", 1.0), elsewhere, revoked) == "REVOKED"
    assert state_of(event("received", 1.0), revoked) == "REVOKED"


def test_of_two_exceptions_the_later_is_the_newest_where_an_attempt_is_unknown():
    first = [event("received", 1.0), TaskEvent("failed", 2.0, "b@box", "E1")]
    runs = runs_of([*first, event("received", 3.0), TaskEvent("failed", 4.0, "a@box", "E2")])

    assert newest_raised(runs).exception == "E2"


FAILED = [event("received", 1.0), event("started", 2.0), event("failed", 3.0)]


def test_a_task_that_failed_and_is_run_again_has_not_ended():
    """That its message was rejected to be delivered again was lost, and the receipt too."""
    again = event("started", 4.0)
    elsewhere = TaskEvent("received", 4.0, "b@box")

    assert state_of(*FAILED) == "FAILURE"
    assert state_of(*FAILED, again) == "STARTED"
    assert state_of(*FAILED, elsewhere) == "RECEIVED"
    assert state_of(*FAILED, again, event("succeeded", 5.0)) == "SUCCESS"
    assert state_of(*FAILED, again, event("failed", 5.0)) == "FAILURE"


def test_a_task_that_succeeded_and_is_run_again_succeeded():
    done = [*FAILED[:2], event("succeeded", 3.0)]

    assert state_of(*done, event("received", 4.0), event("started", 5.0)) == "SUCCESS"


def test_a_run_that_began_before_a_failure_leaves_it_final():
    elsewhere = [TaskEvent("received", 1.5, "b@box"), TaskEvent("started", 2.5, "b@box")]

    assert state_of(*FAILED, *elsewhere) == "FAILURE"


def state_of(*events: TaskEvent) -> str | None:
    run = decisive(runs_of(events))
    return run.state if run else None


def is_of_a_failure(event: TaskEvent, life: Life) -> bool:
    """Whether it tells that the message of a run that failed was delivered again."""
    return event.how == REQUEUED and all(event.at != run.ended for run in life.runs)


def follows(event: TaskEvent, life: Life) -> bool:
    """Whether the newest run sent it: the attempt that follows."""
    newest = life.runs[-1]
    return (event.type, event.name, event.retries) == ("sent", newest.name, newest.retries + 1)


def ended_once(life: Life) -> bool:
    """Whether no message was delivered again after an end."""
    return all(run.outcome not in ENDS for run in life.runs[:-1])


def ended_last(life: Life) -> bool:
    """Whether nothing was delivered again after it had succeeded."""
    return all(run.outcome != "SUCCESS" for run in life.runs[:-1])


def some(data: st.DataObject, life: Life) -> list[TaskEvent]:
    """Draw which events are not lost; what a killed task says goes with its revocation."""
    number = len(life.events)
    keeps = data.draw(st.lists(st.booleans(), min_size=number, max_size=number), "kept")
    kept = [event for event, is_kept in zip(life.events, keeps, strict=True) if is_kept]
    return [event for event in kept if event.how != KILLED or is_revoked(event, life, kept)]


def is_revoked(killed: TaskEvent, life: Life, kept: list[TaskEvent]) -> bool:
    """Whether it was kept that a task was terminated, which its pool says to have succeeded."""
    return life.sent[killed.hostname][life.sent[killed.hostname].index(killed) - 1] in kept
