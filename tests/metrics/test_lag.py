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
    skipped = 0.0
    clock = lambda: time.monotonic() + skipped  # noqa: E731
    lag = LoopLag(IOLoop.current(), interval_s=0.01, window_s=0.3, clock=clock)
    lag.start()
    skipped = 500.0  # as if the loop had been held so long
    await asyncio.sleep(0.05)
    assert 499 < lag.max_s < 600

    async with asyncio.timeout(30):
        while lag.max_s > 499:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
    lag.stop()


async def test_a_stopped_meter_asks_no_more():
    lag = LoopLag(IOLoop.current(), interval_s=0.01)
    lag.start()
    lag.stop()

    time.sleep(0.05)  # noqa: ASYNC251 - holding the loop is the point
    await asyncio.sleep(0.02)

    assert lag.newest_s == 0.0
