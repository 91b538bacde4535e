"""Stream tells browsers over `/stream` (server-sent events) that something changed; on the loop.

A tick carries no data: the browser asks again for the page that it shows. However many events
arrive, a browser gets at most one tick a second, and one that reads slowly skips ticks.
"""

import asyncio
from contextlib import suppress

from tornado.iostream import StreamClosedError

from flower_ng.errors import Unavailable
from flower_ng.web.base import Handler

TICK_INTERVAL_S = 1.0
HEARTBEAT_S = 15.0
RETRY_MS = 3000
MAX_STREAMS = 500  # more than any team has open tabs; each costs a socket


class Ticker:
    """Counts changes, and wakes those who wait for one."""

    def __init__(self) -> None:
        self.ticks = 0
        self.is_closed = False
        self.streams = 0
        self._changed = asyncio.Event()

    def tick(self) -> None:
        """Say that something changed; cheap, on the loop."""
        self.ticks += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def close(self) -> None:
        """End every stream."""
        self.is_closed = True
        self._changed.set()

    async def wait(self, seen: int, timeout_s: float) -> bool:
        """Wait for a tick after the `seen` first ones; False when the time passed without one."""
        if self.ticks == seen and not self.is_closed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), timeout_s)
        return self.ticks != seen


class Stream(Handler):
    """One browser's stream of ticks; it ends when the browser leaves or the site closes."""

    path = "/stream"

    def initialize(self, ticker: Ticker) -> None:
        """Listen to this ticker."""
        self.ticker = ticker

    def compute_etag(self) -> None:
        """A stream has no tag."""
        return

    async def get(self) -> None:
        """Write ticks until one side ends it."""
        self.set_header("Content-Type", "text/event-stream; charset=UTF-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")  # nginx would hold ticks back
        if self.request.method == "HEAD":
            return
        if self.ticker.streams >= MAX_STREAMS:
            raise Unavailable(f"{MAX_STREAMS} streams are open; close some tabs")
        self.ticker.streams += 1
        try:
            await self.while_here(self._write_ticks())
        finally:
            self.ticker.streams -= 1

    async def _write_ticks(self) -> None:
        seen = self.ticker.ticks
        await self._send(f"retry: {RETRY_MS}\n\n")
        while not self.ticker.is_closed:
            if await self.ticker.wait(seen, HEARTBEAT_S):
                seen = self.ticker.ticks
                await self._send("event: tick\ndata:\n\n")
                await asyncio.sleep(TICK_INTERVAL_S)
            elif not self.ticker.is_closed:
                await self._send(": still here\n\n")

    async def _send(self, text: str) -> None:
        self.write(text)
        with suppress(StreamClosedError):  # on_connection_close ends the loop
            await self.flush()
