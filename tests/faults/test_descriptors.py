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
        for _ in range(2 * LIMIT):
            with contextlib.suppress(TimeoutError):  # the queue of those to be accepted may be full
                crowd.enter_context(
                    socket.create_connection(("127.0.0.1", dashboard.port), timeout=5)
                )

        wait_until(lambda: "A connection was refused" in dashboard.output(), 15, "it is said")
        assert status(kept) == 200
        assert len(dashboard.output().splitlines()) - lines < 100
    heard_task(dashboard, own_redis.url)


def status(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/healthcheck")
    reply = connection.getresponse()
    reply.read()
    return reply.status
