"""The loop's lag is measured on the loop itself."""

import asyncio
import time

from tornado.ioloop import IOLoop

from flower_ng.metrics import LoopLag


async def test_a_held_loop_is_seen_as_lag():
    lag = LoopLag(IOLoop.current(), interval_s=0.01)
    lag.start()
    await asyncio.sleep(0.03)

    time.sleep(0.1)  # noqa: ASYNC251 - holding the loop is the point
    await asyncio.sleep(0.03)
    lag.stop()

    assert 0.08 < lag.max_s < 1.0
    assert lag.stalls == 1


async def test_the_worst_is_forgotten_after_two_windows():
    now = 0.0
    lag = LoopLag(IOLoop.current(), interval_s=0.0, window_s=10.0, clock=lambda: now)
    lag.start()
    now = 5.0
    await asyncio.sleep(0.01)
    assert lag.max_s == 5.0

    for now in (10.0, 20.0, 30.0):
        lag._due = now
        await asyncio.sleep(0.01)
    lag.stop()

    assert lag.max_s == 0.0


async def test_a_stopped_meter_asks_no_more():
    lag = LoopLag(IOLoop.current(), interval_s=0.01)
    lag.start()
    lag.stop()

    time.sleep(0.05)  # noqa: ASYNC251 - holding the loop is the point
    await asyncio.sleep(0.02)

    assert lag.newest_s == 0.0
