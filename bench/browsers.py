"""Browsers that follow a page: each keeps `/stream` open and asks again when told that it changed.

As a script it follows for some seconds, and prints how many pages it got and how long they took.
"""

import argparse
import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

#: Between two pages of one browser, as `static/js/live.js` waits.
LEAST_S = 1.0
#: Without a word, a browser asks by itself.
SILENCE_S = 5.0


@dataclass(slots=True)
class Followed:
    """What all browsers got."""

    unchanged: int = 0
    bytes: int = 0
    ms: list[float] = field(default_factory=list)


async def follow(url: str, path: str, followed: Followed) -> None:
    """Be one browser, until cancelled."""
    place, changed = urlsplit(url), asyncio.Event()
    host, port = place.hostname or "", place.port or 80
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listen(host, port, changed))
        reader, writer = await asyncio.open_connection(host, port)
        tag = ""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), SILENCE_S)
            changed.clear()
            began = time.perf_counter()
            condition = f"If-None-Match: {tag}\r\n" if tag else ""
            writer.write(_request(host, path, f"{condition}Accept-Encoding: gzip\r\n"))
            tag = await _answer(reader, followed) or tag
            took_s = time.perf_counter() - began
            followed.ms.append(1000 * took_s)
            await asyncio.sleep(max(0.0, LEAST_S - took_s))


async def listen(host: str, port: int, changed: asyncio.Event) -> None:
    """Keep the stream open, and say when it ticks."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(_request(host, "/stream", ""))
    while line := await reader.readline():
        if line.startswith(b"event: tick"):
            changed.set()


def _request(host: str, path: str, headers: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nFlower-Live: 1\r\n{headers}\r\n".encode()


async def _answer(reader: asyncio.StreamReader, followed: Followed) -> str:
    """Read one answer; return its tag."""
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
    followed.unchanged += " 304 " in status
    if " 304 " not in status:
        followed.bytes += len(await reader.readexactly(int(headers.get("content-length", 0))))
    return headers.get("etag", "")


async def main() -> None:
    """Follow, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--path", default="/tasks")
    parser.add_argument("--browsers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    asked = parser.parse_args()
    followed = Followed()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(asked.seconds), asyncio.TaskGroup() as tasks:
            for _ in range(asked.browsers):
                tasks.create_task(follow(asked.url, asked.path, followed))
    times = sorted(followed.ms) or [0.0]
    told = {"pages": len(followed.ms), "unchanged": followed.unchanged, "bytes": followed.bytes}
    p99 = times[int(0.99 * (len(times) - 1))]
    print(json.dumps(told | {"p50": times[len(times) // 2], "p99": p99}))


if __name__ == "__main__":
    asyncio.run(main())
