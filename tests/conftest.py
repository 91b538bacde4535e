"""Fixtures that every room of the tests may use; the services themselves are in services.py."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, settings

from tests.services import Dashboard, Postgres, Rabbit, Redis, Worker, running

# A busy machine is slow, and that is no finding.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("soak", settings.get_profile("house"), max_examples=1000)
settings.load_profile("house")


#: What one process has to run alone and takes minutes, the longest first.
LONGEST = ("outages", "live-redis", "ends", "rabbit", "browser", "yard", "interrupted")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the outages, which mostly wait, and with what one process has to run alone.

    What any process may run comes last, so that all have something to do until the end.
    """

    def turn(item: pytest.Item) -> int:
        alone = item.get_closest_marker("xdist_group")
        if alone is None:
            return len(LONGEST) + 1
        return LONGEST.index(alone.args[0]) if alone.args[0] in LONGEST else len(LONGEST)

    items.sort(key=turn)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """One Redis for the whole session; `redis_url` hands out an emptied database of it."""
    with running(Redis(tmp_path_factory.mktemp("redis"))) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: Redis) -> str:

    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def own_redis(tmp_path: Any) -> Iterator[Redis]:
    """A Redis of the test's own, to kill and start again."""
    with running(Redis(tmp_path)) as server:
        yield server


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One PostgreSQL for the session; `new_database()` gives a test its own."""
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    with running(server):
        yield server
    server.remove()


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def history(request: pytest.FixtureRequest) -> str:
    """What `Store(history=…)` takes, once for each kind of database: nothing, or a URL."""
    if request.param == "SQLite":
        return ""
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def own_postgres(tmp_path: Any) -> Iterator[Postgres]:
    """A PostgreSQL of the test's own, to stop and start again."""
    server = Postgres(tmp_path)
    with running(server):
        yield server
    server.remove()


@pytest.fixture(scope="session")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    """One RabbitMQ node for the session; mark its tests `xdist_group("rabbit")`."""
    with running(Rabbit(tmp_path_factory.mktemp("rabbit"))) as server:
        yield server


@pytest.fixture
def start_worker(tmp_path: Any) -> Iterator[Callable[..., Worker]]:
    """Start workers: `start_worker(broker_url, backend_url, name=…, options=…)`; all are ended."""
    started: list[Worker] = []

    def start(broker: str, backend: str = "", **options: Any) -> Worker:
        worker = Worker(tmp_path, broker, backend, **options)
        started.append(worker)
        return worker.start()

    yield start
    for worker in started:
        worker.stop()


@pytest.fixture
def worker(redis_url: str, start_worker: Callable[..., Worker]) -> Worker:
    """One prefork worker with two processes on Redis, results there too."""
    return start_worker(redis_url, redis_url)


@pytest.fixture
def start_dashboard(tmp_path: Any) -> Iterator[Callable[..., Dashboard]]:
    """Start dashboards as users do: `start_dashboard(broker_url, backend_url, options=…)`."""
    started: list[Dashboard] = []

    def start(broker: str, backend: str = "", **options: Any) -> Dashboard:
        dashboard = Dashboard(tmp_path, broker, backend, **options)
        started.append(dashboard)
        return dashboard.start()

    yield start
    for dashboard in started:
        dashboard.stop()


@pytest.fixture
def dashboard(redis_url: str, start_dashboard: Callable[..., Dashboard]) -> Dashboard:
    """A dashboard with an open API on the emptied Redis of `redis_url`."""
    return start_dashboard(redis_url, redis_url)
