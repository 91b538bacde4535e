"""A faster way to read events from RabbitMQ: py-amqp reads many frames at a time. Events thread.

By itself, py-amqp reads a message of three frames with nine calls to the socket, each of which
releases the interpreter lock, and sets the socket's timeout for each frame: half of the cost of a
message.

It depends on a private name of py-amqp: `_quick_recv` of the transport. Where a version does not
have it, or the connection is not py-amqp's, nothing is changed and events are read at py-amqp's own
speed.
"""

from typing import Any, Final

#: About ten events. The unread rest is copied at each of the nine reads, so more is slower.
READ_BYTES: Final = 2**13


def gather(connection: Any, timeout_s: float) -> None:
    """Make an open Kombu connection read ahead; `timeout_s` is the timeout of its reads.

    A connection that is not py-amqp's is left unchanged.
    """
    transport = getattr(connection.connection, "transport", None)
    receive = getattr(transport, "_quick_recv", None)
    if transport is not None and receive is not None:
        transport._quick_recv = lambda wanted: receive(max(wanted, READ_BYTES))  # noqa: SLF001
        transport.sock.settimeout(timeout_s)  # py-amqp sets it only where it is another one
