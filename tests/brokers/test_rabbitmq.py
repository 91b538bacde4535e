"""RabbitMQ's management API: where it is, who we are there, and what a bad answer does."""

import asyncio
import contextlib
import json
import logging
import subprocess
import time
from contextlib import closing
from dataclasses import replace
from urllib.parse import quote, urlsplit

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from flower_ng.brokers import endpoint_of
from flower_ng.brokers.management import ANSWER_MAX_BYTES, management_of
from flower_ng.errors import NoAnswer, Unavailable
from tests.brokers.places import Place
from tests.faults.proxy import Proxy
from tests.services import free_port, wait_until

rabbit_group = pytest.mark.xdist_group("rabbit")


def management(url, api=None):
    return management_of(endpoint_of(Place(url).connection(), api))


@pytest.mark.parametrize(
    ("url", "api", "expected"),
    [
        ("amqp://h//", None, ("http://h:15672/api/", "guest", "guest")),
        ("amqp://u:p%2Fw@h:5671/v", None, ("http://h:15672/api/", "u", "p/w")),
        ("amqp://u:p@[::1]//", None, ("http://[::1]:15672/api/", "u", "p")),
        ("amqp://u:p@h//", "http://m:15672/api/", ("http://m:15672/api/", "u", "p")),
        ("amqp://u:p@h//", "https://m/rabbit/api", ("https://m/rabbit/api/", "u", "p")),
        ("amqp://u:p@h//", "http://m:15672", ("http://m:15672/api/", "u", "p")),
        ("amqp://h//", "http://a%40b:p%3Aw@m/api/", ("http://m/api/", "a@b", "p:w")),
    ],
)
def test_the_api_is_found_with_its_credentials(url, api, expected):
    found = management(url, api)

    assert (found.url, found.user, found.password) == expected


def test_pyamqp_counts_as_amqp():
    assert endpoint_of(Place("pyamqp://h//").connection()).transport == "amqp"


class Api(RequestHandler):
    """Answers as each test wants; remembers what it was asked."""

    async def get(self):
        self.application.asked.append(self.request)
        await self.application.answer(self)


@pytest.fixture
async def api():
    """A management API of our own, to answer what RabbitMQ would not."""
    application = Application([(".*", Api)])
    application.asked = []
    server = HTTPServer(application)
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    application.port = sockets[0].getsockname()[1]
    yield application
    server.stop()
    await server.close_all_connections()


def answering(api, adapter, answer, vhost="/"):
    async def reply(handler):
        found = answer(handler)
        if asyncio.iscoroutine(found):
            await found

    api.answer = reply
    url = f"amqp://ann:pw@127.0.0.1/{quote(vhost, safe='')}"
    return adapter(Place(url, management_url=f"http://127.0.0.1:{api.port}/api"))


@pytest.mark.parametrize(("vhost", "path"), [("/", "%2F"), ("shop/a b", "shop%2Fa%20b")])
async def test_one_virtual_host_is_asked_for(api, adapter, vhost, path):
    broker = answering(api, adapter, lambda handler: handler.write("[]"), vhost)

    await broker.queues(["celery"])

    assert api.asked[0].uri == f"/api/queues/{path}"
    assert api.asked[0].headers["Authorization"] == "Basic YW5uOnB3"


async def test_queue_objects_are_passed_on_unchanged(api, adapter):
    wanted = {"name": "celery", "messages": 3, "arguments": {"x": None}, "rate": 0.5, "big": 2**70}
    body = json.dumps([wanted, {"name": "other", "messages": 1}, {}])
    broker = answering(api, adapter, lambda handler: handler.write(body))

    assert await broker.queues(["celery", "missing"]) == [wanted]
    assert broker.trouble is None


@pytest.mark.parametrize(
    "answer",
    [
        lambda handler: handler.send_error(401),
        lambda handler: handler.send_error(500),
        lambda handler: handler.redirect("/api/elsewhere"),
        lambda handler: handler.write("not json"),
        lambda handler: handler.write('{"error": "not_authorised"}'),
        lambda handler: handler.write("[1, 2]"),
        lambda handler: handler.write(b"[" + b" " * ANSWER_MAX_BYTES + b"]"),
        lambda handler: handler.request.connection.detach().close(),
    ],
    ids=["401", "500", "redirect", "text", "object", "numbers", "too large", "cut off"],
)
async def test_of_a_bad_answer_without_a_broker_the_reason_is_kept(api, adapter, answer):
    broker = answering(api, adapter, answer)

    with pytest.raises(Unavailable):
        await broker.queues(["celery"])

    assert broker.trouble.startswith(f"The management API at http://127.0.0.1:{api.port}/api/ fail")
    assert "pw" not in broker.trouble
    assert len(api.asked) == 1


async def test_an_api_that_is_away_with_its_broker_is_unavailable(adapter):
    place = Place(
        "amqp://ann:pw@127.0.0.1//", management_url=f"http://127.0.0.1:{free_port()}/api/"
    )
    broker = adapter(place)

    with pytest.raises(Unavailable, match=r"The broker (does|did) not answer"):
        await broker.queues(["celery"])

    assert "refused" in broker.trouble


async def test_an_api_that_drips_is_given_up_in_time(api, adapter):
    async def drip(handler):
        with contextlib.suppress(Exception):
            for _ in range(60):
                handler.write(" ")
                await handler.flush()
                await asyncio.sleep(0.1)

    broker = answering(api, adapter, drip)
    started = time.monotonic()

    with pytest.raises(Unavailable):
        await broker.queues(["celery"])
    assert time.monotonic() - started < 2.8


@pytest.fixture
def certificate(tmp_path):
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    made, key = tmp_path / "api.crt", tmp_path / "api.key"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(made)]
    subprocess.run([*command.split(), *subject, *files], check=True, capture_output=True)
    return str(made), str(key)


async def test_a_certificate_that_nobody_vouches_for_gets_no_password(adapter, certificate):
    made, key = certificate
    application = Application([(".*", Api)])
    application.asked = []

    async def reply(handler):
        handler.write("[]")

    application.answer = reply
    server = HTTPServer(application, ssl_options={"certfile": made, "keyfile": key})
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    url = f"https://127.0.0.1:{sockets[0].getsockname()[1]}/api"
    broker = adapter(Place("amqp://ann:pw@127.0.0.1/", management_url=url))
    trusting = management_of(endpoint_of(Place("amqp://ann:pw@127.0.0.1/").connection(), url))

    with pytest.raises(Unavailable):
        await broker.queues(["celery"])
    asked = len(application.asked)
    found = await replace(trusting, tls={"ca_certs": made}).objects("queues")
    server.stop()
    await server.close_all_connections()

    assert "certificate verify failed" in broker.trouble
    assert asked == 0
    assert (found, len(application.asked)) == ([], 1)


async def test_the_same_failure_is_logged_once(api, adapter, caplog):
    broker = answering(api, adapter, lambda handler: handler.send_error(500))

    with caplog.at_level(logging.WARNING, "flower_ng"):
        for _ in range(2):
            with pytest.raises(Unavailable):
                await broker.queues(["celery"])

    assert len([one for one in caplog.records if one.name == "flower_ng.brokers.rabbitmq"]) == 1


@rabbit_group
async def test_the_real_api_refuses_a_wrong_password(rabbit, adapter):
    url = rabbit.management_url.replace("guest:guest", "guest:wrong")
    broker = adapter(Place(rabbit.url, management_url=url))

    assert await broker.queues(["nowhere"]) == []
    assert "401" in broker.trouble


@rabbit_group
async def test_a_missing_slash_is_tolerated(rabbit, adapter):
    place = Place(rabbit.url, management_url=rabbit.management_url.rstrip("/"))
    place.fill("slashless", 1)

    assert [row["name"] for row in await adapter(place).queues(["slashless"])] == ["slashless"]


async def test_what_a_full_queue_refuses_stays_where_it_was(rabbit_place, adapter):
    rabbit_place.fill("moved.from", 3)
    with rabbit_place.connection() as connection:
        limits = {"x-max-length": 1, "x-overflow": "reject-publish"}
        connection.default_channel.queue_declare("moved.to", arguments=limits, auto_delete=False)
        told = await adapter(rabbit_place).move("moved.from", "moved.to", 3)
        left = connection.default_channel.queue_declare("moved.from", passive=True).message_count

    assert (told.moved, told.uncertain, left) == (1, 0, 2)
    assert "does not take it into 'moved.to'" in told.why


@pytest.fixture
def takes_its_time(monkeypatch):
    """Whatever else keeps the machine busy, a broker that is waited for is the test's own."""
    monkeypatch.setattr("flower_ng.brokers.moving.SPAN_S", 60.0)
    monkeypatch.setattr("flower_ng.brokers.base.LIMIT_S", 60.0)


@pytest.fixture
def proxied(rabbit_place):
    """A proxy to RabbitMQ, and its place there."""
    with closing(Proxy(int(urlsplit(rabbit_place.url).port or 0))) as proxy:
        url = proxy.url(rabbit_place.url)
        yield proxy, Place(url, management_url=rabbit_place.management_url)


def bodies(connection, queue, count):
    """Return what waits in a queue, once that are so many."""
    channel = connection.default_channel

    def waiting():
        return channel.queue_declare(queue, passive=True).message_count == count

    wait_until(waiting, what=f"{count} wait in {queue}")
    return [json.loads(channel.basic_get(queue, no_ack=True).body)["number"] for _ in range(count)]


#: The second of three messages as it is published, and the acknowledgement of the first.
PUBLISHED, ACKNOWLEDGED = b'"number": 1', b"\x00\x3c\x00\x50"


@pytest.mark.usefixtures("takes_its_time")
@pytest.mark.parametrize(
    ("cut", "moved", "left", "arrived"),
    [
        ({"answered_to": PUBLISHED}, 1, [1, 2], [0, 1]),
        ({"answered_to": PUBLISHED, "falls_silent": True}, 1, [1, 2], [0, 1]),
        ({"cut_at": ACKNOWLEDGED}, 0, [0, 1, 2], [0]),
    ],
    ids=["unconfirmed", "unconfirmed in silence", "acknowledgement lost"],
)
async def test_a_move_that_is_cut_loses_nothing_and_says_of_which_message_it_is_not_known(
    rabbit_place, proxied, adapter, cut, moved, left, arrived
):
    source, target = (f"cut.{name}.{moved}.{len(cut)}" for name in ("from", "to"))
    rabbit_place.fill(source, 3)
    proxy, over = proxied
    with rabbit_place.connection() as connection:
        connection.default_channel.queue_declare(target, durable=True, auto_delete=False)
        for name, value in cut.items():
            setattr(proxy, name, value)

        told = await adapter(over).move(source, target, 3)

        assert (told.moved, told.uncertain) == (moved, 1)
        assert "The broker failed" in told.why
        for queue, numbers in {source: left, target: arrived}.items():
            assert await asyncio.to_thread(bodies, connection, queue, len(numbers)) == numbers


async def test_what_a_silent_broker_moved_is_not_known_once_it_was_waited_for_long_enough(
    rabbit_place, proxied, adapter, monkeypatch
):
    monkeypatch.setattr("flower_ng.brokers.base.LIMIT_S", 0.2)
    for queue in ("silent.from", "silent.to"):
        rabbit_place.fill(queue, 1)
    proxy, over = proxied
    proxy.cut()

    with pytest.raises(NoAnswer, match="How many messages were moved is not known"):
        await adapter(over).move("silent.from", "silent.to", 1)
