"""Several broker URLs: what is at the one that the workers are at, and at no other."""

import contextlib
import html
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import kombu
import pytest

from tests.brokers.places import Sentinel
from tests.services import Dashboard, Redis, free_port, running, wait_until

pytestmark = pytest.mark.live


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Redis, Redis]]:
    """Two Redis servers, of which only the second one runs."""
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    first, second = map(Redis, folders)
    with running(second):
        yield first, second
        first.stop()


def fill(server: Redis, queue: str, count: int) -> None:
    with kombu.Connection(server.url) as connection, connection.SimpleQueue(queue) as simple:
        for number in range(count):
            simple.put({"number": number})


def lengths(dashboard: Dashboard) -> dict[str, int]:
    rows = dashboard.get("/api/queues/length")["active_queues"]
    return {row["name"]: row["messages"] for row in rows}


def is_connected(dashboard: Dashboard) -> bool:
    return bool(dashboard.get("/api/connection")["connected"])


@pytest.mark.parametrize("form", ["joined", "list"])
def test_queues_commands_and_tasks_are_at_the_server_of_the_events(
    two: tuple[Redis, Redis], start_dashboard: Callable, start_worker: Callable, form: str
) -> None:
    first, second = two
    urls = f"{first.url};{second.url}"
    env = {"SHOP_QUEUE": "shop"}
    if form == "list":
        env["SHOP_CONF"] = json.dumps({"broker_url": [first.url, second.url]})
    start_worker(urls, env=env, options=("-P", "solo", "-Q", "elsewhere"))
    dashboard = start_dashboard(urls, env=env, options=("--inspect_timeout=2000",))
    wait_until(lambda: is_connected(dashboard), 15)
    fill(second, "shop", 11)
    first.start()
    fill(first, "shop", 7)

    workers = wait_until(lambda: dashboard.get("/api/workers", refresh=1), 15)
    assert [record["active_queues"][0]["name"] for record in workers.values()] == ["elsewhere"]
    (name,) = workers
    added = dashboard.post(f"/api/worker/queue/add-consumer/{name}", queue="more")
    assert added.status == 200, added.text
    sent = dashboard.post("/api/task/send-task/tests.shop.add", {"args": [1, 2]})
    assert sent.status == 200
    with kombu.Connection(second.url) as connection, connection.SimpleQueue("shop") as queue:
        assert queue.qsize() == 12
    with kombu.Connection(first.url) as connection, connection.SimpleQueue("shop") as queue:
        assert queue.qsize() == 7

    page = html.unescape(dashboard.ask("/broker").text)
    assert f"redis://127.0.0.1:{second.port}/0" in page
    assert f"redis://127.0.0.1:{first.port}/0" not in page
    wait_until(lambda: queue_numbers(dashboard).get("shop") == 12, 15)


def queue_numbers(dashboard: Dashboard) -> dict[str, float]:
    """What the metrics tell of each queue."""
    lines = dashboard.ask("/metrics").text.splitlines()
    found = [line for line in lines if line.startswith("flower_ng_queue_length{")]
    return {line.split('"')[1]: float(line.split()[-1]) for line in found}


def test_while_no_events_come_the_first_that_answers_is_asked_and_nothing_is_deleted(
    two: tuple[Redis, Redis], start_dashboard: Callable
) -> None:
    first, second = two
    dashboard = start_dashboard(f"{first.url};{second.url}")
    wait_until(lambda: is_connected(dashboard), 15)
    fill(second, "celery", 3)
    assert lengths(dashboard) == {"celery": 3}

    second.stop()
    wait_until(lambda: not is_connected(dashboard), 20)
    answer = dashboard.post("/api/queues/clean")
    assert answer.status == 503
    first.start()
    wait_until(lambda: is_connected(dashboard), 40)
    assert lengths(dashboard) == {"celery": 0}


@contextlib.contextmanager
def deaf() -> Iterator[int]:
    """A port that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("kind", ["down", "deaf"])
def test_a_sentinel_that_is_away_holds_up_no_command(
    redis_server: Redis,
    redis_url: str,
    tmp_path: Path,
    start_dashboard: Callable,
    start_worker: Callable,
    kind: str,
) -> None:
    assert redis_url
    with running(Sentinel(tmp_path, redis_server)) as sentinel, deaf() as silent:
        first = free_port() if kind == "down" else silent
        alive = f"sentinel://127.0.0.1:{sentinel.port}/0"
        conf = json.dumps({"broker_transport_options": {"master_name": "flowers"}})
        worker = start_worker(alive, env={"SHOP_CONF": conf}, options=("-P", "solo"))
        dashboard = start_dashboard(
            f"sentinel://127.0.0.1:{first}/0;{alive};sentinel://127.0.0.1:{first}/0",
            env={"SHOP_CONF": conf},
        )
        wait_until(lambda: is_connected(dashboard), 15)

        began = time.monotonic()
        answer = dashboard.ask(f"/api/workers?refresh=1&workername={worker.hostname}")
        took_s = time.monotonic() - began
        assert worker.hostname in answer.json(), answer.text
        assert took_s < 3
        told = dashboard.post(f"/api/worker/queue/add-consumer/{worker.hostname}", queue="more")
        assert told.status == 200, told.text
