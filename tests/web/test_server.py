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


@pytest.fixture
async def listen():
    """Serve with options, and return the port."""
    servers = []

    def start(**options):
        site = Application([("/", Length)])
        server = DashboardServer(site, **{"is_trusted": lambda _: False, **options})
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

    assert str(STRANGERS_BYTES + 1).encode() not in await said(port, post(STRANGERS_BYTES + 1))
    assert (await said(port, post(STRANGERS_BYTES))).endswith(str(STRANGERS_BYTES).encode())


async def test_who_is_logged_in_may(listen):
    port = listen(is_trusted=lambda headers: headers["Host"] == "x")
    length = STRANGERS_BYTES * 2

    assert (await said(port, post(length))).endswith(str(length).encode())
