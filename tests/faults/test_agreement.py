"""While a fault lasts, what the dashboard says of itself agrees; after it, nothing is said of it.

The probe, the banner of every page, a problem and its metric are read while a server fails and when
it is well again; the log tells of both, and little else.
"""

import contextlib
import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from redis import Redis as Client

from tests.faults.freezing import frozen, publish
from tests.services import Dashboard, Postgres, Rabbit, Redis, wait_until

pytestmark = [pytest.mark.live, pytest.mark.faults]

OPTIONS = (
    "--problems_interval=0.3",
    "--problems_hold=0.6",
    "--problems_quiet_start=0",
    "--problem_events_away=0.5",
    "--problem_broker_blocks=0.5",
    "--problem_store_failing=0.5",
)
#: Lines of the log from the begin of a fault until after its end, what tests ask for included.
LINES_MAX = 30


@dataclass(frozen=True, slots=True)
class Servers:
    """What a dashboard depends on; each test breaks one of them."""

    broker: Redis | Rabbit
    history: Postgres | None
    dashboard: Dashboard

    def killed(self) -> contextlib.AbstractContextManager[None]:
        return _killed(self.broker)

    def silent(self) -> contextlib.AbstractContextManager[None]:
        return frozen(self.broker)

    def full(self) -> contextlib.AbstractContextManager[None]:
        return _full(self.broker) if isinstance(self.broker, Redis) else self.broker.memory_alarm()

    def silent_history(self) -> contextlib.AbstractContextManager[None]:
        assert self.history is not None
        return frozen(self.history)

    def full_disk(self) -> contextlib.AbstractContextManager[None]:
        return _full_disk(self.dashboard)


@contextlib.contextmanager
def _killed(broker: Redis | Rabbit) -> Iterator[None]:
    """RabbitMQ's node goes on, without its application: to start it takes many seconds."""
    if isinstance(broker, Redis):
        broker.kill()
        yield
        broker.start()
    else:
        broker.control("stop_app")
        try:
            yield
        finally:
            broker.control("start_app")


@contextlib.contextmanager
def _full(redis: Redis) -> Iterator[None]:
    with Client.from_url(redis.url) as client:
        client.config_set("maxmemory", 1000)
        yield
        client.config_set("maxmemory", 0)


@contextlib.contextmanager
def _full_disk(dashboard: Dashboard) -> Iterator[None]:
    """Let no file of the dashboard's grow beyond what it has."""
    limit = partial(resource.prlimit, dashboard.pid, resource.RLIMIT_FSIZE)
    soft, hard = limit()
    limit((20_000, hard))
    yield
    limit((soft, hard))


@dataclass(frozen=True, slots=True)
class Told:
    """What has to be said: part of the probe that fails, problem and its title, banner."""

    part: str
    rule: str
    title: str
    banner: str


AWAY = Told("broker", "events-away", "No connection to the broker", "Disconnected from")
STORE = Told(
    "store",
    "store-failing",
    "The history cannot be written",
    "flower_ng retries automatically",
)
BLOCKED = Told(
    "",
    "broker-blocks",
    "The broker blocks publishers",
    "The broker accepts no messages",
)
FAULTS = [
    ("redis", "killed", AWAY),
    ("redis", "silent", AWAY),
    ("redis", "full", BLOCKED),
    ("redis", "full_disk", STORE),
    ("redis", "silent_history", STORE),
    ("rabbitmq", "killed", AWAY),
    ("rabbitmq", "silent", AWAY),
    ("rabbitmq", "full", BLOCKED),
]
GROUPS = {
    "redis": pytest.mark.xdist_group("live-redis"),
    "rabbitmq": pytest.mark.xdist_group("rabbit"),
}
CASES = [
    pytest.param(kind, fault, told, id=f"{kind}-{fault}", marks=GROUPS[kind])
    for kind, fault, told in FAULTS
]


@pytest.fixture
def start(
    request: pytest.FixtureRequest, start_dashboard: Callable[..., Dashboard], tmp_path: Any
) -> Callable[[str, str], Servers]:
    """Start a dashboard on a broker: `start(kind, fault)`."""

    def begin(kind: str, fault: str) -> Servers:
        broker: Redis | Rabbit = request.getfixturevalue(
            "own_redis" if kind == "redis" else "rabbit"
        )
        history: Postgres | None = None
        options: tuple[str, ...] = ("--persistent", f"--db={tmp_path / 'history'}")
        if fault == "silent_history":
            history = request.getfixturevalue("own_postgres")
            options = (f"--history={history.new_database()}",)
        if isinstance(broker, Rabbit):
            options = (*options, f"--broker_api={broker.management_url}")
        dashboard = start_dashboard(broker.url, options=(*OPTIONS, *options))
        return Servers(broker, history, dashboard)

    return begin


def says(dashboard: Dashboard, told: Told) -> set[str]:
    """Return where the fault is told at present."""
    dashboard.ask("/queues")  # has the broker looked at
    problems = dashboard.get("/api/problems")["problems"]
    ready = dashboard.ask("/readyz")
    body = ready.json()
    metrics = dashboard.ask("/metrics").text
    places = {
        "probe": not told.part or (ready.status == 503 and not body[told.part]["ok"]),
        "banner": told.banner in dashboard.ask("/workers").text,
        "problem": any(one["rule"] == told.rule for one in problems),
        "metric": f'flower_ng_problem{{rule="{told.rule}",subject=""}} 1.0' in metrics,
    }
    return {place for place, is_told in places.items() if is_told}


@pytest.mark.parametrize(("kind", "fault", "told"), CASES)
def test_probe_banner_problem_and_metric_agree_while_a_fault_lasts_and_after_it(
    start: Callable[[str, str], Servers], kind: str, fault: str, told: Told
) -> None:
    servers = start(kind, fault)
    dashboard = servers.dashboard
    wait_until(lambda: dashboard.ask("/readyz").status == 200, 30, "it is ready")
    silent = {"probe"} if not told.part else set()
    wait_until(lambda: says(dashboard, told) == silent, 30, "nothing is said before")
    logged = len(dashboard.output().splitlines())

    with getattr(servers, fault)():
        if told is STORE:
            publish(servers.broker.url)
        everywhere = {"probe", "banner", "problem", "metric"}
        wait_until(lambda: says(dashboard, told) == everywhere, 60, "it is told everywhere")
    wait_until(lambda: says(dashboard, told) == silent, 60, "nothing is said after it")

    lines = dashboard.output().splitlines()[logged:]
    assert sum(f"Problem: {told.title}" in line for line in lines) == 1
    assert sum(f"Resolved: {told.title}" in line for line in lines) == 1
    assert len(lines) <= LINES_MAX, "\n".join(lines)
