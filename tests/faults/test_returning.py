"""What ends the connection for events otherwise than a broker that is away: it comes back."""

import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from redis import Redis as Client

from tests.brokers.places import Sentinel
from tests.faults.freezing import heard_task
from tests.faults.proxy import Proxy
from tests.services import Dashboard, Process, Rabbit, Redis, running, wait_until

pytestmark = [pytest.mark.live, pytest.mark.faults]

#: Every connection is reset so often, for so long.
EVERY_S, STORM_S = 0.5, 10.0
#: How soon all is well again; and what a machine that is busy needs on top.
BACK_S, BUSY_S = 5.0, 5.0
#: A page that waits for no broker, on a busy machine.
READY_S = 5.0
#: After a new primary was chosen.
ELECTED_S = 15.0


def is_connected(dashboard: Dashboard) -> bool:
    return bool(dashboard.get("/api/connection")["connected"])


def held(process: Process) -> tuple[int, int]:
    """Return how many descriptors and threads a process has."""
    place = Path(f"/proc/{process.pid}")
    return len(list((place / "fd").iterdir())), len(list((place / "task").iterdir()))


@pytest.fixture(
    params=[
        pytest.param("own_redis", marks=pytest.mark.xdist_group("live-redis"), id="redis"),
        pytest.param("rabbit", marks=pytest.mark.xdist_group("rabbit"), id="rabbitmq"),
    ]
)
def broker(request: pytest.FixtureRequest) -> Redis | Rabbit:
    server: Redis | Rabbit = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def network(broker: Redis | Rabbit) -> Iterator[Proxy]:
    proxy = Proxy(broker.port)
    yield proxy
    proxy.close()


def test_a_storm_of_resets_leaves_nothing_behind(
    broker: Redis | Rabbit, network: Proxy, start_dashboard: Callable[..., Dashboard]
) -> None:
    dashboard = start_dashboard(network.url(broker.url))
    heard_task(dashboard, broker.url)
    dashboard.ask("/api/queues/length")
    before = held(dashboard)

    resets, end = 0, time.monotonic() + STORM_S
    while time.monotonic() < end:
        resets += network.reset()
        dashboard.ask("/api/queues/length")
        time.sleep(EVERY_S)

    assert resets > STORM_S / EVERY_S / 2
    calm_at = time.monotonic()
    wait_until(lambda: is_connected(dashboard), BACK_S, "it hears events again")
    assert time.monotonic() - calm_at < BACK_S + BUSY_S
    heard_task(dashboard, broker.url)
    few = (before[0] + 6, before[1] + 6)
    wait_until(
        lambda: all(now <= most for now, most in zip(held(dashboard), few, strict=True)),
        15,
        "nothing is left open",
    )


@pytest.mark.xdist_group("rabbit")
def test_a_queue_of_events_that_was_deleted_is_declared_again_and_leaves_a_gap(
    rabbit: Rabbit, start_dashboard: Callable[..., Dashboard]
) -> None:
    dashboard = start_dashboard(rabbit.url, options=(f"--broker_api={rabbit.management_url}",))
    heard_task(dashboard, rabbit.url)
    queues = wait_until(lambda: queues_of_events(rabbit), 15, "the queue is listed")
    assert len(queues) == 1

    rabbit.control("delete_queue", *queues)

    deleted_at = time.monotonic()
    wait_until(lambda: gaps(dashboard), BACK_S, "the gap is told")
    wait_until(lambda: is_connected(dashboard), BACK_S, "it hears events again")
    assert time.monotonic() - deleted_at < BACK_S + BUSY_S
    heard_task(dashboard, rabbit.url)


def queues_of_events(rabbit: Rabbit) -> list[str]:
    """Return the queues that are there, as RabbitMQ's management API lists them."""
    place = urlsplit(rabbit.management_url)
    login = b64encode(f"{place.username}:{place.password}".encode()).decode()
    url = f"http://{place.hostname}:{place.port}/api/queues"
    with urlopen(Request(url, headers={"Authorization": f"Basic {login}"}), timeout=10) as answer:
        names = [queue["name"] for queue in json.load(answer)]
    return [name for name in names if name.startswith("celeryev.")]


def test_a_broker_that_is_away_at_the_start_is_waited_for_and_pages_say_so(
    tmp_path: Path, start_dashboard: Callable[..., Dashboard]
) -> None:
    broker = Redis(tmp_path)
    dashboard = start_dashboard(broker.url)
    began = time.monotonic()
    page = dashboard.ask("/workers")
    assert time.monotonic() - began < READY_S
    assert page.status == 200
    said = lambda: "<strong>Disconnected from" in dashboard.ask("/workers").text  # noqa: E731
    wait_until(said, BACK_S, "the banner says it")
    assert dashboard.ask("/readyz").status == 503

    with running(broker):
        wait_until(lambda: is_connected(dashboard), BACK_S, "it hears events")
        heard_task(dashboard, broker.url)
        assert dashboard.ask("/readyz").status == 200


def gaps(dashboard: Dashboard) -> int:
    return len(dashboard.get("/api/history")["gaps"])


def test_events_come_from_the_primary_that_sentinel_chooses(
    own_redis: Redis, tmp_path: Path, start_dashboard: Callable[..., Dashboard]
) -> None:
    folder = tmp_path / "replica"
    folder.mkdir()
    with running(Redis(folder)) as replica, running(Sentinel(tmp_path, own_redis)) as sentinel:
        with Client.from_url(replica.url) as client:
            client.replicaof("127.0.0.1", str(own_redis.port))
        with Client(port=sentinel.port) as asked:
            asked.execute_command("SENTINEL", "SET", "flowers", "down-after-milliseconds", "1000")
            wait_until(lambda: asked.sentinel_slaves("flowers"), 30, "the replica is known")
            conf = json.dumps({"broker_transport_options": {"master_name": "flowers"}})
            url = f"sentinel://127.0.0.1:{sentinel.port}/0"
            dashboard = start_dashboard(url, env={"SHOP_CONF": conf})
            heard_task(dashboard, own_redis.url)

            own_redis.kill()

            primary = lambda: asked.sentinel_get_master_addr_by_name("flowers")[1]  # noqa: E731
            wait_until(lambda: primary() == replica.port, 60, "a primary is chosen")
            chosen_at = time.monotonic()
            wait_until(lambda: is_connected(dashboard), ELECTED_S, "it hears events again")
            assert time.monotonic() - chosen_at < ELECTED_S + BUSY_S
            heard_task(dashboard, replica.url)
