"""What every adapter promises, on a real broker of its kind."""

import asyncio
import json
from uuid import uuid4

import pytest

from flower_ng.brokers import BROKERS

PLACES = {
    "RedisBroker": ["redis_place"],
    "SentinelBroker": ["sentinel_place"],
    "RabbitBroker": ["rabbit_place"],
    "GenericBroker": ["memory_place", "filesystem_place"],
}


def every_place():
    for kind in BROKERS:
        for place in PLACES[kind.__name__]:
            marks = [pytest.mark.xdist_group("rabbit")] if place == "rabbit_place" else []
            yield pytest.param((kind, place), id=f"{kind.__name__}-{place}", marks=marks)


@pytest.fixture(params=every_place())
def kind_and_place(request):
    kind, name = request.param
    return kind, request.getfixturevalue(name)


@pytest.fixture
def place(kind_and_place):
    return kind_and_place[1]


async def ask_until(broker, expected):
    """Ask for the lengths until they are as expected: RabbitMQ counts every five seconds."""
    found: dict[str, int | None] = {}
    for _ in range(100):
        rows = await broker.queues(list(expected))
        found = {row["name"]: row.get("messages") for row in rows}
        if found == expected:
            break
        await asyncio.sleep(0.1)
    return found


async def test_the_transport_finds_its_adapter(kind_and_place, adapter):
    kind, place = kind_and_place

    assert type(adapter(place)) is kind


async def test_lengths_are_told_of_the_queues_asked_for(place, adapter):
    short, long, other = (f"{name}-{uuid4().hex[:8]}" for name in ("short", "long", "other"))
    place.fill(short, 1)
    place.fill(long, 3)
    place.fill(other, 2)
    broker = adapter(place)

    assert await ask_until(broker, {short: 1, long: 3}) == {short: 1, long: 3}
    assert broker.trouble is None


async def test_nothing_asked_is_nothing_answered(place, adapter):
    assert await adapter(place).queues([]) == []


async def test_answers_can_be_written_as_json(place, adapter):
    rows = await adapter(place).queues(["celery"])

    assert json.loads(json.dumps(rows)) == rows


async def test_a_name_of_odd_characters_is_asked_for_as_it_is(place, adapter):
    name = f"a b:ü%2F&<{uuid4().hex[:8]}"
    place.fill(name, 2)

    assert await ask_until(adapter(place), {name: 2}) == {name: 2}


async def test_a_queue_never_made_is_not_made_by_asking(place, adapter):
    name = f"never-{uuid4().hex[:8]}"

    first = await adapter(place).queues([name])
    second = await adapter(place).queues([name])

    assert first == second
    assert [row for row in second if row["messages"]] == []
