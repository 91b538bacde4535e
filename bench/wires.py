"""A wire to a broker: packs messages as Kombu would wrap them, and writes what is packed.

The two are apart, so that a load can be made before it is sent and then takes next to nothing from
those who are measured.
"""

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import amqp  # type: ignore[import-untyped]
from amqp.method_framing import frame_writer  # type: ignore[import-untyped]

EXCHANGE = "celeryev"
#: For which a broker may read nothing: py-amqp gives up after a second.
BLOCKED_MS = 60_000


class Wire(Protocol):
    """A connection that events are sent on."""

    def pack(self, body: Any, key: str) -> bytes:
        """Return what publishes this."""

    def write(self, data: bytes) -> None:
        """Send what was packed; waits while the broker does not read."""

    def close(self) -> None:
        """Wait until the broker has read all, and end."""


@contextmanager
def wire(url: str) -> Iterator[Wire]:
    """Lend a wire to the broker at `url`; on leaving, all has arrived."""
    made: Wire = RedisWire(url) if url.startswith("redis") else RabbitWire(url)
    yield made
    made.close()


class RedisWire:
    """Publishes on a Redis that is told not to answer."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._channel = f"/{place.path.strip('/') or '0'}.{EXCHANGE}/"
        self._socket = socket.create_connection((place.hostname or "", place.port or 6379))
        self.write(_command("CLIENT", "REPLY", "OFF"))

    def pack(self, body: Any, key: str) -> bytes:
        """Return one PUBLISH."""
        return _command("PUBLISH", self._channel + key, envelope(body, key))

    def write(self, data: bytes) -> None:
        """Send it."""
        self._socket.sendall(data)

    def close(self) -> None:
        """Ask for one answer, which comes after all is done."""
        self.write(_command("CLIENT", "REPLY", "ON"))
        self._socket.recv(16)
        self._socket.close()


def _command(*words: str) -> bytes:
    parts = (f"${len(word)}\r\n{word}\r\n" for word in words)  # all are ASCII
    return f"*{len(words)}\r\n{''.join(parts)}".encode()


def envelope(body: Any, key: str) -> str:
    """Return what Kombu makes of a message for Redis."""
    packed = base64.b64encode(json.dumps(body).encode()).decode()
    return (
        f'{{"body": "{packed}", "content-encoding": "utf-8", "content-type": "application/json",'
        ' "headers": {}, "properties": {"delivery_mode": 1, "delivery_info": {"exchange":'
        f' "{EXCHANGE}", "routing_key": "{key}"}}, "body_encoding": "base64", "delivery_tag":'
        f' "{uuid4()}"}}}}'
    )


class RabbitWire:
    """Publishes on RabbitMQ, in frames that py-amqp makes."""

    def __init__(self, url: str) -> None:
        place, self._kept = urlsplit(url), Kept()
        self._is_packing = False
        self._connection = amqp.Connection(
            f"{place.hostname}:{place.port}",
            place.username,
            place.password,
            frame_writer=self._frame_writer,
            socket_settings={socket.TCP_USER_TIMEOUT: BLOCKED_MS},
        )
        self._connection.connect()
        self._channel = self._connection.channel()
        self._channel.exchange_declare(EXCHANGE, "topic", durable=True, auto_delete=False)
        self._pack = frame_writer(self._connection, self._kept)

    def pack(self, body: Any, key: str) -> bytes:
        """Return the frames of one message."""
        message = amqp.Message(json.dumps(body), content_type="application/json")
        message.properties["content_encoding"] = "utf-8"
        self._is_packing = True
        self._channel.basic_publish(message, EXCHANGE, key)
        self._is_packing = False
        return self._kept.taken()

    def write(self, data: bytes) -> None:
        """Send it."""
        self._connection.transport.write(data)

    def close(self) -> None:
        """Close the channel, which is answered behind all that was sent, and the connection."""
        self._channel.close()
        self._connection.close()

    def _frame_writer(self, connection: Any, transport: Any) -> Any:
        write = frame_writer(connection, transport)

        def write_frame(*frame: Any) -> None:
            (self._pack if self._is_packing else write)(*frame)

        return write_frame


class Kept:
    """Stands for py-amqp's transport, and keeps what is written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Keep a copy: py-amqp writes from one buffer."""
        self._parts.append(bytes(data))

    def taken(self) -> bytes:
        """Return what was written since."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
