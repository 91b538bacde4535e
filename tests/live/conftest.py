"""A whole small cluster on each broker: broker, prefork worker, dashboard with an open API."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from celery import Celery

from tests.services import Dashboard, Rabbit, Redis, Worker, wait_until

BROKERS = (
    pytest.param("redis", marks=pytest.mark.xdist_group("live-redis")),
    pytest.param("rabbitmq", marks=pytest.mark.xdist_group("rabbit")),
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a live test works with."""

    kind: str
    app: Celery
    worker: Worker
    dashboard: Dashboard

    def seen(self, task_id: str, state: str, timeout_s: float = 15.0) -> dict[str, Any]:
        """Wait until the dashboard shows the task in that state; return its record."""

        def record() -> dict[str, Any] | None:
            answer = self.dashboard.ask(f"/api/task/info/{task_id}")
            found = answer.json() if answer.status == 200 else {}
            return found if found.get("state") == state else None

        return wait_until(record, timeout_s, f"{task_id} is {state}")

    def inspected(self) -> dict[str, Any]:
        """Return what the worker says of itself now."""
        records = self.dashboard.get("/api/workers", refresh=1, workername=self.worker.hostname)
        return records[self.worker.hostname]

    def slots(self) -> int:
        """Return how many processes the pool has; `max-concurrency` does not move."""
        return len(self.inspected()["stats"]["pool"]["processes"])

    def known_slots(self) -> int:
        """Return how many the dashboard believes it has, without asking."""
        records = self.dashboard.get("/api/workers", workername=self.worker.hostname)
        return len(records[self.worker.hostname]["stats"]["pool"]["processes"])


@pytest.fixture(params=BROKERS, scope="module")
def broker_kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def cluster(
    broker_kind: str,
    redis_server: Redis,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cluster]:
    """Start broker, worker and dashboard once for a module's tests on one broker."""
    broker: Redis | Rabbit = redis_server
    if broker_kind == "rabbitmq":
        broker = request.getfixturevalue("rabbit")
    yield from started(broker_kind, broker, redis_server.url, tmp_path_factory.mktemp(broker_kind))


def started(kind: str, broker: Redis | Rabbit, backend: str, folder: Any) -> Iterator[Cluster]:
    """Yield a cluster on a running broker; end its worker and dashboard after."""
    options = ("--inspect_timeout=2000",)
    if isinstance(broker, Rabbit):
        options += (f"--broker_api={broker.management_url}",)
    worker = Worker(folder, broker.url, backend, name=kind)
    dashboard = Dashboard(folder, broker.url, backend, options)
    try:
        worker.start()
        dashboard.start()
        app = Celery(broker=broker.url, set_as_current=False)
        app.conf.task_send_sent_event = True
        cluster = Cluster(kind, app, worker, dashboard)
        hears = lambda: dashboard.get("/api/connection")["connected"]  # noqa: E731
        wait_until(hears, 20, "the dashboard hears events")
        wait_until(lambda: alive(cluster), 20, "the worker is seen online")
        yield cluster
    finally:
        dashboard.stop()
        worker.stop()


def alive(cluster: Cluster) -> bool:
    """Say whether the dashboard shows the worker as online."""
    statuses = cluster.dashboard.get("/api/workers", status=1)
    return bool(statuses.get(cluster.worker.hostname))
