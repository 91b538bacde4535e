"""Many tasks are run again, each once: with real workers, and over a kill -9 of the dashboard."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.services import Dashboard, Redis, Worker, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live-redis")]
RECEIVED = re.compile(r"Task tests\.shop\.\w+\[([0-9a-f-]+)\] received")


@dataclass
class Place:
    """A broker of its own, a worker that runs the queue, a dashboard that keeps its history."""

    dashboard: Dashboard
    workers: list[Worker]

    def send(self, task: str, number: int) -> list[str]:
        """Send so many tasks, and return their ids once all have ended."""
        path = f"/api/task/send-task/tests.shop.{task}"
        bodies = ({"args": [n, 1] if task == "add" else [f"no {n}"]} for n in range(number))
        ids = [self.dashboard.post(path, body).json()["task-id"] for body in bodies]
        state = "SUCCESS" if task == "add" else "FAILURE"
        wait_until(lambda: self.ended(ids, state), 30, "all have ended")
        return ids

    def ended(self, ids: list[str], state: str) -> bool:
        found = self.dashboard.get("/api/tasks", state=state, limit=100_000)
        return set(ids) <= found.keys()

    def begin(self, action: str = "rerun", **given: Any) -> str:
        answer = self.dashboard.post(f"/api/batches/{action}", **given)
        assert answer.status == 200, answer.text
        return str(answer.json()["batch"])

    def batch(self, batch: str, **query: Any) -> dict[str, Any]:
        return dict(self.dashboard.get(f"/api/batches/{batch}", **query))

    def post(self, deed: str, batch: str, **form: Any) -> Any:
        return self.dashboard.post(f"/api/batches/{deed}/{batch}", **form)

    def reached(self, batch: str, state: str, timeout_s: float = 30.0) -> dict[str, Any]:
        def found() -> Any:
            told = self.batch(batch, limit=1000)
            return told if told["state"] == state else None

        return dict(wait_until(found, timeout_s, f"the batch is {state}"))

    def received(self) -> Counter[str]:
        """Return how often each task came to a worker, by the workers' own logs."""
        return Counter(RECEIVED.findall("\n".join(one.output() for one in self.workers)))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, redis_server: Redis) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("batches")
    url = redis_server.url.replace("/0", "/7")
    options = ("--persistent", f"--db={folder}/kept", "--inspect_timeout=2000")
    worker = Worker(folder, url, options=("-P", "threads", "-c", "2"))
    dashboard = Dashboard(folder, url, options=options)
    try:
        worker.start()
        dashboard.start()
        wait_until(lambda: dashboard.get("/api/workers", refresh=1), 20, "the worker is seen")
        yield Place(dashboard, [worker])
    finally:
        dashboard.stop()
        worker.stop()


def test_a_batch_goes_on_after_kill_9_and_sends_nothing_twice(place):
    ids = place.send("add", 60)
    query = {"all": "true", "search": "name:=tests.shop.add"}
    review = place.dashboard.post("/api/batches/rerun?dry_run=1", **query).json()
    assert (review["count"], review["preflight"]) == (60, "needs your eye")
    assert "60 tasks succeeded" in " ".join(review["cautions"])

    batch = place.begin(**query, rate=30, digest=review["digest"])
    assert (
        place.dashboard.post("/api/batches/rerun", **query, digest=review["digest"]).status == 409
    )
    wait_until(lambda: place.batch(batch)["counts"]["done"] >= 15, 20, "it is under way")
    place.dashboard.kill()
    place.dashboard.start()

    found = place.batch(batch, limit=1000)
    assert (found["state"], found["why"]) == ("paused", "The dashboard ended while it ran")
    assert found["counts"]["unknown"] <= 1
    assert place.post("resume", batch).status == 200
    ended = place.reached(batch, "ended")

    outcomes = Counter(item["outcome"] for item in ended["items"])
    assert outcomes["done"] + outcomes["unknown"] == 60
    assert sorted(item["task"] for item in ended["items"]) == sorted(ids)
    sent = [item["task-id"] for item in ended["items"] if item["outcome"] == "done"]
    unknown = [item["task-id"] for item in ended["items"] if item["outcome"] == "unknown"]
    wait_until(lambda: set(sent) <= place.received().keys(), 20, "what was sent has come")
    received = place.received()
    assert set(received) <= {*ids, *sent, *unknown}
    assert max(received.values()) == 1
    assert place.post("resume", batch).status == 409
