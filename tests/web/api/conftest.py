"""Two sites: `client` asks one over a fake cluster, `real` is the dashboard as users start it.

The cluster is fake so that every answer of Celery, of a worker and of the broker can be had at
will; the site, its routes and its sockets are real in both.
"""

import json
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from json import dumps
from typing import Any
from urllib.parse import urlencode

import pytest

from flower_ng.monitor.remote.worker_answer import WorkerAnswer
from flower_ng.monitor.state.presence import Presence
from flower_ng.records import Worker as WorkerRecord
from tests.services import Dashboard, Rabbit, Redis, Worker, running, wait_until
from tests.web.site import FORM, OPEN_API, Answer, Client, FakeCluster

WORKER = "w1@box"


class Recorder:
    """Stands in for Control, Inspector, Publisher, Broker, Store: keeps the calls, answers as told.

    An answer that is an exception is raised; a callable is awaited.
    """

    #: Of a Store that has written all.
    lag_s = 0.0

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            self.calls.append((name, *args))
            answer = self.answers.get(name, f"{name} done")
            if isinstance(answer, Exception):
                raise answer
            return await answer() if callable(answer) else answer

        return call


@dataclass
class FakeState:
    workers: dict[str, WorkerRecord] = field(default_factory=lambda: {WORKER: alive()})
    types: tuple[str, ...] = ()
    tasks: dict[str, Any] = field(default_factory=dict)

    def known_types(self) -> list[str]:
        return list(self.types)


def alive() -> WorkerRecord:
    """Return a worker that was heard just now."""
    now = time.time()
    return WorkerRecord(WORKER, heartbeats=(now,), heard_at=now, beat_at=now)


class FakeInspector(Recorder):
    workers: dict[str, Any]

    @property
    def told(self) -> dict[str, WorkerAnswer]:
        return {name: WorkerAnswer.of(record) for name, record in self.workers.items()}


class FakePublisher(Recorder):
    tasks = ("shop.add",)

    def registered(self, name: str) -> bool:
        return name in self.tasks


class FakeApiCluster(FakeCluster):
    """As much of a cluster as the API asks."""

    def __init__(self) -> None:
        super().__init__()
        self.state = FakeState()
        connection = self.events.connection
        self.presence = Presence(self.state, lambda: connection, None, time.time)
        self.inspector = FakeInspector(inspect={})
        self.inspector.workers = {}
        self.control = Recorder()
        self.publisher = FakePublisher()
        self.broker = Recorder(queues=[{"name": "celery", "messages": 3}])
        self.store: Any = Recorder()
        self.store.record = self.recorded.append

    def queue_names(self) -> list[str]:
        return ["celery"]


class Api:
    """Asks as scripts do: arguments in the query or in a form, messages as JSON."""

    def __init__(self, client: Client) -> None:
        self.port, self.ask = client.port, client.ask

    async def get(self, path: str, **arguments: Any) -> Answer:
        return await self.ask("GET", f"{path}?{urlencode(arguments)}" if arguments else path)

    async def post(self, path: str, **form: Any) -> Answer:
        return await self.ask("POST", path, FORM, urlencode(form))

    async def publish(self, path: str, body: Any) -> Answer:
        return await self.ask("POST", path, body=body if isinstance(body, str) else dumps(body))


@pytest.fixture
def cluster() -> FakeApiCluster:
    return FakeApiCluster()


@pytest.fixture
def read_only() -> bool:
    return False


@pytest.fixture
async def client(serve, cluster, read_only) -> Api:
    """The site, served; its API open."""
    return Api(serve(cluster=cluster, environ=OPEN_API, read_only=read_only))


@dataclass(frozen=True)
class RealSite:
    """A dashboard with an open API, and the one worker that it has seen, by its name."""

    dashboard: Dashboard
    worker: str
    process: Worker


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSite]:
    """The real dashboard over a Redis and a worker of the module's own."""
    folder = tmp_path_factory.mktemp("real")
    with (
        running(Redis(folder)) as redis,
        running(Dashboard(folder, redis.url, redis.url)) as dashboard,
        running(Worker(folder, redis.url, redis.url)) as worker,
    ):
        wait_until(lambda: dashboard.get("/api/workers", status=1), what="the worker is seen")
        yield RealSite(dashboard, worker.hostname, worker)


@dataclass(frozen=True)
class BrokeredSite:
    """A dashboard over a broker; of its two workers that of queue `kept` keeps arguments."""

    dashboard: Dashboard
    broker: Redis | Rabbit


@pytest.fixture(scope="session", params=[Redis, Rabbit], ids=["redis", "rabbitmq"])
def brokered(request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokeredSite]:
    """Real brokers, one after the other, for all modules of the group `brokered`."""
    folder = tmp_path_factory.mktemp("brokered")
    is_rabbit = request.param is Rabbit
    extended = {"SHOP_CONF": json.dumps({"result_extended": True})}
    keeping = ("-P", "threads", "-c", "1", "-Q", "kept")
    with (
        running(Redis(folder)) as backend,
        running(Rabbit(folder)) if is_rabbit else nullcontext(backend) as broker,
        running(
            Dashboard(
                folder,
                broker.url,
                backend.url,
                (f"--broker_api={broker.management_url}",) if is_rabbit else (),
            )
        ) as dashboard,
        running(Worker(folder, broker.url, backend.url)),
        running(Worker(folder, broker.url, backend.url, "kept", keeping, extended)),
    ):
        wait_until(lambda: len(dashboard.get("/api/workers", status=1)) == 2, what="both are seen")
        wait_until(lambda: len(dashboard.get("/api/workers", refresh=1)) == 2, what="both answer")
        yield BrokeredSite(dashboard, broker)
