"""What one look at a real broker tells beside lengths, and what is cleaned up."""

import asyncio
from uuid import uuid4

import kombu
import pytest
import redis as redis_py

from flower_ng.brokers.redis_keys import KeyScan
from flower_ng.errors import Refused
from tests.brokers.places import Place
from tests.services import free_port

rabbit_group = pytest.mark.xdist_group("rabbit")


def numbers(look):
    return {queue.name: queue for queue in look.queues}


async def looked_until(broker, is_there, names=()):
    """Look until something is told: RabbitMQ's API trails by five seconds."""
    for _ in range(150):
        look = await broker.look(names)
        if is_there(look):
            return look
        await asyncio.sleep(0.1)
    raise AssertionError(look)


async def test_redis_tells_how_it_is(redis_url, adapter):
    with redis_py.Redis.from_url(redis_url) as client:
        client.hset("unacked", mapping={"a": "1", "b": "2"})
    place = Place(redis_url, {"visibility_timeout": 60})

    facts = (await adapter(place).look([])).facts

    assert facts.version.split(".")[0].isdecimal()
    assert (facts.role, facts.policy, facts.memory_limit_bytes) == ("master", "noeviction", 0)
    assert (facts.unacked, facts.visibility_timeout_s, facts.replicas) == (2, 60.0, 0)
    assert facts.memory_bytes > 0


async def test_redis_with_a_limit_tells_what_it_throws_away(own_redis, adapter):
    with redis_py.Redis.from_url(own_redis.url) as client:
        client.config_set("maxmemory", "3mb")
        client.config_set("maxmemory-policy", "allkeys-lru")

        facts = (await adapter(Place(own_redis.url)).look([])).facts

    assert facts.may_evict
    assert 0 < facts.memory_share < 2
    assert facts.memory_limit_bytes == 3 * 2**20


@pytest.mark.parametrize("prefix", ["", "shop:*"])
async def test_queues_that_redis_knows_itself_are_told(redis_url, adapter, prefix):
    options = {"global_keyprefix": prefix}
    with kombu.Connection(redis_url, transport_options=options) as connection:
        exchange = kombu.Exchange("shop", type="direct")
        queue = kombu.Queue("mail", exchange=exchange, routing_key="mail")
        connection.Producer().publish({}, exchange=exchange, routing_key="mail", declare=[queue])

    look = await adapter(Place(redis_url, options)).look(["other"])

    assert {name: one.length for name, one in numbers(look).items()} == {"mail": 1, "other": 0}


async def test_answers_that_nobody_took_are_deleted(redis_url, adapter, monkeypatch):
    # No key can be made to look old but by waiting: so what is fresh counts as old.
    monkeypatch.setattr("flower_ng.brokers.redis_keys.STALE_S", -1)
    name = f"{uuid4()}.reply.celery.pidbox"
    with redis_py.Redis.from_url(redis_url) as client:
        client.rpush(name, "late")
        client.rpush("celery", "task")
        broker = adapter(Place(redis_url))

        facts = (await broker.look([])).facts
        deleted = await broker.clean([])

        assert [(one.name, one.messages) for one in facts.stale] == [(name, 1)]
        assert deleted == [name]
        assert (client.exists(name), client.exists("celery")) == (0, 1)


def test_a_scan_goes_on_where_it_ended(redis_url):
    with redis_py.Redis.from_url(redis_url) as client:
        client.mset({f"other-{number}": "" for number in range(9000)})
        client.mset({f"mine-{number}": "" for number in range(20)})
        scan, rounds = KeyScan("mine-*"), 0

        while len(scan.keys) < 20:
            scan.go_on(client)
            rounds += 1

    assert 1 < rounds < 5


async def test_on_other_transports_there_is_nothing_to_clean(memory_place, adapter):
    with pytest.raises(Refused):
        await adapter(memory_place).clean([])


@rabbit_group
async def test_rabbitmq_tells_how_it_is(rabbit_place, adapter):
    def is_told(look):
        return not look.facts.alarmed and any(node.memory_bytes for node in look.facts.nodes)

    facts = (await looked_until(adapter(rabbit_place), is_told)).facts

    assert facts.version.startswith("3.")
    assert [(node.is_running, node.has_alarm) for node in facts.nodes] == [(True, False)]
    assert facts.nodes[0].memory_limit_bytes > facts.nodes[0].memory_bytes > 0
    assert (facts.ack_timeout_s, facts.is_ack_timeout_usual) == (1800.0, True)
    assert facts.down == ()


@rabbit_group
async def test_a_memory_alarm_is_told(rabbit, rabbit_place, adapter):
    broker = adapter(rabbit_place)
    with rabbit.memory_alarm():
        await looked_until(broker, lambda look: look.facts.alarmed)


@rabbit_group
async def test_unread_control_queues_are_stale_and_deleted(rabbit_place, adapter):
    gone, here = f"{uuid4()}@gone", f"{uuid4()}@here"
    for owner in (gone, here):
        rabbit_place.fill(f"{owner}.celery.pidbox", 1)
    broker = adapter(rabbit_place)
    broker.stale_s = 0.0

    def owners(look):
        return {one.owner for one in look.facts.stale} & {gone, here}

    await looked_until(broker, lambda look: owners(look) == {gone, here})
    deleted = await broker.clean([here])

    assert f"{gone}.celery.pidbox" in deleted
    assert f"{here}.celery.pidbox" not in deleted
    await looked_until(broker, lambda look: owners(look) == {here})


@rabbit_group
async def test_a_timeout_that_a_queue_sets_is_told(rabbit_place, adapter):
    name = f"slow-{uuid4()}"
    with kombu.Connection(rabbit_place.url) as connection:
        channel = connection.default_channel
        channel.queue_declare(name, arguments={"x-consumer-timeout": 60_000}, auto_delete=False)

        look = await looked_until(
            adapter(rabbit_place), lambda look: not look.facts.is_ack_timeout_usual
        )
        channel.queue_delete(name)

    assert look.facts.ack_timeout_s == 60.0


@rabbit_group
async def test_without_the_management_api_a_declare_tells_lengths_and_consumers(rabbit, adapter):
    name = f"plain-{uuid4()}"
    place = Place(rabbit.url, management_url=f"http://127.0.0.1:{free_port()}/api/")
    place.fill(name, 3)
    broker = adapter(place)

    look = await broker.look([name, "never-made"])

    told = numbers(look)
    assert (told[name].length, told[name].consumers) == (3, 0)
    assert told["never-made"].length is None
    assert "refused" in broker.trouble
    assert look.facts is None
    assert (await broker.queues([name]))[0]["messages"] == 3


@rabbit_group
async def test_a_queue_of_a_client_for_itself_is_not_listed(rabbit_place, adapter):
    name = f"shop-{uuid4().hex[:6]}"
    rabbit_place.fill(name, 1)
    rabbit_place.fill(str(uuid4()), 1)

    look = await looked_until(adapter(rabbit_place), lambda look: name in numbers(look))

    assert not [one for one in numbers(look) if len(one) == 36]
