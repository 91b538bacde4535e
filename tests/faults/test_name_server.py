"""A name server that does not answer delays nobody for longer than a broker that does not."""

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.name_server import NameServer
from tests.faults.network import Inside, Network
from tests.faults.proxy import Proxy
from tests.services import Postgres, Rabbit, Redis, running, wait_until

pytestmark = [pytest.mark.live, pytest.mark.faults]

#: The C library alone waits for ten seconds, and on RabbitMQ once more for each kind of address.
ANSWERED_S = 6.0
ENDED_S = 5.0
OPTIONS = ("--problems_interval=0.3", "--problems_hold=0.3", "--problems_quiet_start=0")
QUESTIONS = ("/api/queues/length", "/api/workers?refresh=1", "/broker", "/workers", "/tasks")


@dataclass(frozen=True, slots=True)
class Named:
    """A dashboard that knows its broker, history, results and webhook by names only."""

    dashboard: Inside
    names: NameServer
    ways: tuple[Proxy, ...]

    def is_connected(self) -> bool:
        return bool(self.dashboard.get("/api/connection")["connected"])

    def fall_silent(self) -> None:
        """Have nobody know the hosts any more, and all connections to them end."""
        self.names.is_silent = True
        for way in self.ways:
            way.reset()


@pytest.fixture(params=["redis", "rabbitmq"])
def named(
    request: pytest.FixtureRequest, own_postgres: Postgres, tmp_path: Path
) -> Iterator[Named]:
    broker: Redis | Rabbit = request.getfixturevalue(
        {"redis": "own_redis", "rabbitmq": "rabbit"}[request.param]
    )
    with running(Network()) as network, running(NameServer(network)) as names:
        ways: list[Proxy] = []

        def through(port: int, url: str, name: str) -> str:
            ways.append(Proxy(port, network.outside))
            return url.replace(f"127.0.0.1:{port}", f"{name}.example:{ways[-1].port}")

        def database(name: str) -> str:
            return through(own_postgres.port, own_postgres.new_database(), name)

        options = [*OPTIONS, "--webhook_url=http://hook.example:9/"]
        options.append(f"--history={database('history')}")
        if isinstance(broker, Rabbit):
            api = through(broker.management_port, broker.management_url, "api")
            options.append(f"--broker_api={api}")
        results = database("results").replace("postgresql", "db+postgresql+psycopg")
        url = through(broker.port, broker.url, "broker")
        dashboard = Inside(tmp_path, url, results, options=tuple(options))
        dashboard.network = network
        with running(dashboard):
            yield Named(dashboard, names, tuple(ways))
        for way in ways:
            way.close()


def took_s(asked: Callable[[], object]) -> float:
    began = time.monotonic()
    asked()
    return time.monotonic() - began


def test_a_silent_name_server_holds_up_no_answer_and_not_the_end(named: Named) -> None:
    dashboard = named.dashboard
    wait_until(named.is_connected, 15, "it hears events")

    named.fall_silent()

    wait_until(lambda: not named.is_connected(), 15, "the broker is away")
    waits = {path: took_s(lambda path=path: dashboard.ask(path)) for path in QUESTIONS}  # type: ignore[misc]
    sent = took_s(lambda: dashboard.post("/api/task/send-task/tests.shop.add", {"args": [1, 2]}))
    assert max(*waits.values(), sent) < ANSWERED_S, (waits, sent)
    wait_until(lambda: "resolution" in dashboard.output(), 15, "the log names the name server")
    named.names.is_silent = False
    wait_until(named.is_connected, 15, "it hears events again")

    named.fall_silent()
    time.sleep(1)  # until they look for their hosts
    dashboard.process.send_signal(signal.SIGTERM)
    assert took_s(lambda: dashboard.process.wait(60)) < ENDED_S
