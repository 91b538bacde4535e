"""RabbitMQ's frames are read ahead; other transports are left alone."""

import socket

import pytest
from amqp.transport import TCPTransport
from celery import Celery

from flower_ng.monitor.ingest.amqp_read_ahead import READ_BYTES, gather


class Lent:
    """A connection of Kombu's over one end of a pair of sockets, without a broker."""

    def __init__(self, sock):
        self.transport = TCPTransport("box")
        self.transport.sock = sock
        self.transport._setup_transport()  # noqa: SLF001 - amqp's hook

    @property
    def connection(self):
        return self


@pytest.fixture
def pair():
    """Two sockets that are connected."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_what_came_is_read_at_once_and_handed_out_in_parts(pair):
    ours, theirs = pair
    lent = Lent(ours)
    gather(lent, 0.5)
    theirs.sendall(b"headerpayload")

    assert lent.transport._read(6) == b"header"  # noqa: SLF001 - amqp's hook
    assert lent.transport._read_buffer == b"payload"  # noqa: SLF001 - amqp's hook
    assert lent.transport._read(7) == b"payload"  # noqa: SLF001 - amqp's hook


def test_what_is_longer_than_that_is_read_whole(pair):
    ours, theirs = pair
    lent = Lent(ours)
    gather(lent, 0.5)
    long = b"x" * (3 * READ_BYTES)
    theirs.sendall(long + b"y")

    assert lent.transport._read(len(long)) == long  # noqa: SLF001 - amqp's hook


def test_another_transport_is_left_as_it_is():
    with Celery("x", broker="memory://").connection() as connection:
        connection.connect()
        gather(connection, 0.5)
