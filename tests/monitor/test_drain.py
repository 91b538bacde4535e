"""The drain on a loop of its own: budget, fairness, and what it does about failures."""

import asyncio
import json
import logging
import time

import pytest

from flower_ng.monitor.ingest.decode import Wire
from flower_ng.monitor.ingest.drain import Drain
from flower_ng.monitor.ingest.inbox import EventMessage, Inbox
from flower_ng.monitor.state.state import ClusterState
from tests.monitor.corpus import BEAT, GOOD
from tests.monitor.yard import eventually


class Place:
    """A drain with what stands around it; `applied` and `ticks` count its calls."""

    def __init__(self, state=None, **options):
        self.inbox = Inbox()
        self.state = state or ClusterState()
        self.wire = Wire()
        self.clocks, self.told, self.ticks = [], 0, 0
        self.drain = Drain(
            self.inbox,
            self.wire,
            self.state,
            on_slice=lambda _: None,
            on_applied=self.tell,
            on_tick=self.tick,
            follow_clock=self.clocks.append,
            **{"interval_ms": 20, "slice_ms": 5, **options},
        )

    def tell(self):
        self.told += 1

    def tick(self):
        self.ticks += 1

    def put(self, *events):
        self.inbox.put(EventMessage(json.dumps(events).encode()))


class Slow(ClusterState):
    """Takes a millisecond for each event."""

    def apply(self, event):
        time.sleep(0.001)
        return super().apply(event)


class Faulty(ClusterState):
    """Fails at one task, as an observer may."""

    def apply(self, event):
        if event.uuid == "bad":
            raise RuntimeError("no")
        return super().apply(event)


@pytest.fixture
async def make():
    """Make a drain that is stopped after the test."""
    places = []

    def place(*args, **options):
        places.append(Place(*args, **options))
        return places[-1]

    yield place
    for one in places:
        one.drain.stop()


async def test_what_arrives_is_applied_within_moments(make):
    place = make()
    place.drain.start()

    place.put(GOOD, {**GOOD, "uuid": "u-2"})
    place.put(BEAT)

    await eventually(lambda: place.drain.applied == 3)
    assert set(place.state.tasks) == {"u-1", "u-2"}
    assert place.told >= 1
    assert not place.drain.is_behind


async def test_a_slice_ends_in_time_and_what_is_left_keeps_its_order(make):
    place = make(Slow())
    place.put(*({**GOOD, "uuid": str(number)} for number in range(100)))

    applied = place.drain.run(0.01)

    assert 10 <= applied <= 32
    assert place.drain.is_behind
    place.drain.run(10)
    assert list(place.state.tasks) == [str(number) for number in range(100)]


async def test_others_have_several_turns_between_slices_of_a_backlog(make):
    place = make(Slow())
    for _ in range(20):
        place.put(*[GOOD] * 20)
    place.drain.start()
    turns, began = 0, time.perf_counter()
    worst_s = 0.0

    while place.drain.applied < 400:
        before = time.perf_counter()
        await asyncio.sleep(0)
        worst_s = max(worst_s, time.perf_counter() - before)
        turns += 1
        assert time.perf_counter() - began < 20

    assert turns > 4 * (place.told - 1) > 4
    assert worst_s < 0.2


async def test_a_backlog_is_not_left_to_the_timer(make):
    place = make(interval_ms=1000, slice_ms=1)
    for _ in range(100):
        place.put(*[GOOD] * 50)
    place.drain.start()
    await eventually(lambda: place.drain.applied > 0)
    began = time.perf_counter()

    await eventually(lambda: place.drain.applied == 5000)

    assert time.perf_counter() - began < 1


async def test_an_event_that_cannot_be_applied_is_counted_and_the_next_ones_go_on(make, caplog):
    place = make(Faulty())
    place.put({**GOOD, "uuid": "bad"}, GOOD)

    with caplog.at_level(logging.ERROR):
        place.drain.run(1)

    assert set(place.state.tasks) == {"u-1"}
    assert place.wire.malformed == {"not applicable": 1}
    assert "Could not apply 'task-received' of 'w1@box'" in caplog.text


async def test_stopping_applies_what_has_arrived(make):
    place = make()
    place.drain.start()
    place.put(GOOD)

    place.drain.stop()

    assert set(place.state.tasks) == {"u-1"}


async def test_nothing_is_applied_after_the_stop(make):
    place = make(interval_ms=1)
    place.drain.start()
    place.drain.stop()

    place.put(GOOD)
    await asyncio.sleep(0.05)

    assert place.drain.applied == 0


async def test_our_clock_follows_each_message_but_neither_publishers_nor_nonsense(make):
    place = make()
    place.put({**GOOD, "clock": 7}, {**GOOD, "clock": 8})
    place.put({**GOOD, "type": "task-sent", "clock": 999})
    place.put({**GOOD, "clock": 2**60})
    place.put(BEAT)

    place.drain.run(1)

    assert place.clocks == [8]


async def test_the_time_spent_is_known(make):
    place = make(Slow())
    place.put(*[GOOD] * 20)

    place.drain.run(1)

    assert 0.02 <= place.drain.slice_max_s <= place.drain.busy_s < 2
