"""A server that accepts and is silent delays what needs it, and nothing else."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.freezing import Prober, frozen, heard_task
from tests.house.surface import SURFACE
from tests.services import Dashboard, Postgres, Redis

pytestmark = pytest.mark.live

#: How long all that can be asked is asked, and timers run, while nothing answers.
SILENT_S = 10.0
#: A loop that waits for a silent server stands still for seconds, up to all of SILENT_S.
MOST_S = 1.5

ANSWERS = frozenset({200, 302, 400, 404, 503, 504})


@pytest.fixture
def silent(
    own_redis: Redis, own_postgres: Postgres, start_dashboard: Callable[..., Dashboard]
) -> Iterator[tuple[Dashboard, str]]:
    """A dashboard with a task of which broker, history and results fell silent."""
    results = own_postgres.new_database().replace("postgresql", "db+postgresql+psycopg")
    options = (f"--history={own_postgres.new_database()}",)
    dashboard = start_dashboard(own_redis.url, results, options=options)
    uuid = heard_task(dashboard, own_redis.url)
    with frozen(own_redis, own_postgres):
        yield dashboard, uuid


def test_no_route_and_no_timer_holds_up_the_loop(silent: tuple[Dashboard, str]) -> None:
    """Each is asked while broker, history and result backend accept and are silent."""
    dashboard, uuid = silent
    reads = [route.example for route in SURFACE if "GET" in route.methods]
    paths = [path.replace("some-id", uuid) for path in reads if path != "/stream"]
    statuses: dict[str, int] = {}
    is_over = threading.Event()

    def ask(path: str) -> None:
        with contextlib.suppress(OSError):  # what waits for longer is cut off
            statuses[path] = dashboard.ask(path, timeout_s=SILENT_S).status

    with Prober(dashboard) as prober, ThreadPoolExecutor(len(paths)) as clients:
        asked = [clients.submit(ask, path) for path in paths]
        is_over.wait(SILENT_S)
        for one in asked:
            one.result()

    assert prober.longest_s < MOST_S
    assert set(statuses.values()) <= ANSWERS, statuses
    tells_that_the_history_is_silent(dashboard)


def tells_that_the_history_is_silent(dashboard: Dashboard) -> None:
    """Assert that probes, pages and metrics agree, and that nobody blames the disk."""
    page = dashboard.ask("/workers").text
    assert dashboard.ask("/readyz").json()["store"]["ok"] is False
    assert "flower_ng_store_failing 1.0" in dashboard.ask("/metrics").text
    assert "The history cannot be written: no answer for more than 5 s" in page
    assert "Check PostgreSQL and the network" in page
    assert "disk" not in page
