"""A server that accepts and is silent delays what needs it, and nothing else."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.freezing import Metered, frozen, heard_task
from tests.house.surface import SURFACE
from tests.services import Dashboard, Postgres, Rabbit, Redis, running, wait_until

pytestmark = pytest.mark.live

#: How long all that can be asked is asked, and timers run, while nothing answers.
SILENT_S = 10.0
#: What the loop may be held by one callback; the wait for a processor is not its own.
MOST_S = 0.1

#: A form of a page that nothing vouches for is answered with 403.
ANSWERS = frozenset({200, 302, 303, 400, 403, 404, 409, 503, 504})
#: What ends a session is no question, and a stream has no end.
LEFT_OUT = ("/stream", "/logout", "/do/sessions/end", "/api/sessions/end")
OPTIONS = ("--problems_interval=0.3", "--problems_hold=0.3", "--problems_quiet_start=0")


@pytest.fixture
def webhook() -> Iterator[str]:
    """The URL of a receiver of notices that accepts and is silent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


@pytest.fixture(
    params=[
        pytest.param("redis", marks=pytest.mark.xdist_group("live-redis")),
        pytest.param("rabbitmq", marks=[pytest.mark.faults, pytest.mark.xdist_group("rabbit")]),
    ]
)
def broker(request: pytest.FixtureRequest) -> Redis | Rabbit:
    server: Redis | Rabbit = request.getfixturevalue(
        {"redis": "own_redis", "rabbitmq": "rabbit"}[request.param]
    )
    return server


@pytest.fixture
def silent(
    broker: Redis | Rabbit, own_postgres: Postgres, webhook: str, tmp_path: Path
) -> Iterator[tuple[Metered, str]]:
    """A dashboard with a task of which broker, history, results and webhook fell silent."""
    results = own_postgres.new_database().replace("postgresql", "db+postgresql+psycopg")
    options = (*OPTIONS, f"--history={own_postgres.new_database()}", f"--webhook_url={webhook}")
    if isinstance(broker, Rabbit):
        options = (*options, f"--broker_api={broker.management_url}")
    with running(Metered(tmp_path, broker.url, results, options=options)) as dashboard:
        uuid = heard_task(dashboard, broker.url)
        with frozen(broker, own_postgres):
            yield dashboard, uuid


def test_no_route_and_no_timer_holds_up_the_loop(silent: tuple[Metered, str]) -> None:
    """Each is asked while broker, history, result backend and webhook accept and are silent."""
    dashboard, uuid = silent
    asked = [
        (method, route.example.replace("some-id", uuid))
        for route in SURFACE
        for method in route.methods
        if route.example not in LEFT_OUT
    ]
    statuses: dict[tuple[str, str], int] = {}
    is_over = threading.Event()
    before = len(dashboard.stalls())

    def ask(method: str, path: str) -> None:
        body = b"" if method == "POST" else None
        with contextlib.suppress(OSError):  # what waits for longer is cut off
            statuses[method, path] = dashboard.ask(path, method, body, timeout_s=SILENT_S).status

    with ThreadPoolExecutor(len(asked)) as clients:
        waiting = [clients.submit(ask, *one) for one in asked]
        is_over.wait(SILENT_S)
        for one in waiting:
            one.result()

    held = [stall for stall in dashboard.stalls()[before:] if stall.own_s > MOST_S]
    assert not held
    assert len(statuses) > len(asked) / 3
    assert set(statuses.values()) <= ANSWERS, statuses
    tells_that_the_history_is_silent(dashboard)


def tells_that_the_history_is_silent(dashboard: Dashboard) -> None:
    """Assert that probes, pages and metrics agree, and that nobody blames the disk."""
    wait_until(lambda: dashboard.ask("/readyz").json()["store"]["ok"] is False, 10, "it is told")
    page = dashboard.ask("/workers").text
    assert "flower_ng_store_failing 1.0" in dashboard.ask("/metrics").text
    assert "The history cannot be written: no answer for more than 5 s" in page
    assert "Check PostgreSQL and the network" in page
    assert "disk" not in page
