"""What tasks tell of themselves comes from real workers to the page and the API."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery

from tests.live.conftest import Cluster
from tests.services import Dashboard, Redis, Worker, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("reports")]

CONF = {"SHOP_CONF": json.dumps({"imports": ["tests.reporting_tasks"]})}


@pytest.fixture(scope="module")
def dashboard(redis_server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    url = redis_server.url
    made = Dashboard(tmp_path_factory.mktemp("reports"), url, url)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module", params=["prefork", "threads"])
def cluster(
    request: pytest.FixtureRequest,
    redis_server: Redis,
    dashboard: Dashboard,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cluster]:
    pool, url = request.param, redis_server.url
    folder = tmp_path_factory.mktemp(pool)
    worker = Worker(folder, url, url, name=pool, options=("-P", pool, "-c", "3"), env=CONF)
    app = Celery(broker=url, backend=url, set_as_current=False)
    worker.start()
    try:
        yield Cluster("redis", app, worker, dashboard)
    finally:
        worker.kill()
        app.close()


def details(cluster: Cluster, uuid: str, key: str) -> dict[str, Any]:
    """Wait until the details of a task have something under a key; return them."""

    def told() -> Any:
        answer = cluster.dashboard.ask(f"/api/task/details/{uuid}")
        return answer.status == 200 and answer.json()[key] and answer.json()

    return dict(wait_until(told, 20, f"{uuid} has {key}"))


def test_the_documented_task_tells_its_progress_and_its_lines(cluster: Cluster) -> None:
    name = "tests.reporting_tasks.resize"
    sent = cluster.app.send_task(name, (["a.png", "b.txt"],))
    cluster.seen(sent.id, "SUCCESS")
    told = details(cluster, sent.id, "log")

    assert (told["progress"]["current"], told["progress"]["total"]) == (2, 2)
    assert [(line["level"], line["message"]) for line in told["log"]] == [
        ("WARNING", "b.txt is no picture")
    ]
    assert "b.txt is no picture" in cluster.dashboard.ask(f"/task/{sent.id}").text


def test_a_running_task_has_a_pace_and_hides_its_secrets(cluster: Cluster) -> None:
    sent = cluster.app.send_task("tests.reporting_tasks.slow", ("event",))
    told = details(cluster, sent.id, "log")
    progress, page = told["progress"], cluster.dashboard.ask(f"/task/{sent.id}").text

    assert (progress["current"], progress["message"]) == (30, "password=[redacted]")
    assert 20 < progress["per_s"] < 60
    assert progress["left_s"] < 4 or progress["note"]
    assert (told["log"][0]["level"], told["state"]) == ("WARNING", "PROGRESS")
    assert "30 %" in page
    assert "hunter22" not in page
    assert "30 %</small>" in cluster.dashboard.ask("/tasks").text


def test_a_state_in_the_result_backend_gives_a_bar(cluster: Cluster) -> None:
    sent = cluster.app.send_task("tests.reporting_tasks.slow", ("state",))
    details(cluster, sent.id, "log")

    def has_bar() -> bool:
        progress = details(cluster, sent.id, "progress")["progress"]
        return (progress["source"], progress["current"]) == ("result backend", 30)

    wait_until(has_bar, 10, "the result backend is asked")
