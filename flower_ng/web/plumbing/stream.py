"""Stream tells browsers over `/stream` (server-sent events) that something changed; on the loop.

A tick carries no data: the browser asks again for the page that it shows. However many events
arrive, there is at most one tick a second, the same for all browsers, so that those that show the
same are answered with one rendering. One that reads slowly skips ticks.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tornado.iostream import StreamClosedError

from flower_ng.errors import Unavailable
from flower_ng.web.http.base import Handler, Need

RETRY_MS = 3000


class Ticker:
    """Gathers changes into ticks, and wakes those who wait for one.

    There is at most one tick in `interval_s`. A stream gets a comment after `heartbeat_s` of
    silence, so that proxies keep it open. `max_streams` bounds the sockets; half of them is for one
    address at most.
    """

    def __init__(
        self, interval_s: float = 1.0, heartbeat_s: float = 15.0, max_streams: int = 500
    ) -> None:
        self.interval_s = interval_s
        self.heartbeat_s = heartbeat_s
        self.max_streams = max_streams
        self.ticks = 0
        self._of_peers: Counter[str] = Counter()
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()
        self._ticked_at = -math.inf
        self._timer: asyncio.TimerHandle | None = None

    @property
    def streams(self) -> int:
        """How many are open."""
        return self._of_peers.total()

    @contextmanager
    def place(self, peer: str) -> Iterator[None]:
        """Count a stream of this address while it is open."""
        self._of_peers[peer] += 1
        try:
            yield
        finally:
            self._of_peers[peer] -= 1
            if not self._of_peers[peer]:
                del self._of_peers[peer]

    def why_full(self, peer: str) -> str:
        """Return why there is no place for one more stream of this address, empty if there is."""
        if self.streams >= self.max_streams:
            return f"{self.streams} streams are open; close some tabs"
        if (own := self._of_peers[peer]) >= max(1, self.max_streams // 2):
            return (
                f"{own} streams of {peer} are open, half of all that there may be; close some tabs,"
                " or start with --xheaders if that is a proxy"
            )
        return ""

    @property
    def is_closed(self) -> bool:
        """Whether every stream is to end."""
        return self._closed.is_set()

    def tick(self) -> None:
        """Say that something changed; cheap, on the loop."""
        if self._timer is None and not self.is_closed:
            loop = asyncio.get_running_loop()
            wait_s = self._ticked_at + self.interval_s - loop.time()
            self._timer = loop.call_later(max(0, wait_s), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._ticked_at = asyncio.get_running_loop().time()
        self.ticks += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def close(self) -> None:
        """End every stream."""
        self._closed.set()
        self._changed.set()
        if self._timer is not None:
            self._timer.cancel()

    async def is_changed(self, seen: int) -> bool:
        """Wait for a tick after the first `seen`; False after `heartbeat_s` without one."""
        if self.ticks == seen and not self.is_closed:
            await _within(self.heartbeat_s, self._changed)
        return self.ticks != seen


class Stream(Handler):
    """One browser's stream of ticks; it ends when the browser leaves or may not stay."""

    path = "/stream"
    need = Need.READ

    def initialize(self, ticker: Ticker) -> None:
        """Listen to this ticker."""
        self.ticker = ticker

    def compute_etag(self) -> None:
        """A stream has no tag."""
        return

    async def get(self) -> None:
        """Write ticks until one side ends it."""
        if why := self.ticker.why_full(self.request.remote_ip or ""):
            raise Unavailable(why)
        self.set_header("Content-Type", "text/event-stream; charset=UTF-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")  # nginx would hold ticks back
        if self.request.method != "HEAD":
            await self._stay()

    async def _stay(self) -> None:
        with self.ticker.place(self.request.remote_ip or ""):
            await self.while_here(self._write_ticks())

    async def _write_ticks(self) -> None:
        loop, seen = asyncio.get_running_loop(), self.ticker.ticks
        checked_at = loop.time()
        await self._send(f"retry: {RETRY_MS}\n\n")
        while not self.ticker.is_closed:
            is_changed = await self.ticker.is_changed(seen)
            if not is_changed or loop.time() - checked_at >= self.ticker.heartbeat_s:
                checked_at = loop.time()
                if not await self.may_stay():
                    return
            if is_changed:
                seen = self.ticker.ticks
                await self._send("event: tick\ndata:\n\n")
            elif not self.ticker.is_closed:
                await self._send(": still here\n\n")

    async def _send(self, text: str) -> None:
        self.write(text)
        with suppress(StreamClosedError):  # on_connection_close ends the loop
            await self.flush()


async def _within(timeout_s: float, happened: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(happened.wait(), timeout_s)
