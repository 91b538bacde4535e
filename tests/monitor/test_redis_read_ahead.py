"""What Redis sends is moved before it is parsed; a connection that Redis closed is told apart."""

import socket
import tracemalloc

import pytest

from flower_ng.monitor.ingest.redis_read_ahead import BUFFER_BYTES, ReadAhead, RedisClosed


@pytest.fixture
def pair():
    """The dashboard's end of a connection, with a timeout as redis-py sets it, and Redis's."""
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    with ours, theirs:
        yield ours, theirs


def taken(ahead):
    return b"".join(iter(ahead.take, None))


def test_all_that_waits_is_moved_at_once_in_order(pair):
    ours, theirs = pair
    ahead, sent = ReadAhead(), bytes(range(256)) * 600
    theirs.sendall(sent)

    assert ahead.move(ours) == len(sent)
    assert ahead.move(ours) == 0
    assert taken(ahead) == sent


def test_what_came_before_the_end_is_handed_out_before_it(pair):
    ours, theirs = pair
    now = [100.0]
    ahead = ReadAhead(lambda: now[0])
    ahead.move(ours)
    now[0] = 107.0
    theirs.sendall(b"the last")
    theirs.close()
    ahead.move(ours)

    assert ahead.take() == b"the last"
    now[0] = 108.0
    ahead.move(ours)
    with pytest.raises(RedisClosed, match="Redis has closed the connection"):
        ahead.take()


def test_how_far_behind_it_was_is_known_when_redis_closes_the_connection(pair):
    ours, theirs = pair
    now = [100.0]
    ahead = ReadAhead(lambda: now[0])
    ahead.move(ours)  # empty
    theirs.close()
    now[0] = 107.0
    ahead.move(ours)

    with pytest.raises(RedisClosed) as closed:
        ahead.take()
    assert closed.value.behind_s == 7


def test_other_errors_of_a_connection_stay_what_they_are():
    class Unreachable:
        """Stands in for a socket of a network that went away, which can't be had at will."""

        def fileno(self):
            raise OSError(113, "No route to host")

    ahead = ReadAhead()
    ahead.move(Unreachable())

    with pytest.raises(OSError, match="No route to host"):
        ahead.take()


def test_connections_that_have_ended_hold_no_buffer_each(pair):
    ours, theirs = pair
    tracemalloc.start()
    try:
        ended = []
        for number in range(20):
            theirs.sendall(sent := b"%d" % number)
            ended.append(ahead := ReadAhead())
            assert (ahead.move(ours), ahead.take()) == (len(sent), sent)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert held < 2 * BUFFER_BYTES
