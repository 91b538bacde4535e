"""Two sites: `client` asks one over a fake cluster, `real` is the dashboard as users start it.

The cluster is fake so that every answer of Celery, of a worker and of the broker can be had at
will; the site, its routes and its sockets are real in both.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from flower_ng.monitor.records import Worker as WorkerRecord
from flower_ng.web.guard import Door
from flower_ng.web.routes import application
from flower_ng.web.services import Services
from tests.services import Dashboard, Redis, Worker, running, wait_until

WORKER = "w1@box"


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def type(self) -> str:
        return self.headers.get("Content-Type", "")

    def json(self) -> Any:
        return json.loads(self.text)


class Recorder:
    """Stands in for Control, Inspector, Publisher and Broker: keeps the calls, answers as told.

    An answer that is an exception is raised; a callable is awaited.
    """

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
    workers: dict[str, WorkerRecord] = field(default_factory=lambda: {WORKER: WorkerRecord(WORKER)})
    types: tuple[str, ...] = ()
    alive: tuple[str, ...] = (WORKER,)

    def is_alive(self, worker: WorkerRecord) -> bool:
        return worker.hostname in self.alive

    def known_types(self) -> list[str]:
        return list(self.types)


class FakeInspector(Recorder):
    workers: dict[str, Any]


class FakePublisher(Recorder):
    tasks = ("shop.add",)

    def registered(self, name: str) -> bool:
        return name in self.tasks


class FakeCluster:
    """As much of a cluster as the API asks."""

    app_name = "shop"
    capp = None

    def __init__(self) -> None:
        self.state = FakeState()
        self.inspector = FakeInspector(inspect={})
        self.inspector.workers = {}
        self.control = Recorder()
        self.publisher = FakePublisher()
        self.broker = Recorder(queues=[{"name": "celery", "messages": 3}])
        self.events = SimpleNamespace(add_listener=lambda _callback: None)

    def queue_names(self) -> list[str]:
        return ["celery"]


class Client:
    """Asks the site; keeps nothing."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.http = AsyncHTTPClient(force_instance=True)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        request = HTTPRequest(
            f"http://127.0.0.1:{self.port}{path}",
            method,
            headers,
            body,
            allow_nonstandard_methods=True,
            follow_redirects=False,
            request_timeout=10,
        )
        answer = await self.http.fetch(request, raise_error=False)
        return Answer(answer.code, answer.headers, (answer.body or b"").decode())

    async def get(self, path: str, **arguments: Any) -> Answer:
        return await self.ask("GET", f"{path}?{urlencode(arguments)}" if arguments else path)

    async def post(self, path: str, **form: Any) -> Answer:
        content_type = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.ask("POST", path, urlencode(form), **content_type)

    async def publish(self, path: str, body: Any) -> Answer:
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        return await self.ask("POST", path, text)


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def read_only() -> bool:
    return False


@pytest.fixture
async def client(cluster, read_only):
    """The site, served; its API open."""
    options: Any = SimpleNamespace(debug=False, cookie_secret="secret")
    assets: Any = SimpleNamespace(templates="templates", static="static", digest="x")
    services = Services(
        cluster,  # type: ignore[arg-type]  # fake, see above
        options,
        Door(environ={"FLOWER_UNAUTHENTICATED_API": "true"}, read_only=read_only),
        assets,
        prefix="",
        version="0",
        clock=lambda: 1000.0,
        new_id=lambda: "id",
    )
    site = application(services)
    server = HTTPServer(site)
    socket, port = bind_unused_port()
    server.add_socket(socket)
    client = Client(port)
    yield client
    client.http.close()
    server.stop()
    await server.close_all_connections()
    site.close()


@dataclass(frozen=True)
class RealSite:
    """A dashboard with an open API, and the one worker that it has seen."""

    dashboard: Dashboard
    worker: str


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
        yield RealSite(dashboard, worker.hostname)
