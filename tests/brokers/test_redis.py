"""Redis: priorities, prefixes, databases, TLS, sockets, and what is said when it is away."""

import asyncio
import signal
import subprocess
import time

import celery
import pytest
import redis

from flower_ng.brokers import broker_for, endpoint_of
from flower_ng.brokers.redis import PRIORITY_STEPS, sentinels_of
from flower_ng.errors import Unavailable
from tests.brokers.places import Place
from tests.services import Process, free_port, need, wait_until


async def test_messages_of_all_priorities_are_summed(redis_place, adapter):
    for priority in PRIORITY_STEPS:
        redis_place.fill("mixed", 2, priority)

    assert await adapter(redis_place).queues(["mixed"]) == [{"name": "mixed", "messages": 8}]


async def test_own_steps_separator_and_prefix_are_honoured(redis_url, adapter):
    options = {"priority_steps": [0, 5], "sep": ":", "global_keyprefix": "shop-"}
    place = Place(redis_url, options)
    place.fill("mixed", 1, priority=0)
    place.fill("mixed", 2, priority=5)

    assert await adapter(place).queues(["mixed"]) == [{"name": "mixed", "messages": 3}]
    assert await adapter(Place(redis_url)).queues(["mixed"]) == [{"name": "mixed", "messages": 0}]


async def test_the_place_of_a_task_counts_what_is_taken_before_it(redis_url, adapter):
    with celery.Celery(broker=redis_url, set_as_current=False) as app:
        later = app.send_task("shop.add", queue="line", priority=9).id
        first = app.send_task("shop.add", queue="line", kwargs={"after": later}).id
        second = app.send_task("shop.add", queue="line").id
    broker = adapter(Place(redis_url))

    places = [await broker.place("line", one) for one in (first, second, later, "of-nobody")]
    assert [place.before for place in places] == [0, 1, 2, None]
    assert places[0].content_type == "application/json"
    assert places[3].is_whole


async def test_the_database_of_the_url_is_asked(redis_url, adapter):
    other = Place(redis_url.removesuffix("0") + "5")
    other.fill("here", 1)

    assert (await adapter(other).queues(["here"]))[0]["messages"] == 1
    assert (await adapter(Place(redis_url)).queues(["here"]))[0]["messages"] == 0


async def test_a_key_that_is_no_list_is_unknown_not_zero(redis_url, adapter):
    with redis.Redis.from_url(redis_url) as client:
        client.set("celery", "text")
    broker = adapter(Place(redis_url))

    assert await broker.queues(["celery"]) == [{"name": "celery", "messages": None}]
    assert "WRONGTYPE" in broker.trouble


async def test_a_redis_that_is_away_is_unavailable(adapter):
    broker = adapter(Place(f"redis://127.0.0.1:{free_port()}/0"))

    with pytest.raises(Unavailable, match="Redis does not answer"):
        await broker.queues(["celery"])
    assert "Redis does not answer" in broker.trouble


async def test_trouble_ends_with_the_next_good_answer(own_redis, adapter):
    broker = adapter(Place(own_redis.url))
    own_redis.stop()
    with pytest.raises(Unavailable):
        await broker.queues(["celery"])

    own_redis.start()
    await broker.queues(["celery"])

    assert broker.trouble is None


async def test_a_redis_that_hangs_is_unavailable_in_time(own_redis, adapter):
    broker = adapter(Place(own_redis.url, {"socket_timeout": 0.5}))
    own_redis.signal(signal.SIGSTOP)
    started = time.monotonic()
    try:
        with pytest.raises(Unavailable):
            await broker.queues(["celery"])
    finally:
        own_redis.signal(signal.SIGCONT)

    assert time.monotonic() - started < 2.5


async def test_the_same_question_at_once_is_asked_once(own_redis, adapter):
    broker = adapter(Place(own_redis.url))

    def accepted():
        with redis.Redis.from_url(own_redis.url) as client:
            return client.info("stats")["total_connections_received"]

    before = accepted()
    await asyncio.gather(*(broker.queues(["celery"]) for _ in range(20)))

    assert accepted() - before == 2  # one of ours, one of the second look


async def test_a_database_that_is_no_number_is_said(redis_url, adapter):
    broker = adapter(Place(redis_url.removesuffix("0") + "shop"))

    with pytest.raises(Unavailable, match="must be a number, got 'shop'"):
        await broker.queues(["celery"])


async def test_no_connection_is_left_behind(redis_url, adapter):
    broker = adapter(Place(redis_url))
    with redis.Redis.from_url(redis_url) as client:
        before = client.info("clients")["connected_clients"]
        for _ in range(10):
            await broker.queues(["celery"])

        assert client.info("clients")["connected_clients"] == before


async def test_user_and_password_are_decoded(own_redis, adapter):
    with redis.Redis.from_url(own_redis.url) as client:
        client.acl_setuser(
            "ann", enabled=True, passwords=["+p@ss/w:rd"], keys="*", commands=["+@all"]
        )
    place = Place(f"redis://ann:p%40ss%2Fw%3Ard@127.0.0.1:{own_redis.port}/0")

    assert await adapter(place).queues(["celery"]) == [{"name": "celery", "messages": 0}]


async def test_sentinel_needs_the_masters_name(sentinel_place, adapter):
    with pytest.raises(Unavailable, match="set master_name in broker_transport_options"):
        await adapter(Place(sentinel_place.url)).queues(["celery"])


async def test_sentinel_honours_the_database(sentinel_place, redis_url, adapter):
    sentinel_place.fill("here", 2)

    third = Place(redis_url.removesuffix("0") + "3")
    assert (await adapter(third).queues(["here"]))[0]["messages"] == 2
    assert (await adapter(sentinel_place).queues(["here"]))[0]["messages"] == 2


def test_every_sentinel_of_the_url_is_known():
    place = Place("sentinel://:pw@a:1/2;sentinel://b:2/2;sentinel://c")

    assert sentinels_of(endpoint_of(place.connection())) == [("a", 1), ("b", 2), ("c", 26379)]


@pytest.fixture
def certificate(tmp_path):
    """A certificate for 127.0.0.1 that signs itself."""
    made, key = tmp_path / "redis.crt", tmp_path / "redis.key"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(made)]
    subprocess.run([*command.split(), *subject, *files], check=True, capture_output=True)
    return made


@pytest.fixture
def tls_port(tmp_path, certificate):
    """The port of a Redis that speaks TLS only."""
    port = free_port()
    server = Process(tmp_path / "tls.log")
    command = [need("redis-server"), "--port", "0", "--tls-port", str(port), "--save", ""]
    command += ["--bind", "127.0.0.1", "--tls-auth-clients", "no", "--dir", str(tmp_path)]
    command += ["--tls-cert-file", str(certificate)]
    command += ["--tls-key-file", str(certificate.with_suffix(".key"))]
    server.spawn(command)
    wait_until(lambda: "Ready to accept connections" in server.output(), 10, "Redis is ready")
    yield port
    server.stop()


async def test_tls_settings_of_the_url_are_honoured(tls_port, certificate, adapter):
    url = f"rediss://127.0.0.1:{tls_port}/0?ssl_cert_reqs="

    trusted = Place(f"{url}CERT_REQUIRED&ssl_ca_certs={certificate}")
    trusted.fill("safe", 1)
    assert (await adapter(trusted).queues(["safe"]))[0]["messages"] == 1
    assert (await adapter(Place(f"{url}none")).queues(["safe"]))[0]["messages"] == 1

    with pytest.raises(Unavailable, match="certificate verify failed"):
        await adapter(Place(f"{url}required")).queues(["safe"])


async def test_broker_use_ssl_is_honoured(tls_port, certificate, pool):
    app = celery.Celery(broker=f"redis://127.0.0.1:{tls_port}/0")
    app.conf.broker_use_ssl = {"ssl_cert_reqs": "required", "ssl_ca_certs": str(certificate)}

    broker = broker_for(app.connection_for_read(), pool)

    assert await broker.queues(["safe"]) == [{"name": "safe", "messages": 0}]


async def test_a_unix_socket_is_asked(tmp_path, adapter):
    server, path = Process(tmp_path / "socket.log"), tmp_path / "redis.sock"
    server.spawn([need("redis-server"), "--port", "0", "--unixsocket", str(path), "--save", ""])
    wait_until(path.exists, 10, "the socket is there")
    place = Place(f"redis+socket://{path}?virtual_host=2")
    place.fill("near", 1)

    rows = await adapter(place).queues(["near"])
    server.stop()

    assert rows == [{"name": "near", "messages": 1}]


async def test_messages_in_hand_when_redis_stops_answering_are_told_as_uncertain(
    redis_url, adapter
):
    place = Place(redis_url, {"socket_timeout": 0.3})
    place.fill("moved.from", 3)
    client = redis.Redis.from_url(redis_url)
    client.execute_command("CLIENT", "PAUSE", 5000, "WRITE")
    try:
        told = await adapter(place).move("moved.from", "moved.to", 2)
    finally:
        client.execute_command("CLIENT", "UNPAUSE")
        both = client.llen("moved.from") + client.llen("moved.to")
        client.close()

    assert (told.moved, told.uncertain, told.left) == (0, 2, None)
    assert told.why.startswith("Redis failed")
    assert both == 3


async def test_messages_keep_their_priority_and_order_and_go_by_their_new_queue(redis_url, adapter):
    options = {"priority_steps": [0, 5], "sep": ":", "global_keyprefix": "shop-"}
    place = Place(redis_url, options)
    place.fill("moved", 2, priority=5)
    place.fill("moved", 1, priority=0)
    client = redis.Redis.from_url(redis_url)
    client.rpush("shop-moved:5", "no message of Kombu's")

    told = await adapter(place).move("moved", "there", 3)
    lists = {key: client.lrange(key, 0, -1) for key in ("shop-there", "shop-there:5")}
    client.close()

    assert (told.moved, told.left) == (3, 1)
    assert lists["shop-there:5"][-1] == b"no message of Kombu's"
    assert [len(one) for one in lists.values()] == [1, 2]
    assert b'"routing_key": "there"' in lists["shop-there"][0]
