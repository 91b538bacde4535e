"""What happens when the broker or a worker goes away, on real brokers."""

import contextlib
import signal
import time
from pathlib import Path

import pytest
from celery import Celery

from tests.live.conftest import Cluster, alive, started
from tests.services import Rabbit, Redis, Worker, wait_until

pytestmark = pytest.mark.live

#: Connections to the broker that may be open at one time and not at another.
SOCKETS_MORE = 4


@pytest.fixture
def clusters(redis_server, tmp_path):
    """A cluster on each kind of broker, with the broker itself to kill and start again."""
    with contextlib.ExitStack() as stack:
        pairs = []
        for kind, make in (("redis", Redis), ("rabbitmq", Rabbit)):
            folder = tmp_path / kind
            folder.mkdir()
            broker = make(folder)
            stack.callback(broker.stop)
            broker.start()
            alive_cluster = contextlib.contextmanager(started)
            cluster = alive_cluster(kind, broker, redis_server.url, folder)
            pairs.append((stack.enter_context(cluster), broker))
        yield pairs


def open_sockets(cluster: Cluster) -> int:
    """How many sockets the dashboard's process has."""
    folder = Path(f"/proc/{cluster.dashboard.pid}/fd")
    with contextlib.suppress(OSError):  # one was closed meanwhile
        return sum("socket:" in str(one.readlink()) for one in folder.iterdir())
    return open_sockets(cluster)


def connection(cluster: Cluster) -> dict:
    return cluster.dashboard.get("/api/connection")


def sees_a_new_task(cluster: Cluster) -> bool:
    sent = cluster.app.send_task("tests.shop.add", (1, 1))
    with contextlib.suppress(AssertionError):
        return bool(cluster.seen(sent.id, "SUCCESS", timeout_s=2))
    return False


def tells_the_last_that_was_known(cluster: Cluster) -> None:
    """Assert that a dashboard without a broker calls nobody offline, and nothing well."""
    overview = cluster.dashboard.get("/api/overview")
    page, name = cluster.dashboard.ask("/workers").text, cluster.worker.hostname

    assert overview["verdict"] != "ok"
    assert overview["workers"] == dict.fromkeys(("online", "left", "silent", "gone", "busy"))
    assert "1 of 1 worker online" in overview["sentence"]
    assert overview["sentence"].startswith("Disconnected from the broker for ")
    assert "Silent" not in page
    assert "data-stale=" in page
    assert cluster.dashboard.get("/api/workers", status=1)[name] is True
    metrics = cluster.dashboard.ask("/metrics").text
    assert f'flower_worker_online{{worker="{name}"}} 1.0' in metrics


@pytest.mark.xdist_group("outages")
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seconds", [10, pytest.param(180, marks=pytest.mark.soak)])
def test_events_resume_within_10_s_of_the_brokers_return(clusters, seconds):
    sockets = [open_sockets(cluster) for cluster, _ in clusters]
    for _, broker in clusters:
        broker.kill()
    gone_at = time.monotonic()
    for cluster, _ in clusters:
        wait_until(lambda c=cluster: not connection(c)["connected"], 30, "the loss is shown")
        assert connection(cluster)["why"]
    time.sleep(max(0.0, seconds - (time.monotonic() - gone_at)))

    for cluster, broker in clusters:
        tells_the_last_that_was_known(cluster)
        broker.start()
        returned_at = time.monotonic()
        wait_until(lambda c=cluster: connection(c)["connected"], 12, "connected again")
        assert time.monotonic() - returned_at < 10
        wait_until(lambda c=cluster: sees_a_new_task(c), 60, "a task of after the outage")
    for (cluster, _), before in zip(clusters, sockets, strict=True):
        few = before + SOCKETS_MORE
        wait_until(lambda c=cluster, most=few: open_sockets(c) <= most, 30, "nothing is left open")


def test_a_killed_worker_is_shown_offline(redis_url, start_worker, start_dashboard):
    worker: Worker = start_worker(redis_url, redis_url)
    cluster = Cluster("redis", None, worker, start_dashboard(redis_url, redis_url))
    asked = cluster.dashboard.get
    wait_until(lambda: "stats" in asked("/api/workers").get(worker.hostname, {}), 10, "its pool")
    wait_until(lambda: alive(cluster), 10, "online")

    worker.signal(signal.SIGKILL)

    wait_until(lambda: not alive(cluster), 15, "offline")
    online = f'flower_worker_online{{worker="{worker.hostname}"}} 0.0'
    wait_until(lambda: online in cluster.dashboard.ask("/metrics").text, 5, "0 in /metrics too")


def test_a_worker_that_waits_for_its_tasks_when_it_is_stopped_has_left(
    redis_url, start_worker, start_dashboard
):
    worker: Worker = start_worker(redis_url, redis_url)
    app = Celery(broker=redis_url, set_as_current=False)
    cluster = Cluster("redis", app, worker, start_dashboard(redis_url, redis_url))
    wait_until(lambda: alive(cluster), 10, "online")
    sent = app.send_task("tests.shop.sleep", (2,)).id
    cluster.seen(sent, "STARTED")

    worker.process.terminate()
    cluster.seen(sent, "SUCCESS")

    assert "worker: Warm shutdown" in worker.output()
    workers = {"online": 0, "left": 1, "silent": 0, "gone": 0, "busy": 0}
    wait_until(lambda: cluster.dashboard.get("/api/overview")["workers"] == workers, 20, "it left")
