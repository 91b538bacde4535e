"""Everything between the dashboard and its broker is swallowed, twice in one process."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

import pytest

from flower_ng.monitor.remote.connections import BrokerConnection
from tests.faults.network import Inside, Network
from tests.faults.proxy import Proxy
from tests.monitor.yard import shop
from tests.services import Dashboard, Process, Rabbit, Redis, Worker, running, wait_until

pytestmark = pytest.mark.live

#: How soon a cut is noticed, and how soon after its end all is well again, in seconds.
NOTICED_S = {"redis": 15.0, "rabbitmq": 30.0}
BACK_S = 5.0
#: Signs of life come more often than this.
USUAL_SILENCE_S = 12.0
SOLO = ("-P", "solo")
ECHO = "/api/task/send-task/tests.shop.echo"


class Cable(Protocol):
    """What lies between a dashboard and its broker."""

    def cut(self) -> None: ...

    def heal(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Frozen:
    """No cable at all: the broker itself is stopped."""

    broker: Process

    def cut(self) -> None:
        self.broker.signal(signal.SIGSTOP)

    def heal(self) -> None:
        self.broker.signal(signal.SIGCONT)


@dataclass(frozen=True, slots=True)
class CutOff:
    """A dashboard that reaches its broker, and the results, over a cable only."""

    cable: Cable
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
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def start(tmp_path, stack) -> Callable[..., CutOff]:
    """Start a cluster: `start(broker, results, way)`."""

    def begin(broker: Redis | Rabbit, results: str, way: str) -> CutOff:
        network = stack.enter_context(running(Network())) if way == "network" else None
        proxy = Proxy(broker.port, network.outside if network else "127.0.0.1")
        stack.callback(proxy.close)
        through = broker.url if way == "frozen" else proxy.url(broker.url)
        worker = Worker(tmp_path, broker.url, results or broker.url, "cut", SOLO)
        kind = Inside if network else Dashboard
        dashboard = kind(tmp_path, through, results or through)
        if network:
            dashboard.network = network.drops(proxy.port)
        for process in (worker, dashboard):
            stack.callback(process.stop)
            process.start()
        cables = {"proxy": proxy, "network": network, "frozen": Frozen(broker)}
        stack.callback(cables[way].heal)
        return CutOff(cables[way], dashboard, worker)

    return begin


def is_survived(cluster: CutOff, noticed_s: float, back_s: float) -> None:
    """Assert that a cut is noticed, that nothing hangs meanwhile, and that all works after it."""
    wait_until(cluster.works, 15, "it works before")
    cluster.cable.cut()
    began, cut_at = time.monotonic(), time.time()
    wait_until(lambda: not cluster.is_connected, 30, "the cut is noticed")
    assert time.monotonic() - began < noticed_s
    assert cluster.dashboard.post(ECHO, {}).status == 503
    assert cluster.dashboard.ask("/api/queues/length").status == 503

    cluster.cable.heal()
    healed = time.monotonic()
    wait_until(lambda: cluster.is_connected, 15, "events come again")
    assert time.monotonic() - healed < back_s
    wait_until(cluster.works, 15, "all works again")
    gaps = cluster.dashboard.get("/api/history")["gaps"]
    began_at = max(gap["start"] for gap in gaps if gap["why"] == "broker")
    assert cut_at - USUAL_SILENCE_S < began_at < cut_at + 1  # not only since it was noticed


@pytest.mark.xdist_group("rabbit")
def test_the_rest_of_a_frame_is_not_waited_for_without_end(rabbit, pool):
    """Seven bytes say how long a frame is; py-amqp has no limit for what follows."""
    with closing(Proxy(rabbit.port)) as proxy, shop(proxy.url(rabbit.url)) as app:
        line = BrokerConnection(app)
        line.prove()
        proxy.tears_after = 8

        answer = pool.submit(line.prove)
        assert wait([answer], 60).done
        with pytest.raises(line.errors):
            answer.result()


@pytest.mark.faults
@pytest.mark.xdist_group("rabbit")
@pytest.mark.parametrize("way", ["proxy", "frozen", "network"])
@pytest.mark.parametrize("kind", ["redis", "rabbitmq"])
def test_two_cuts_are_noticed_and_mended_as_soon_as_is_promised(
    start, own_redis, request, kind, way
):
    """Results come from Redis too, or by `rpc://`, over connections that Celery makes by itself."""
    is_redis = kind == "redis"
    broker = own_redis if is_redis else request.getfixturevalue("rabbit")
    cluster = start(broker, "" if is_redis else "rpc://", way)

    for _ in range(2):
        is_survived(cluster, NOTICED_S[kind], BACK_S)
