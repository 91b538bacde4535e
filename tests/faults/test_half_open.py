"""A network that drops everything between the dashboard and its broker, twice in one process."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults.proxy import Proxy
from tests.services import Dashboard, Rabbit, Redis, Worker, wait_until

pytestmark = pytest.mark.live

#: How soon a cut is noticed, and how soon after its end all is well again, in seconds.
NOTICED_S = {"redis": 15.0, "rabbitmq": 30.0}
BACK_S = 5.0
#: Settings with which it is noticed sooner, for a test that many wait for.
QUICK = {"broker_transport_options": {"health_check_interval": 1}}
SOLO = ("-P", "solo")
ECHO = "/api/task/send-task/tests.shop.echo"


@dataclass(frozen=True, slots=True)
class CutOff:
    """A dashboard that reaches its broker, and the results, through a proxy only."""

    kind: str
    proxy: Proxy
    dashboard: Dashboard
    worker: Worker

    @property
    def is_connected(self) -> bool:
        return bool(self.dashboard.get("/api/connection")["connected"])

    def works(self) -> bool:
        """Whether everything that needs the broker works: events, tasks, commands, lengths."""
        if not self.is_connected:
            return False
        sent = self.dashboard.post(ECHO, {})
        asked = self.dashboard.post(f"/api/worker/pool/grow/{self.worker.hostname}")
        lengths = self.dashboard.ask("/api/queues/length")
        if (sent.status, asked.status, lengths.status) != (200, 403, 200):  # solo can't grow
            return False
        seen = f"/api/task/info/{sent.json()['task-id']}"
        wait_until(lambda: self.dashboard.ask(seen).status == 200, 10, "its event is heard")
        return True


@pytest.fixture
def start(tmp_path) -> Iterator:
    """Start a cluster: `start(broker, results, conf)`."""
    with contextlib.ExitStack() as stack:

        def begin(kind: str, broker: Redis | Rabbit, results: str, conf: dict) -> CutOff:
            folder = tmp_path / kind
            folder.mkdir()
            proxy = Proxy(broker.port)
            stack.callback(proxy.close)
            through = proxy.url(broker.url)
            worker = Worker(folder, broker.url, results or broker.url, kind, SOLO)
            env = {"SHOP_CONF": json.dumps(conf)}
            dashboard = Dashboard(folder, through, results or through, env=env)
            for process in (worker, dashboard):
                stack.callback(process.stop)
                process.start()
            return CutOff(kind, proxy, dashboard, worker)

        yield begin


def is_survived(cluster: CutOff, noticed_s: float, back_s: float) -> None:
    """Assert that a cut is noticed, that nothing hangs meanwhile, and that all works after it."""
    wait_until(cluster.works, 15, "it works before")
    cluster.proxy.cut()
    began = time.monotonic()
    wait_until(lambda: not cluster.is_connected, 30, "the cut is noticed")
    assert time.monotonic() - began < noticed_s
    assert cluster.dashboard.post(ECHO, {}).status == 503
    assert cluster.dashboard.ask("/api/queues/length").status == 503

    cluster.proxy.heal()
    healed = time.monotonic()
    wait_until(lambda: cluster.is_connected, 15, "events come again")
    assert time.monotonic() - healed < back_s
    wait_until(cluster.works, 15, "all works again")


def test_redis_is_heard_again_after_a_silent_network(start, own_redis):
    cluster = start("redis", own_redis, "", QUICK)

    is_survived(cluster, noticed_s=60, back_s=60)


@pytest.mark.faults
@pytest.mark.xdist_group("rabbit")
@pytest.mark.parametrize("kind", ["redis", "rabbitmq"])
def test_two_cuts_are_noticed_and_mended_as_soon_as_is_promised(start, own_redis, rabbit, kind):
    """Results come from Redis too, or by `rpc://`, over connections that Celery makes by itself."""
    broker, results = (own_redis, "") if kind == "redis" else (rabbit, "rpc://")
    cluster = start(kind, broker, results, {})

    for _ in range(2):
        is_survived(cluster, NOTICED_S[kind], BACK_S)
