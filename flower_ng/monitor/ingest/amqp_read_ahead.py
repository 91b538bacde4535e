"""Has py-amqp read many of RabbitMQ's frames at a time. Events thread.

It reads a message of three frames by nine calls to the socket, each of which gives the interpreter
away, and sets and resets the socket's timeout for each frame: half of what a message costs.
"""

from typing import Any, Final

#: Some ten events; what is left over is copied at each of the nine reads, so that more costs more.
READ_BYTES: Final = 2**13


def gather(connection: Any, timeout_s: float) -> None:
    """Let an open connection of Kombu's read what is there; `timeout_s` is that of its reads.

    One that is not py-amqp's is left as it is.
    """
    transport = getattr(connection.connection, "transport", None)
    receive = getattr(transport, "_quick_recv", None)
    if transport is not None and receive is not None:
        transport._quick_recv = lambda wanted: receive(max(wanted, READ_BYTES))  # noqa: SLF001
        transport.sock.settimeout(timeout_s)  # py-amqp sets it only where it is another one
