"""Scrapers that ask at the same time, or read nothing, share one answer."""

import asyncio

import pytest
from prometheus_client import Gauge

from flower_ng.metrics import Form, Registry, Scrapes


class Watched:
    """A registry whose gauge says how often it was read."""

    def __init__(self):
        self.now, self.reads = 100.0, 0
        gauge = Gauge("reads", "How often it was read.", registry=None)
        gauge.set_function(self.read)
        registry = Registry()
        registry.register(gauge)
        self.scrapes = Scrapes(registry, lambda: self.now)

    def read(self):
        self.reads += 1
        return self.reads


@pytest.fixture
def watched():
    return Watched()


PLAIN = Form()


async def body(watched, form=PLAIN):
    async with watched.scrapes.answer(form) as answer:
        return b"".join(answer.body)


async def test_six_who_ask_at_once_cost_one_answer(watched):
    bodies = await asyncio.gather(*(body(watched) for _ in range(6)))

    assert watched.reads == 1
    assert len(set(bodies)) == 1


async def test_who_asks_while_another_has_not_read_its_answer_shares_it_for_some_seconds(watched):
    async with watched.scrapes.answer(Form()) as unread:
        async with watched.scrapes.answer(Form()) as second:
            assert second is unread
        watched.now += 6
        async with watched.scrapes.answer(Form()) as third:
            assert third is not unread
    assert watched.reads == 2


async def test_who_asks_after_the_others_have_read_gets_the_newest_numbers(watched):
    assert b"reads 1.0" in await body(watched)
    assert b"reads 2.0" in await body(watched)


async def test_answers_in_other_forms_are_others(watched):
    assert await body(watched) != await body(watched, Form(gzip=True))


async def test_a_scraper_that_leaves_takes_no_answer_from_others(watched):
    leaves = asyncio.create_task(body(watched))
    stays = asyncio.create_task(body(watched))
    await asyncio.sleep(0)
    leaves.cancel()

    assert b"reads 1.0" in await stays
