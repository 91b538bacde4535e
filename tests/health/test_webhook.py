"""Notices arrive at a real HTTP server, signed, and again where it failed."""

import asyncio
import hashlib
import hmac
import json
from itertools import count

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from flower_ng.errors import Unavailable
from flower_ng.health.notify.delivery import NoticeDelivery
from flower_ng.health.notify.digest import Notice, NoticeDigest
from flower_ng.health.notify.webhook import NoticeRefused, Webhook
from tests.health.making import NOW, Switch, watch

SECRET = "a shared secret"


class Receiver(RequestHandler):
    """Keeps what comes, and answers as told."""

    def initialize(self, got: list, answers: list) -> None:
        self.got, self.answers = got, answers

    def post(self) -> None:
        self.got.append(self.request)
        self.set_status(self.answers.pop(0) if self.answers else 204)


class Server:
    """A webhook's receiver: `got` are the requests, `answers` the next statuses."""

    def __init__(self) -> None:
        self.got: list = []
        self.answers: list[int] = []
        about = {"got": self.got, "answers": self.answers}
        self.server = HTTPServer(Application([("/hook", Receiver, about)]))
        socket, port = bind_unused_port()
        self.server.add_socket(socket)
        self.url = f"http://127.0.0.1:{port}/hook"

    def hook(self, secret: str | None = SECRET) -> Webhook:
        return Webhook(self.url, secret, "shop", lambda: NOW)

    async def receives(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.got) < count:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.01)


@pytest.fixture
async def server():
    it = Server()
    yield it
    it.server.stop()
    await it.server.close_all_connections()


def json_of(request) -> dict:
    return json.loads(request.body)


async def told(server: Server, switch: Switch, retries_s=(0.01, 0.01)):
    """Return a watch over a switch and a telling of it, begun."""
    it = watch(switch, clock=count(NOW).__next__)
    telling = NoticeDelivery(
        it, server.hook(), NoticeDigest(0.0), wait_s=0.01, clock=lambda: NOW, retries_s=retries_s
    )
    telling.start()
    return it, telling


async def test_a_notice_can_be_checked_by_its_signature(server):
    hook = server.hook()

    await hook.post(hook.body(Notice(test=True)))

    (request,) = server.got
    at, given = (part.partition("=")[2] for part in request.headers["Flower-Signature"].split(","))
    signed = at.encode() + b"." + request.body
    assert given == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert int(at) == int(NOW)


async def test_without_a_secret_nothing_is_signed(server):
    hook = server.hook(None)

    await hook.post(hook.body(Notice(test=True)))

    assert "Flower-Signature" not in server.got[0].headers


@pytest.mark.parametrize(
    ("status", "error"), [(500, Unavailable), (429, Unavailable), (404, NoticeRefused)]
)
async def test_an_answer_that_is_none_says_why(server, status, error):
    server.answers.append(status)

    with pytest.raises(error, match=str(status)):
        await server.hook().post(b"{}")


async def test_a_receiver_that_is_away_says_why():
    with pytest.raises(Unavailable, match="can't be reached"):
        await Webhook("http://127.0.0.1:1/hook", None, "shop", lambda: NOW).post(b"{}")


async def test_a_problem_and_its_end_arrive(server):
    switch = Switch(title="Worker silent", about="queue")
    it, telling = await told(server, switch)
    switch.subjects = ("w1@box",)
    await it.look()
    await server.receives(1)
    switch.subjects = ()
    await it.look()
    await server.receives(2)
    telling.stop()

    first, second = (json_of(request) for request in server.got)
    assert first["text"] == "Worker silent w1@box"
    assert [one["subject"] for one in first["raised"]] == ["w1@box"]
    assert second["text"] == "Resolved: Worker silent w1@box"


async def test_a_notice_that_failed_comes_again_as_the_same(server):
    switch = Switch()
    server.answers += [503, 503]
    it, telling = await told(server, switch)
    switch.subjects = ("w1@box",)
    await it.look()
    await server.receives(3)
    await asyncio.sleep(0)
    telling.stop()

    assert len({json_of(request)["id"] for request in server.got}) == 1


async def test_a_notice_that_is_refused_is_given_up(server):
    switch = Switch()
    server.answers.append(400)
    it, telling = await told(server, switch)
    switch.subjects = ("w1@box",)
    await it.look()
    await server.receives(1)
    async with asyncio.timeout(30):
        while not telling.given_up:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    telling.stop()

    assert telling.trouble == "The webhook answered 400 Bad Request"
    assert len(server.got) == 1
