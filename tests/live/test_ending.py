"""A dashboard that is told to end twice ends in order all the same."""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Callable

import pytest
import redis

from tests.services import Dashboard, wait_until

pytestmark = pytest.mark.live
REPLIES = "_kombu.binding.reply.celery.pidbox"


def test_sigterms_that_come_again_and_again_leave_no_queue_for_replies_bound(
    redis_url: str, start_dashboard: Callable
) -> None:
    dashboard: Dashboard = start_dashboard(redis_url, options=("--inspect_timeout=2000",))
    with redis.Redis.from_url(redis_url) as client:
        asking = threading.Thread(target=quietly, args=(dashboard,))
        asking.start()
        wait_until(lambda: client.scard(REPLIES), 10, "a queue for replies is bound")

        for _ in range(300):
            dashboard.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                dashboard.process.wait(0.05)
                break

        assert dashboard.process.returncode == 0, dashboard.output()
        assert client.smembers(REPLIES) == set()
    asking.join()


def quietly(dashboard: Dashboard) -> None:
    """Have all workers inspected; the answer is cut off."""
    try:
        dashboard.ask("/api/workers?refresh=1")
    except OSError:
        return
