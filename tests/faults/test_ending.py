"""SIGTERM ends the dashboard within seconds, whatever server does not answer."""

import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.faults.freezing import frozen, heard_task
from tests.services import Dashboard, Postgres, Process, Rabbit, Redis

pytestmark = pytest.mark.live

#: The promise is 5 s; what waits for a frozen server lasts until it is thawed.
MOST_S = 15.0


def ended(dashboard: Dashboard, *servers: Process) -> tuple[float, int]:
    """Freeze servers, have threads wait for them, end the dashboard; return seconds and code."""
    paths = ("/api/task/result/7", "/api/workers?refresh=1", "/api/queues/length", "/tasks")
    with frozen(*servers):
        asking = [threading.Thread(target=quietly, args=(dashboard, path)) for path in paths]
        for one in asking:
            one.start()
        time.sleep(1)  # until they wait for what does not answer
        began = time.monotonic()
        dashboard.process.send_signal(signal.SIGTERM)
        try:
            code = dashboard.process.wait(4 * MOST_S)
        except subprocess.TimeoutExpired:
            pytest.fail(f"not within {4 * MOST_S} s: {dashboard.output()}")
        took_s = time.monotonic() - began
    for one in asking:
        one.join()
    return took_s, code


def quietly(dashboard: Dashboard, path: str) -> None:
    with suppress(OSError, ValueError):
        dashboard.ask(path)


def kept(path: Path) -> set[str]:
    """Return the ids of the tasks in a history."""
    with closing(sqlite3.connect(f"{path}.sqlite3")) as connection:
        return {uuid for (uuid,) in connection.execute("SELECT uuid FROM task")}


@pytest.mark.faults
def test_with_a_frozen_redis(
    own_redis: Redis, tmp_path: Path, start_dashboard: Callable[..., Dashboard]
) -> None:
    options = ("--persistent", f"--db={tmp_path / 'db'}")
    dashboard = start_dashboard(own_redis.url, own_redis.url, options=options)
    uuid = heard_task(dashboard, own_redis.url)

    took_s, code = ended(dashboard, own_redis)

    assert (took_s < MOST_S, code) == (True, 0), dashboard.output()
    assert uuid in kept(tmp_path / "db")


@pytest.mark.faults
def test_with_a_frozen_result_backend(
    own_redis: Redis,
    own_postgres: Postgres,
    tmp_path: Path,
    start_dashboard: Callable[..., Dashboard],
) -> None:
    options = ("--persistent", f"--db={tmp_path / 'db'}")
    results = own_postgres.new_database().replace("postgresql", "db+postgresql+psycopg")
    dashboard = start_dashboard(own_redis.url, results, options=options)
    uuid = heard_task(dashboard, own_redis.url)

    took_s, code = ended(dashboard, own_postgres)

    assert (took_s < MOST_S, code) == (True, 0), dashboard.output()
    assert uuid in kept(tmp_path / "db")


def test_with_a_frozen_history(
    own_redis: Redis, own_postgres: Postgres, start_dashboard: Callable[..., Dashboard]
) -> None:
    options = (f"--history={own_postgres.new_database()}",)
    dashboard = start_dashboard(own_redis.url, options=options)
    heard_task(dashboard, own_redis.url)

    took_s, code = ended(dashboard, own_postgres)

    assert (took_s < MOST_S, code) == (True, 1), dashboard.output()
    assert "a server does not answer" in dashboard.output()


@pytest.mark.faults
@pytest.mark.xdist_group("rabbit")
def test_with_a_frozen_rabbitmq(
    rabbit: Rabbit, tmp_path: Path, start_dashboard: Callable[..., Dashboard]
) -> None:
    options = ("--persistent", f"--db={tmp_path / 'db'}")
    dashboard = start_dashboard(rabbit.url, options=options)
    uuid = heard_task(dashboard, rabbit.url)

    took_s, code = ended(dashboard, rabbit)

    assert (took_s < MOST_S, code) == (True, 0), dashboard.output()
    assert uuid in kept(tmp_path / "db")
