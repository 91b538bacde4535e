"""A worker with the gevent pool: what each command does there, as the worker itself tells."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from celery import Celery
from celery.result import AsyncResult

from tests.services import Dashboard, Redis, Worker, running, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("ends")]
#: Starts it in a Python of its own: gevent's patches come before all else.
UNFORKED = {"PYTHONUNBUFFERED": "1"}


@dataclass
class Green:
    """The worker, its dashboard, and an app to ask it."""

    worker: Worker
    dashboard: Dashboard
    app: Celery

    def steer(self, command: str, **given: Any) -> Any:
        return self.dashboard.post(f"/api/worker/pool/{command}/{self.worker.hostname}", **given)

    def ask(self, method: str) -> Any:
        inspect = self.app.control.inspect([self.worker.hostname], timeout=10, limit=1)
        return getattr(inspect, method)()[self.worker.hostname]

    def send(self, seconds: float, **options: Any) -> str:
        body = {"args": [seconds], "queue": "green", **options}
        answer = self.dashboard.post("/api/task/send-task/tests.shop.sleep", body)
        return str(answer.json()["task-id"])

    def reached(self, uuid: str, state: str) -> None:
        found = lambda: self.dashboard.get("/api/tasks", state=state).get(uuid)  # noqa: E731
        wait_until(found, what=f"it is {state}")


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory, redis_server: Redis) -> Iterator[Green]:
    folder, url = tmp_path_factory.mktemp("green"), redis_server.url.replace("/0", "/9")
    options = ("-P", "gevent", "-c", "2", "-Q", "green")
    worker = Worker(folder, url, url, "green", options, UNFORKED)
    dashboard = Dashboard(folder, url, url)
    app = Celery(broker=url, backend=url, set_as_current=False)
    with running(worker), running(dashboard), app:
        told = lambda: "gevent" in str(dashboard.get("/api/workers", refresh=1))  # noqa: E731
        wait_until(told, 20, "the worker has told its pool")
        yield Green(worker, dashboard, app)


def test_its_pool_grows_and_shrinks_and_refuses_the_rest_in_one_sentence(green):
    slots = lambda: green.ask("stats")["pool"]["max-concurrency"]  # noqa: E731
    assert (green.steer("grow", n=2).status, slots()) == (200, 4)
    assert (green.steer("shrink", n=1).status, slots()) == (200, 3)

    scaled, restarted = green.steer("autoscale", min=1, max=5), green.steer("restart")

    assert (scaled.status, "Autoscale not enabled" in scaled.text) == (403, True)
    assert (restarted.status, restarted.text.partition(": ")[2]) == (
        403,
        "the gevent pool has no processes to restart: restart the worker itself",
    )
    assert slots() == 3


def test_it_drops_what_is_revoked_and_ends_what_is_terminated(green):
    running_one, waiting = green.send(60), green.send(60, countdown=3)
    green.reached(running_one, "STARTED")
    green.reached(waiting, "RECEIVED")
    assert len(green.dashboard.post(f"/api/task/revoke/{waiting}").json()["acknowledged"]) == 1

    path = f"/api/task/revoke/{running_one}?terminate=1"
    review = green.dashboard.post(f"{path}&dry_run=1").json()
    assert "the gevent pool has no process to send SIGTERM to" in review["effect"]

    told = green.dashboard.post(path).json()

    assert told["acknowledged"] == [green.worker.hostname]
    green.reached(waiting, "REVOKED")  # by then also the success has come that Celery tells
    green.reached(running_one, "REVOKED")
    assert AsyncResult(running_one, app=green.app).state == "REVOKED"
    events = green.dashboard.get(f"/api/task/details/{running_one}")["events"]
    assert [event["type"] for event in events][-2:] == ["revoked", "succeeded"]
    assert green.ask("active") == []
    assert green.dashboard.get("/api/tasks", state="SUCCESS") == {}
