"""Notices go through apprise to a real HTTP server and a real SMTP server."""

import asyncio
import io
import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from email import message_from_string, policy
from itertools import count

import pytest
from tornado.tcpserver import TCPServer
from tornado.testing import bind_unused_port

from flower_ng.errors import SettingsError, Unavailable
from flower_ng.health.notify.apprise import Messenger, messengers, whole
from flower_ng.health.notify.delivery import NoticeDelivery, send_test
from flower_ng.health.notify.digest import Notice, NoticeDigest
from tests.health.making import NOW, Switch, watch
from tests.health.test_notices import problem
from tests.health.test_webhook import Server

SECRET = "T0psecretT0ken"


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as it:
        yield it


@pytest.fixture
async def server():
    it = Server()
    yield it
    it.server.stop()
    await it.server.close_all_connections()


def address(server: Server) -> str:
    return server.url.replace("http://", f"json://me:{SECRET}@")


@pytest.fixture
def post(server, pool):
    return Messenger(address(server), "shop", pool)


class Mailbox(TCPServer):
    """As much of SMTP as a client needs to hand over a mail."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[str] = []
        socket, self.port = bind_unused_port()
        self.add_socket(socket)

    async def handle_stream(self, stream, _address) -> None:
        await stream.write(b"220 box\r\n")
        word = b""
        while word != b"QUIT":
            word = (await stream.read_until(b"\r\n")).split()[0].upper()
            if word == b"DATA":
                await stream.write(b"354 go on\r\n")
                self.mails.append((await stream.read_until(b"\r\n.\r\n")).decode())
            await stream.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
        stream.close()


@pytest.fixture
async def mailbox():
    it = Mailbox()
    yield it
    it.stop()


def bodies(server: Server) -> list[dict]:
    return [json.loads(request.body) for request in server.got]


async def test_a_problem_comes_with_what_to_do_and_how_grave_it_is(server, post):
    await post.post(post.body(Notice(raised=(problem(),))))

    (told,) = bodies(server)
    assert told["title"] == "shop: Worker silent w1@box"
    assert told["message"] == "Worker silent w1@box\nLook."
    assert told["type"] == "failure"


@pytest.mark.parametrize(
    ("notice", "kind", "title"),
    [
        (Notice(test=True), "info", "shop: a test"),
        (Notice(cleared=(problem(),)), "success", "shop: Resolved: Worker silent w1@box"),
        (Notice(raised=(problem(severity="warning"),)), "warning", "shop: Worker silent w1@box"),
        (
            Notice(raised=(problem("a"), problem("b")), cleared=(problem("c"),)),
            "failure",
            "shop: 2 problems, 1 resolved",
        ),
    ],
)
def test_a_notice_has_a_title_and_a_kind(post, notice, kind, title):
    letter = post.body(notice)

    assert (letter.kind, letter.title) == (kind, title)


async def test_a_mail_holds_the_words_line_by_line(mailbox, pool):
    place = f"mailto://localhost:{mailbox.port}?smtp=127.0.0.1&mode=insecure"
    post = Messenger(f"{place}&from=us@box.example&to=you@box.example", "shop", pool)

    await post.post(post.body(Notice(raised=(problem("a"), problem("b")))))

    mail = message_from_string(mailbox.mails[0], policy=policy.default)
    text = mail.get_body(("plain",)).get_content()
    assert mail["Subject"] == "shop: 2 problems"
    assert "Worker silent a\nLook.\n\nWorker silent b\nLook." in text.replace("\r", "")


async def test_a_problem_its_end_and_the_cool_down_are_told_as_by_the_webhook(server, post):
    switch = Switch(title="Worker silent")
    it = watch(switch, clock=count(NOW).__next__)
    telling = NoticeDelivery(it, post, NoticeDigest(3600.0), wait_s=0.01, clock=lambda: NOW)
    telling.start()
    for subjects, number in ((("a", "b"), 1), ((), 2)):
        switch.subjects = subjects
        await it.look()
        await server.receives(number)
    switch.subjects = ("a",)
    await it.look()
    await asyncio.sleep(0.05)
    telling.stop()

    assert [one["title"] for one in bodies(server)] == ["shop: 2 problems", "shop: 2 resolved"]


@pytest.fixture
def logged():
    """All that reaches the log of the program; pytest's own listens to silenced loggers, too."""
    text, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(text), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.setLevel(level)
    root.removeHandler(handler)


async def test_no_part_of_an_address_is_told_or_logged(server, post, logged):
    server.answers.append(500)

    with pytest.raises(Unavailable) as error:
        await post.post(post.body(Notice(test=True)))

    assert error.value.message.startswith("JSON rejected it: ")
    assert "500" in error.value.message
    assert SECRET not in error.value.message + logged.getvalue()
    assert "127.0.0.1" not in error.value.message


async def test_a_service_that_takes_long_is_given_up(pool):
    open_ones = []
    silent = await asyncio.start_server(lambda _, writer: open_ones.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    post = Messenger(f"json://127.0.0.1:{port}?rto=60", "shop", pool, timeout_s=0.5)

    with pytest.raises(Unavailable, match="JSON rejected it"):
        await post.post(post.body(Notice(test=True)))

    silent.close()
    for writer in open_ones:
        writer.close()
        await writer.wait_closed()


async def test_a_test_goes_both_ways(server, post):
    it, notices = watch(), NoticeDigest(0.0)
    both = [
        NoticeDelivery(it, sender, notices, wait_s=1.0, clock=lambda: NOW)
        for sender in (server.hook(), post)
    ]

    assert await send_test(both) == "the webhook, JSON"
    assert len(server.got) == 2


async def test_one_that_is_away_does_not_hide_that_another_received_it(post, pool):
    it, notices = watch(), NoticeDigest(0.0)
    gone = Messenger("xml://127.0.0.1:1", "shop", pool)
    both = [NoticeDelivery(it, one, notices, wait_s=1.0, clock=lambda: NOW) for one in (gone, post)]

    with pytest.raises(Unavailable, match=r"XML rejected it: .*; received by JSON"):
        await send_test(both)


def test_several_of_one_service_are_numbered(pool):
    urls = ("json://127.0.0.1:1", "json://127.0.0.1:2", "xml://127.0.0.1:3")

    assert [one.name for one in messengers(urls, "shop", pool)] == ["JSON", "JSON 2", "XML"]


def test_an_address_with_a_comma_is_one():
    assert whole(["mailto://a?to=b", "c", " json://d"]) == ["mailto://a?to=b,c", "json://d"]


def test_an_address_that_apprise_does_not_know_is_refused_and_not_repeated(pool):
    with pytest.raises(SettingsError, match="can't read its nowhere:// address") as error:
        Messenger(f"nowhere://{SECRET}", "shop", pool)

    assert SECRET not in error.value.message


def test_without_apprise_the_start_says_what_to_install(monkeypatch, pool):
    monkeypatch.setitem(sys.modules, "apprise", None)  # it is installed here

    with pytest.raises(SettingsError, match=r"pip install 'flower-ng\[apprise\]'"):
        list(messengers(["json://127.0.0.1:1"], "shop", pool))


def test_without_addresses_apprise_is_not_needed(monkeypatch, pool):
    monkeypatch.setitem(sys.modules, "apprise", None)  # it is installed here

    assert list(messengers([], "shop", pool)) == []
