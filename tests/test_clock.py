"""The clock notices steps of the system's clock; timers do not care about them."""

import asyncio
import time

from flower_ng.clock import Clock, SteadyPeriodicCallback


class Clocks:
    """A system's clock and a monotonic one, moved by hand."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_000.0, 50.0

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


def followed() -> tuple[Clocks, Clock, list[float]]:
    clocks, steps = Clocks(), list[float]()
    clock = Clock(lambda: clocks.wall, lambda: clocks.steady)
    clock.followers.append(steps.append)
    return clocks, clock, steps


def test_time_that_passes_is_no_step() -> None:
    clocks, clock, steps = followed()
    clocks.pass_by(86_400)
    assert clock() == 87_400
    assert steps == []


def test_a_step_is_told_once_before_the_time_after_it() -> None:
    clocks, clock, steps = followed()
    clocks.pass_by(5)
    clocks.wall -= 3600
    assert clock() == -2595
    assert steps == [-3600]
    clocks.pass_by(5)
    clock()
    assert steps == [-3600]


def test_a_clock_that_is_slewed_is_followed_without_a_step() -> None:
    clocks, clock, steps = followed()
    clocks.wall += 0.9
    clock()
    assert steps == []


async def test_a_timer_comes_again_and_again_where_the_clock_is_set_back(monkeypatch) -> None:
    calls = list[float]()
    timer = SteadyPeriodicCallback(lambda: calls.append(time.monotonic()), 10)
    right = time.time
    timer.start()
    try:
        await asyncio.sleep(0.1)
        monkeypatch.setattr(time, "time", lambda: right() - 3600)
        before = len(calls)
        await asyncio.sleep(0.3)
        assert len(calls) > before + 5
    finally:
        timer.stop()
    ended = len(calls)
    await asyncio.sleep(0.05)
    assert len(calls) == ended


async def test_turns_that_a_busy_loop_missed_are_left_out() -> None:
    calls = list[float]()
    timer = SteadyPeriodicCallback(lambda: calls.append(time.monotonic()), 20)
    timer.start()
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251 - the loop is busy
    await asyncio.sleep(0.03)
    timer.stop()
    assert 1 <= len(calls) <= 2
