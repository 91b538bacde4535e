"""A process that runs out of file descriptors keeps its broker, its pages and a short log."""

import contextlib
import http.client
import resource
import socket
from collections.abc import Callable

import pytest

from tests.faults.freezing import heard_task
from tests.services import Dashboard, Redis, wait_until

pytestmark = pytest.mark.live

LIMIT = 160


def test_more_connections_than_descriptors(
    own_redis: Redis, start_dashboard: Callable[..., Dashboard]
) -> None:
    dashboard = start_dashboard(own_redis.url)
    heard_task(dashboard, own_redis.url)
    lines = len(dashboard.output().splitlines())
    resource.prlimit(dashboard.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
    kept = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=60)
    with contextlib.closing(kept), contextlib.ExitStack() as crowd:
        assert status(kept) == 200
        for number in range(2 * LIMIT):
            source = (f"127.0.0.{2 + number % 8}", 0)  # one address alone would get half at most
            with contextlib.suppress(TimeoutError):  # the queue of those to be accepted may be full
                crowd.enter_context(
                    socket.create_connection(("127.0.0.1", dashboard.port), 5, source)
                )

        wait_until(lambda: "A connection was refused" in dashboard.output(), 15, "it is said")
        assert status(kept) == 200
        assert len(dashboard.output().splitlines()) - lines < 100
    heard_task(dashboard, own_redis.url)


def test_one_address_takes_half_of_the_connections_at_most(
    redis_url: str, start_dashboard: Callable[..., Dashboard]
) -> None:
    dashboard = start_dashboard(redis_url)
    resource.prlimit(dashboard.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
    with contextlib.ExitStack() as crowd:
        for _ in range(LIMIT // 2):
            crowd.enter_context(socket.create_connection(("127.0.0.1", dashboard.port), timeout=5))
        wait_until(lambda: "of 127.0.0.1 was refused" in dashboard.output(), 15, "it is said")

        other = http.client.HTTPConnection(
            "127.0.0.1", dashboard.port, timeout=10, source_address=("127.0.0.3", 0)
        )
        with contextlib.closing(other):
            assert status(other) == 200


def status(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/healthcheck")
    reply = connection.getresponse()
    reply.read()
    return reply.status
