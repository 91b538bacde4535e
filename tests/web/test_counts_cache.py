"""Counts that are kept for all who look at the same list."""

import asyncio

import pytest

from flower_ng.web.pages.tasks.counts_cache import FRESH_S, REST, CachedSummary, Summaries


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Counting:
    """Counts how often it was asked; each answer takes as long as it is told."""

    def __init__(self, clock):
        self.clock, self.asked, self.takes_s = clock, 0, 0.0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self):
        self.asked += 1
        await self.gate.wait()
        self.clock.now += self.takes_s
        return self.asked


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def count(clock):
    return Counting(clock)


@pytest.fixture
def ready():
    return []


@pytest.fixture
def kept(clock, ready):
    return Summaries(lambda: ready.append(1), clock=clock, most=2)


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_many_who_ask_are_answered_with_one_count(kept, count):
    answers = await asyncio.gather(*(kept.of("a", count, 1) for _ in range(50)))

    assert answers == [CachedSummary(1, 0.0)] * 50
    assert count.asked == 1


async def test_counts_stay_until_they_are_old_and_are_then_shown_once_more(kept, count, clock):
    await kept.of("a", count, 1)
    clock.now += FRESH_S / 2
    assert await kept.of("a", count, 1) == CachedSummary(1, FRESH_S / 2)
    clock.now += FRESH_S
    assert await kept.of("a", count, 1) == CachedSummary(1, FRESH_S * 1.5)
    await settle()

    assert await kept.of("a", count, 1) == CachedSummary(2, 0.0)


async def test_counts_that_took_long_are_kept_longer(kept, count, clock):
    count.takes_s = 2.0
    await kept.of("a", count, 1)
    clock.now += 2.0 * REST - 1
    await kept.of("a", count, 1)
    await settle()
    assert count.asked == 1

    clock.now += 2
    await kept.of("a", count, 1)
    await settle()
    assert count.asked == 2


async def test_who_does_not_wait_is_told_when_the_counts_are_there(kept, count, ready):
    count.gate.clear()
    assert await kept.of("a", count, 0) is None
    assert ready == []
    count.gate.set()
    await settle()

    assert ready == [1]
    assert await kept.of("a", count, 0) == CachedSummary(1, 0.0)


async def test_who_waited_for_the_counts_needs_not_be_told(kept, count, ready):
    await kept.of("a", count, 1)

    assert ready == []


async def test_nobody_waits_for_counts_that_are_known_to_take_longer(kept, count):
    count.takes_s = 2.0
    await kept.of("a", count, 1)
    count.gate.clear()

    assert await asyncio.wait_for(kept.of("b", count, 1), 0.5) is None


async def test_one_search_is_counted_at_a_time(kept, count):
    count.gate.clear()
    await asyncio.gather(kept.of("a", count, 0), kept.of("b", count, 0))
    await settle()

    assert count.asked == 1


async def test_counts_of_long_ago_are_not_shown_any_more(kept, count, clock):
    await kept.of("a", count, 1)
    clock.now += 3600

    assert await kept.of("a", count, 1) == CachedSummary(2, 0.0)


async def test_a_bounded_number_of_searches_is_kept(kept, count):
    for key in "abca":
        await kept.of(key, count, 1)

    assert count.asked == 4


async def test_closing_ends_what_is_being_counted(kept, count, ready):
    count.gate.clear()
    await kept.of("a", count, 0)
    kept.close()
    count.gate.set()
    await settle()

    assert ready == []
