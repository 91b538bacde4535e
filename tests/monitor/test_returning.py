"""Tasks that were kept come back while the loop goes on; events wait until they are there."""

import asyncio
import logging
import threading
import time

from flower_ng.monitor.state.restore import SOME, Returning
from flower_ng.monitor.state.state import ClusterState
from flower_ng.records import Task


def tasks(count):
    return (Task(f"u{number}", name="shop.add", state="STARTED") for number in range(count))


class Gated:
    """Tasks of which all but the first need the gate to be open; `names` are its threads'."""

    def __init__(self, count):
        self.gate = threading.Event()
        self.names = set()
        self._tasks = tasks(count)

    def __iter__(self):
        return self

    def __next__(self):
        self.names.add(threading.current_thread().name)
        task = next(self._tasks)
        if task.uuid != "u0":
            assert self.gate.wait(10)
        return task


async def test_all_come_back_in_their_order_and_are_told():
    state, told = ClusterState(), []
    returning = Returning(state, tasks(2 * SOME + 1), seen=told.extend)
    assert returning.lasts_s > 0

    await returning.run()

    assert list(state.tasks) == [f"u{number}" for number in range(2 * SOME + 1)]
    assert told == list(state.tasks.values())
    assert (returning.count, returning.fault, returning.lasts_s) == (2 * SOME + 1, None, 0.0)
    assert state.tallies.states == {"STARTED": 2 * SOME + 1}
    assert state.known_types() == ["shop.add"]


async def test_they_are_read_on_another_thread_while_the_loop_turns():
    gated = Gated(2)
    returning = Returning(ClusterState(), gated)
    running = asyncio.create_task(returning.run())

    began = time.monotonic()
    for _ in range(5):
        await asyncio.sleep(0.01)
    assert time.monotonic() - began < 1
    assert not running.done()
    gated.gate.set()
    await running

    assert returning.count == 2
    assert threading.current_thread().name not in gated.names


async def test_what_is_forgotten_meanwhile_stays_away():
    state, gated = ClusterState(), Gated(3)
    returning = Returning(state, gated)
    running = asyncio.create_task(returning.run())

    returning.forget(["u1"])
    gated.gate.set()
    await running
    assert list(state.tasks) == ["u0", "u2"]

    returning.forget(["u2"])
    assert list(state.tasks) == ["u0"]


async def test_a_task_that_is_in_memory_already_stays_as_it_is():
    state, newer = ClusterState(), Task("u0", state="SUCCESS")
    state.take_back([newer])

    await Returning(state, tasks(2)).run()

    assert state.tasks["u0"] is newer
    assert state.tallies.states == {"SUCCESS": 1, "STARTED": 1}


async def test_what_cannot_be_read_is_logged_and_said(caplog):
    def failing():
        yield from tasks(SOME)
        raise OSError("disk I/O error")

    state = ClusterState()
    returning = Returning(state, failing())
    with caplog.at_level(logging.ERROR):
        await returning.run()

    assert len(state.tasks) == returning.count == SOME
    assert returning.fault == "disk I/O error"
    assert "Could not restore all tasks" in caplog.text


async def test_stopped_it_leaves_the_rest_where_it_is(caplog):
    state, gated = ClusterState(), Gated(2 * SOME)
    returning = Returning(state, gated)
    running = asyncio.create_task(returning.run())
    await asyncio.sleep(0.01)

    returning.stop()
    gated.gate.set()
    await running

    assert (returning.count, returning.fault) == (0, None)
    assert not state.tasks
    assert not caplog.records
