import asyncio
import threading
import time

import pytest
from celery import Celery

from flower_ng.errors import Unavailable
from flower_ng.monitor.remote.bounded_calls import BoundedCalls, reason
from flower_ng.monitor.servers import Servers


async def test_a_call_returns_what_the_function_returns(pool):
    assert await BoundedCalls(pool, 1, 1.0).run(divmod, 7, 2) == (3, 1)


async def test_a_call_raises_what_the_function_raises(pool):
    with pytest.raises(ZeroDivisionError):
        await BoundedCalls(pool, 1, 1.0).run(divmod, 7, 0)


async def test_a_function_that_hangs_is_not_waited_for(pool):
    end = threading.Event()
    began = time.monotonic()

    with pytest.raises(Unavailable, match="Broker or result backend unavailable"):
        await BoundedCalls(pool, 1, 0.1).run(end.wait)

    assert time.monotonic() - began < 1
    end.set()


async def test_a_call_takes_longer_where_the_broker_is_far(pool):
    servers = Servers(Celery(set_as_current=False))
    calls = BoundedCalls(pool, 1, 0.1, lambda: servers.slack_s)

    servers.took(0.02)
    await calls.run(time.sleep, 0.3)

    for _ in range(10):
        servers.took(0.0)
    with pytest.raises(Unavailable):
        await calls.run(time.sleep, 0.3)


async def test_calls_past_the_share_wait_and_then_run(pool):
    calls = BoundedCalls(pool, 2, 5.0)

    began = time.monotonic()
    await asyncio.gather(*(calls.run(time.sleep, 0.1) for _ in range(6)))

    assert time.monotonic() - began >= 0.3


async def test_a_call_that_finds_no_place_in_time_fails(pool):
    calls, end = BoundedCalls(pool, 1, 0.1), threading.Event()
    with pytest.raises(Unavailable):
        await calls.run(end.wait)

    with pytest.raises(Unavailable):
        await calls.run(divmod, 7, 2)

    end.set()


async def test_hanging_calls_of_one_part_do_not_starve_another(pool):
    end = threading.Event()
    hanging, other = BoundedCalls(pool, 4, 0.1), BoundedCalls(pool, 1, 1.0)
    await asyncio.gather(*(hanging.run(end.wait) for _ in range(20)), return_exceptions=True)

    assert await other.run(divmod, 7, 2) == (3, 1)
    end.set()


async def test_a_thread_that_comes_back_gives_its_place_back(pool):
    calls, end = BoundedCalls(pool, 1, 0.1), threading.Event()
    with pytest.raises(Unavailable):
        await calls.run(end.wait)
    end.set()
    await asyncio.sleep(0.05)

    assert await calls.run(divmod, 7, 2) == (3, 1)


async def test_a_pool_that_is_shut_down_is_unavailable(pool):
    pool.shutdown()

    for _ in range(2):  # the first one gave its place back
        with pytest.raises(Unavailable, match="stopping"):
            await BoundedCalls(pool, 1, 1.0).run(divmod, 7, 2)


def test_the_reason_is_the_first_cause_in_its_own_words():
    outer = ValueError("outer")
    outer.__cause__ = OSError("no route to host")

    assert reason(outer) == "no route to host"
    assert reason(TimeoutError()) == "TimeoutError"
