"""Moves what Redis has sent from the socket to memory, before any of it is parsed. Events thread.

Redis closes a subscription that is 32 MB behind (client-output-buffer-limit), and forgets what it
had for it. Moving bytes takes a small part of the time of parsing them, so that they are moved
first, and again after every few milliseconds of parsing.
"""

import os
import select
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

#: Read at once; the kernel keeps up to 6 MB for a connection. Each read may have to wait 5 ms for
#: Python's lock while the loop is busy, so that few large ones are better than many small ones.
BUFFER_BYTES: Final = 4 * 2**20
#: Parsed between two looks at the socket: about 3 ms.
CHUNK_BYTES: Final = 2**18
#: What is moved and not parsed at most; the rest stays with Redis.
AHEAD_MAX_BYTES: Final = 64 * 2**20


class RedisClosed(ConnectionError):  # noqa: N818 - whose error it is, nobody knows
    """Redis has closed the connection; `behind_s` ago all that it had sent was read."""

    def __init__(self, behind_s: float) -> None:
        super().__init__("Redis has closed the connection")
        self.behind_s = behind_s


class ReadAhead:
    """Chunks of bytes in the order in which they came; `heard_at` is when the newest came."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._chunks: deque[bytes] = deque()
        self._bytes = 0
        self._emptied_at = self.heard_at = clock()
        self._end: Exception | None = None

    def move(self, sock: Any) -> int:
        """Take what waits in the socket, and return how many bytes that were.

        How a connection has ended is kept for `take`: what came before is parsed before.
        """
        moved = 0
        while self._end is None and self._bytes < AHEAD_MAX_BYTES:
            size = self._read(sock)
            moved += size
            if not _may_hold_more(sock, size):
                self._emptied_at = self._clock()
                break
        return moved

    def take(self) -> bytes | None:
        """Return the oldest chunk, None when there is none; raise how the connection has ended."""
        if self._chunks:
            chunk = self._chunks.popleft()
            self._bytes -= len(chunk)
            return chunk
        if self._end is not None:
            raise self._end
        return None

    def _read(self, sock: Any) -> int:
        """Read once, and return how many bytes; 0 also where the connection has ended."""
        try:
            size = _read_into(sock, buffer := _buffer())
        except (BlockingIOError, ssl.SSLWantReadError):
            return 0
        except ConnectionResetError:
            size = 0
        except OSError as error:
            self._end = error
            return 0
        now = self._clock()
        if not size:
            self._end = RedisClosed(now - self._emptied_at)
            return 0
        self.heard_at = now
        view = memoryview(buffer)[:size]
        self._chunks.extend(
            bytes(view[start : start + CHUNK_BYTES]) for start in range(0, size, CHUNK_BYTES)
        )
        self._bytes += size
        return size


_own: Final = threading.local()


def _buffer() -> bytearray:
    """Return the thread's buffer, of which whoever reads takes a copy at once.

    Connections that have ended wait long for the garbage collector: none has a buffer of its own.
    """
    buffer: bytearray | None = getattr(_own, "buffer", None)
    if buffer is None:
        buffer = _own.buffer = bytearray(BUFFER_BYTES)
    return buffer


def _read_into(sock: Any, buffer: bytearray) -> int:
    """Read what is there; on a plain socket without asking for its timeout, which costs a call."""
    if isinstance(sock, ssl.SSLSocket):
        return sock.recv_into(buffer)
    return os.readv(sock.fileno(), (buffer,))


def _may_hold_more(sock: Any, size: int) -> bool:
    """Whether there may be more to read at once; a socket without a timeout would wait for it."""
    if not size:
        return False
    if isinstance(sock, ssl.SSLSocket):  # a read returns one record at most
        return bool(sock.pending() or select.select((sock,), (), (), 0)[0])
    return size == BUFFER_BYTES and sock.gettimeout() is not None
