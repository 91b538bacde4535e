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
from tests.services import Dashboard, Postgres, Redis, wait_until

pytestmark = [pytest.mark.live, pytest.mark.faults, pytest.mark.xdist_group("live-redis")]

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

    redis: Redis
    postgres: Postgres
    dashboard: Dashboard

    def killed(self) -> contextlib.AbstractContextManager[None]:
        return _killed(self.redis)

    def silent(self) -> contextlib.AbstractContextManager[None]:
        return frozen(self.redis)

    def full(self) -> contextlib.AbstractContextManager[None]:
        return _full(self.redis)

    def silent_history(self) -> contextlib.AbstractContextManager[None]:
        return frozen(self.postgres)

    def full_disk(self) -> contextlib.AbstractContextManager[None]:
        return _full_disk(self.dashboard)


@contextlib.contextmanager
def _killed(redis: Redis) -> Iterator[None]:
    redis.kill()
    yield
    redis.start()


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
    ("killed", "file", AWAY),
    ("silent", "file", AWAY),
    ("full", "file", BLOCKED),
    ("full_disk", "file", STORE),
    ("silent_history", "postgresql", STORE),
]


@pytest.fixture
def start(
    own_redis: Redis,
    own_postgres: Postgres,
    start_dashboard: Callable[..., Dashboard],
    tmp_path: Any,
) -> Callable[[str], Servers]:
    def begin(kind: str) -> Servers:
        history = (f"--history={own_postgres.new_database()}",)
        kept = ("--persistent", f"--db={tmp_path / 'history'}")
        options = (*OPTIONS, *(history if kind == "postgresql" else kept))
        dashboard = start_dashboard(own_redis.url, own_redis.url, options=options)
        return Servers(own_redis, own_postgres, dashboard)

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


@pytest.mark.parametrize(("fault", "kind", "told"), FAULTS, ids=[one[0] for one in FAULTS])
def test_probe_banner_problem_and_metric_agree_while_a_fault_lasts_and_after_it(
    start: Callable[[str], Servers], fault: str, kind: str, told: Told
) -> None:
    servers = start(kind)
    dashboard = servers.dashboard
    wait_until(lambda: dashboard.ask("/readyz").status == 200, 30, "it is ready")
    silent = {"probe"} if not told.part else set()
    wait_until(lambda: says(dashboard, told) == silent, 30, "nothing is said before")
    logged = len(dashboard.output().splitlines())

    with getattr(servers, fault)():
        if told is STORE:
            publish(servers.redis.url)
        everywhere = {"probe", "banner", "problem", "metric"}
        wait_until(lambda: says(dashboard, told) == everywhere, 60, "it is told everywhere")
    wait_until(lambda: says(dashboard, told) == silent, 60, "nothing is said after it")

    lines = dashboard.output().splitlines()[logged:]
    assert sum(f"Problem: {told.title}" in line for line in lines) == 1
    assert sum(f"Resolved: {told.title}" in line for line in lines) == 1
    assert len(lines) <= LINES_MAX, "\n".join(lines)
