"""Inbox is the bounded queue between the events thread, which puts, and the loop, which takes.

An item is a message as received, so that the limit in bytes is exact, and messages that will be
dropped are never decoded.
"""

import threading
from collections import deque

import msgspec

#: Logged when messages are dropped.
FULL = (
    "The inbox is full: dropped %d events, the newest: %s;"
    " see --inbox_max_messages and --inbox_max_bytes"
)


class EventMessage(msgspec.Struct, frozen=True, gc=False):
    """One message as the broker delivered it: one event, or a list of up to dozens."""

    body: bytes
    content_type: str = "application/json"
    content_encoding: str = "utf-8"


class Inbox:
    """A queue bounded by `max_messages` and `max_bytes`; one thread puts, one takes.

    A single message larger than `max_bytes` finds room only in an empty inbox. Each of the two
    counts by itself, so that neither has to lock anything while there is room.
    """

    def __init__(self, max_messages: int = 200_000, max_bytes: int = 256 * 2**20) -> None:
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self._queue: deque[EventMessage] = deque()
        self._put_bytes = self._taken_bytes = 0
        #: How many messages ever came in, and out.
        self.put_messages = self.taken_messages = 0
        self._room = threading.Condition()
        self._is_awaited = False

    @property
    def messages(self) -> int:
        """How many messages are inside now."""
        return len(self._queue)

    @property
    def bytes(self) -> int:
        """How many bytes their bodies have."""
        return self._put_bytes - self._taken_bytes

    def put(self, message: EventMessage, wait_s: float = 0.0) -> bool:
        """Put a message in; wait for room at most `wait_s`; return False if there was none."""
        size_bytes = len(message.body)
        if not self._has_room(size_bytes) and not self._waited(size_bytes, wait_s):
            return False
        self._put_bytes += size_bytes
        self._queue.append(message)
        self.put_messages += 1
        return True

    def take(self) -> EventMessage | None:
        """Take the oldest message out; None when there is none."""
        if not self._queue:
            return None
        message = self._queue.popleft()
        self._taken_bytes += len(message.body)
        self.taken_messages += 1
        if self._is_awaited:
            with self._room:
                self._room.notify()
        return message

    def _waited(self, size_bytes: int, wait_s: float) -> bool:
        """Wait for room, and return whether there is some."""
        if wait_s <= 0:
            return False
        with self._room:
            self._is_awaited = True  # before the look: who takes after that look will notify
            try:
                return self._room.wait_for(lambda: self._has_room(size_bytes), wait_s)
            finally:
                self._is_awaited = False

    def _has_room(self, size_bytes: int) -> bool:
        if not self._queue:
            return True
        fits = self.bytes + size_bytes <= self.max_bytes
        return fits and len(self._queue) < self.max_messages
