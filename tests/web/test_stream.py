"""The stream of ticks, read from a bare socket as a browser would."""

import asyncio
import time

import pytest

from flower_ng.web.plumbing.stream import Ticker
from tests.web.probes import HANDLERS
from tests.web.site import FakeCluster, session


@pytest.fixture
def cluster():
    return FakeCluster()


@pytest.fixture
def client(serve, cluster):
    return serve(HANDLERS, cluster=cluster)


@pytest.fixture
async def opened():
    """Open a stream of a client's site: `reader, writer = await opened(client)`."""
    writers = []

    async def open_stream(client, *headers):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writers.append(writer)
        lines = ("GET /stream HTTP/1.1", "Host: x", *headers, "", "")
        writer.write("\r\n".join(lines).encode())
        return reader, writer

    yield open_stream
    for writer in writers:
        writer.close()
        await writer.wait_closed()


async def heard(reader, text, within_s=20.0):
    await asyncio.wait_for(reader.readuntil(text.encode()), within_s)


async def until(condition, within_s=20.0):
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - nothing tells when a socket is gone
            await asyncio.sleep(0.01)


async def test_a_change_is_told_to_every_browser(opened, client, cluster):
    readers = [(await opened(client))[0] for _ in range(3)]
    for reader in readers:
        await heard(reader, "retry: 3000\n\n")

    cluster.events.happen()

    for reader in readers:
        await heard(reader, "event: tick\ndata:\n\n")


async def test_a_stream_is_one_that_browsers_and_proxies_take_for_one(opened, client):
    reader, _ = await opened(client)
    head = (await reader.readuntil(b"\r\n\r\n")).decode()

    assert "HTTP/1.1 200 OK" in head
    assert "Content-Type: text/event-stream; charset=UTF-8" in head
    assert "Cache-Control: no-store" in head
    assert "X-Content-Type-Options: nosniff" in head
    assert "Etag" not in head


async def test_a_storm_of_changes_is_one_tick_a_second(opened, client, cluster):
    reader, _ = await opened(client)
    await heard(reader, "retry: 3000\n\n")
    started = time.monotonic()
    cluster.events.happen()
    await heard(reader, "event: tick\ndata:\n\n")
    for _ in range(1000):
        cluster.events.happen()
    await heard(reader, "event: tick\ndata:\n\n")

    assert time.monotonic() - started >= 0.95
    with pytest.raises(TimeoutError):
        await heard(reader, "event: tick", within_s=1.2)


async def test_silence_is_broken_by_a_comment(opened, client):
    client.site.ticker.heartbeat_s = 0.05
    reader, _ = await opened(client)

    await heard(reader, ": still here\n\n")
    await heard(reader, ": still here\n\n")


async def test_a_browser_that_leaves_leaves_nothing_behind(opened, client, cluster):
    before = len(asyncio.all_tasks())
    writers = [(await opened(client))[1] for _ in range(20)]
    await until(lambda: client.site.ticker.streams == 20)

    for writer in writers:
        writer.close()

    await until(lambda: client.site.ticker.streams == 0)
    await until(lambda: len(asyncio.all_tasks()) <= before)
    cluster.events.happen()
    assert len(cluster.events.listeners) == 1


async def test_every_stream_ends_when_the_site_closes(opened, client):
    reader, _ = await opened(client)
    await heard(reader, "retry: 3000\n\n")

    client.site.close()

    await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 2)


async def test_a_stream_that_waits_out_its_second_ends_too(opened, client, cluster):
    reader, _ = await opened(client)
    await heard(reader, "retry: 3000\n\n")
    cluster.events.happen()
    await heard(reader, "event: tick\ndata:\n\n")

    client.site.close()

    await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 2)


async def test_the_number_of_streams_is_bounded(opened, client):
    client.site.ticker.max_streams = 4
    for _ in range(2):
        await heard((await opened(client))[0], "retry: 3000\n\n")
    answer = await client.get("/stream")

    assert (answer.status, answer.type) == (503, "text/plain")
    assert "2 streams of 127.0.0.1 are open, half of all" in answer.text

    client.site.ticker.max_streams = 2
    assert "2 streams are open" in (await client.get("/stream")).text


async def test_head_does_not_hang(client):
    assert (await client.ask("HEAD", "/stream")).status == 200


async def test_a_stream_needs_a_login_as_pages_do(opened, serve):
    client = serve(HANDLERS, auth="me@example.com")
    refused = await client.get("/stream")
    reader, _ = await opened(client, f"Cookie: {session('me@example.com')}")

    assert refused.status == 302
    await heard(reader, "retry: 3000\n\n")


async def test_a_tick_that_came_before_the_wait_is_not_missed():
    ticker = Ticker(heartbeat_s=0.01)
    ticker.tick()

    assert await ticker.is_changed(0) is True
    assert await ticker.is_changed(1) is False


async def test_a_stream_ends_when_its_session_does(opened, serve):
    client, cookie = serve(HANDLERS, auth="me@example.com"), session("me@example.com")
    client.site.ticker.heartbeat_s = 0.05
    reader, _ = await opened(client, f"Cookie: {cookie}")
    await heard(reader, ": still here\n\n")
    await client.get("/logout", Cookie=cookie)

    await heard(reader, "\r\n0\r\n\r\n")
    assert client.site.ticker.streams == 0
