"""What strangers can take of a server is limited."""

import asyncio
import contextlib

import pytest
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from flower_ng.web.http.server import STRANGERS_BYTES, DashboardServer


class Length(RequestHandler):
    """Answers how long the body was."""

    def get(self):
        self.write("here")

    def post(self):
        self.write(str(len(self.request.body)))


class Peer(RequestHandler):
    """Answers who asks, over what, for which host."""

    def get(self):
        host = self.request.headers.get("X-Forwarded-Host", self.request.host)
        self.write(f"{self.request.remote_ip} {self.request.protocol} {host}")


@pytest.fixture
async def listen():
    """Serve with options, and return the port."""
    servers = []

    def start(**options):
        site = Application([("/", Length), ("/peer", Peer)])
        server = DashboardServer(site, **{"is_trusted": lambda *_: False, **options})
        sock, port = bind_unused_port()
        server.add_sockets([sock])
        servers.append(server)
        return port

    yield start
    for server in servers:
        server.stop()
        await server.close_all_connections()


async def said(port, text):
    """Send bytes, and return all that comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(text)
        async with asyncio.timeout(30):
            with contextlib.suppress(ConnectionError):
                return await reader.read()
        return b""
    finally:
        writer.close()


def post(length):
    head = f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    return head.encode() + bytes(length)


async def test_a_head_that_does_not_end_is_not_waited_for(listen):
    port = listen(head_s=0.1)

    assert await said(port, b"GET / HTTP/1.1\r\nHost: ") == b""


async def test_a_later_request_of_a_connection_may_come_later(listen):
    reader, writer = await asyncio.open_connection("127.0.0.1", listen(head_s=0.5))
    for pause_s in (0, 1):
        await asyncio.sleep(pause_s)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(30):
            assert (await reader.readuntil(b"here")).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_a_stranger_may_not_send_much(listen):
    port = listen()

    refused = await said(port, post(STRANGERS_BYTES + 1))
    assert refused.startswith(b"HTTP/1.1 413 ")
    assert b"The body has 2,097,153 bytes; at most 2,097,152 are accepted." in refused
    assert (await said(port, post(STRANGERS_BYTES))).endswith(str(STRANGERS_BYTES).encode())


async def test_a_refused_body_costs_no_memory_and_the_next_request_is_answered(listen):
    port = listen()
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n"

    assert (await said(port, head)).startswith(b"HTTP/1.1 413 ")
    assert (await said(port, post(3))).endswith(b"3")


def chunked(length, piece=1 << 16):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    sizes = [piece] * (length // piece) + [length % piece] * bool(length % piece)
    return head + b"".join(b"%x\r\n%b\r\n" % (one, bytes(one)) for one in sizes) + b"0\r\n\r\n"


@pytest.mark.parametrize("piece", [1 << 16, 1 << 22], ids=["many", "one"])
async def test_what_comes_in_chunks_is_limited_and_told_so_too(listen, piece):
    port = listen()

    refused = await said(port, chunked(STRANGERS_BYTES + 1, piece))
    assert refused.startswith(b"HTTP/1.1 413 ")
    assert b"The body has over 2,097,152 bytes; at most 2,097,152 are accepted." in refused
    whole = await said(port, chunked(STRANGERS_BYTES, piece))
    assert whole.endswith(str(STRANGERS_BYTES).encode())


async def test_who_is_logged_in_may(listen):
    port = listen(is_trusted=lambda headers, *_: headers["Host"] == "x")
    length = STRANGERS_BYTES * 2

    assert (await said(port, post(length))).endswith(str(length).encode())


FORWARDED = (
    b"GET /peer HTTP/1.1\r\nHost: us\r\nConnection: close\r\nX-Forwarded-For: 203.0.113.9\r\n"
    b"X-Forwarded-Proto: https\r\nX-Forwarded-Host: flower.example.com\r\n\r\n"
)
BELIEVED, NOT_BELIEVED = b"203.0.113.9 https flower.example.com", b"127.0.0.1 http us"


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({"xheaders": True}, BELIEVED),
        ({"xheaders": True, "proxies": ("127.0.0.1",)}, BELIEVED),
        ({"xheaders": True, "proxies": ("10.0.0.0/8", "127.0.0.0/8")}, BELIEVED),
        ({"xheaders": True, "proxies": ("10.0.0.0/8",)}, NOT_BELIEVED),
        ({}, NOT_BELIEVED),
    ],
    ids=str,
)
async def test_headers_of_proxies_are_believed_and_those_of_others_are_not(listen, options, answer):
    port = listen(**options)

    assert (await said(port, FORWARDED)).endswith(answer)


async def test_a_proxy_is_told_from_others_at_each_request_of_a_connection(listen):
    port = listen(xheaders=True)
    plain = b"GET /peer HTTP/1.1\r\nHost: us\r\nConnection: close\r\n\r\n"

    answers = await said(port, FORWARDED.replace(b"Connection: close\r\n", b"") + plain)

    assert BELIEVED in answers
    assert answers.endswith(NOT_BELIEVED)
