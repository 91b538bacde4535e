"""The runs and the state that follow from a task's events, against a model of Celery."""

from hypothesis import given, settings
from hypothesis import strategies as st

from flower_ng.life.attempts import decisive
from flower_ng.life.matching import runs_of
from flower_ng.life.memory import Life as Known
from flower_ng.life.runs import OUTCOMES, Run
from tests.life.lives import Life, Truth, interleaved, lives


def told(run: Run | Truth) -> tuple[object, ...]:
    name = None if run.received is None else run.name  # only a receipt tells it
    return run.worker, name, run.received, run.started, run.ended, run.outcome, run.exception


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
        assert list(map(told, known.runs)) == list(map(told, runs_of(events[:place])))

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

    assert list(map(told, known.runs)) == list(map(told, runs_of(life.events)))


@settings(max_examples=300)
@given(st.data())
def test_whatever_ends_of_others_are_lost_the_newest_run_gives_the_state(data: st.DataObject):
    life = data.draw(lives(overlapping=False))
    newest = life.runs[-1]
    times = {newest.received, newest.started, newest.ended}
    events = [
        event
        for event in life.events
        if event.type not in OUTCOMES or event.at in times or data.draw(st.booleans(), "kept")
    ]

    runs = runs_of(events)

    assert decisive(runs).state == life.state
    assert len(runs) <= len(life.runs)
