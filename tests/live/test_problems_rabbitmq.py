"""What can be wrong with a RabbitMQ is told, and cleared; what one node can't show is recorded."""

import json
import os
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Queue

from tests.leap import set_ahead
from tests.live.test_problems import OPTIONS
from tests.live.watching import Watched
from tests.services import Dashboard, Rabbit, Worker, running, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("rabbit")]

LOWERED = (
    *OPTIONS,
    "--problem_broker_blocks=0.5",
    "--problem_broker_broken=0.5",
    "--problem_broker_memory=0.9",
)
#: A queue that others may bind; the usual one belongs to its connection alone.
KEPT = ("--event_queue=missed",)
GONE = "gone@box.celery.pidbox"
#: How many tasks begin while their events are lost.
TASKS = 30


class Partitioned(BaseHTTPRequestHandler):
    """Answers as the management API does; of its nodes and version what was written into it."""

    server: "Recorded"

    def do_GET(self) -> None:
        with urllib.request.urlopen(self.asked, timeout=20) as reply:
            told = json.load(reply)
        body = json.dumps(self.server.rewritten(self.path, told)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @property
    def asked(self) -> urllib.request.Request:
        headers = {"Authorization": self.headers.get("Authorization", "")}
        return urllib.request.Request(self.server.behind + self.path, headers=headers)

    def log_message(self, *_: Any) -> None:
        pass


class Recorded(ThreadingHTTPServer):
    """Stands before a real management API: there is one node only, of an old version."""

    def __init__(self, rabbit: Rabbit) -> None:
        super().__init__(("127.0.0.1", 0), Partitioned)
        self.behind = f"http://127.0.0.1:{rabbit.management_port}"
        self.partitions: list[str] = []
        self.down: list[dict[str, Any]] = []
        self.version = ""

    def rewritten(self, path: str, told: Any) -> Any:
        if path.startswith("/api/nodes"):
            return [{**node, "partitions": self.partitions} for node in told] + self.down
        if path.startswith("/api/overview") and self.version:
            return {**told, "rabbitmq_version": self.version}
        return told

    @property
    def url(self) -> str:
        return f"http://guest:guest@127.0.0.1:{self.server_address[1]}/api/"


@pytest.fixture
def recorded(rabbit: Rabbit) -> Iterator[Recorded]:
    with Recorded(rabbit) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Asking(Watched):
    """Has the broker looked at before it asks for problems."""

    def told(self, rule: str, subject: str = "", *, key: str = "problems") -> dict[str, Any] | None:
        self.looks()
        return super().told(rule, subject, key=key)


@contextmanager
def watching(
    url: str, management: str, folder: Path, clock: Path | None = None, more: tuple[str, ...] = ()
) -> Iterator[Asking]:
    options = (*LOWERED, f"--broker_api={management}", *more)
    dashboard = Dashboard(folder, url, options=options, clock=clock)
    try:
        yield Asking(dashboard.start())
    finally:
        dashboard.kill()


@contextmanager
def short(rabbit: Rabbit) -> Iterator[None]:
    """Have it short of memory and of disk, with one call of its slow tool for both."""
    free = os.statvfs(rabbit.folder)
    disk = int(free.f_bavail * free.f_frsize / 1.25)
    limits = "vm_memory_monitor:set_vm_memory_high_watermark({}), rabbit_disk_monitor:"
    limits += "set_disk_free_limit({})."
    rabbit.control("eval", limits.format("0.00001", disk))
    try:
        yield
    finally:
        rabbit.control("eval", limits.format("0.4", 50_000_000))


# Takes 20 s, and by its clock queues that other tests left on this RabbitMQ are stale as well. What
# is told of alarms and stale queues without a clock is in tests/brokers/test_look.py.
@pytest.mark.soak
def test_alarms_and_queues_of_workers_that_are_gone_are_told_until_they_are_over(rabbit, tmp_path):
    node, clock = f"t{rabbit.port}@localhost", tmp_path / "clock"
    set_ahead(clock, 0)
    with ExitStack() as stack:
        channel = stack.enter_context(stack.enter_context(Connection(rabbit.url)).channel())
        stale = Queue(GONE, durable=False, auto_delete=False, channel=channel)
        stale.declare()
        stack.callback(stale.delete)
        with short(rabbit):
            watched = stack.enter_context(
                watching(rabbit.url, rabbit.management_url, tmp_path, clock)
            )
            blocks = watched.sees("broker-blocks")["evidence"]
            memory = watched.sees("broker-memory", node)["evidence"]
            disk = watched.sees("broker-disk", node)["evidence"]
            set_ahead(clock, 61)  # a worker that restarts has a minute to come back
            gone = watched.sees("broker-stale")["evidence"]
        stale.delete()
        watched.clears("broker-blocks")
        watched.clears("broker-memory", node)
        watched.clears("broker-disk", node)
        watched.clears("broker-stale")

    assert "is short of memory" in blocks["reason"]
    assert memory["used_share"] > 0.9
    assert disk["free_bytes"] < 1.5 * disk["alarm below_bytes"]
    assert gone["one"] == GONE


# Takes 30 s; what is made of the broker's words is in tests/monitor/test_presence.py.
@pytest.mark.soak
def test_workers_whose_heartbeats_the_broker_holds_back_are_not_called_silent(rabbit, tmp_path):
    worker = Worker(tmp_path, rabbit.url, options=("-c", "1", "--heartbeat-interval=1"))
    more = ("--problem_worker_silent=1",)
    with running(worker), watching(rabbit.url, rabbit.management_url, tmp_path, more=more) as one:
        board, name = one.dashboard, worker.hostname
        one.online(name)
        wait_until(lambda: board.get("/api/overview")["verdict"] == "ok", 20, "it is well")

        def surfaces():
            assert board.get("/api/workers", status=1)[name] is True
            assert ">Silent<" not in board.ask("/workers").text
            assert f'flower_worker_online{{worker="{name}"}} 1.0' in board.ask("/metrics").text
            assert one.told("worker-silent", name) is None
            return board.get("/api/overview")

        with short(rabbit):
            wait_until(lambda: "has held back" in surfaces()["sentence"], 20, "it is told")
            assert "The broker accepts no messages" in board.ask("/workers").text
            ends_at = time.monotonic() + 8
            while time.monotonic() < ends_at:
                assert surfaces()["workers"]["silent"] is None
        wait_until(lambda: surfaces()["workers"]["online"] == 1, 30, "it is heard again")


def test_events_that_are_lost_before_they_come_are_told_by_the_workers_heartbeats(rabbit, tmp_path):
    """RabbitMQ is made to route heartbeats alone, as where a binding is deleted."""
    clock = tmp_path / "clock"
    set_ahead(clock, 0)
    options = ("-P", "solo", "--heartbeat-interval=1")
    worker = Worker(tmp_path, rabbit.url, name="missed", options=options)
    with (
        Connection(rabbit.url) as connection,
        running(worker),
        watching(rabbit.url, rabbit.management_url, tmp_path, clock, KEPT) as watched,
    ):
        watched.online(worker.hostname)
        queue, channel = "celeryev.missed", connection.default_channel
        hears_one_task_every_second_until_it_compares(watched)
        channel.queue_bind(queue, "celeryev", "worker.#")
        channel.queue_unbind(queue, "celeryev", "#")
        for _ in range(TASKS):
            watched.nap(0)
        counted = counts_all(watched, worker.hostname)
        metrics = watched.dashboard.ask("/metrics").text
        channel.queue_bind(queue, "celeryev", "#")
        set_ahead(clock, 301)
        watched.clears("events-missing", worker.hostname)

    assert counted <= TASKS
    assert f'flower_ng_events_missing_total{{worker="{worker.hostname}"}}' in metrics


def hears_one_task_every_second_until_it_compares(watched: Watched) -> None:
    """Known losses, as the start is one, count for ten seconds; nothing is missing meanwhile."""
    for _ in range(13):
        watched.reaches(watched.nap(1), "SUCCESS")


def counts_all(watched: Watched, hostname: str) -> int:
    """Return how many the problem counts once no heartbeat can add to them: more would be news,
    which keeps it open for five minutes. Fewer than five are never counted alone.
    """

    def counted() -> int | None:
        told = watched.told("events-missing", hostname)
        number = told["evidence"]["tasks without events"] if told else 0
        return number if number > TASKS - 5 else None

    return wait_until(counted, 45, "all are counted")


def test_recorded_partitions_and_nodes_that_are_down_are_told_until_they_are_well(
    rabbit, recorded, tmp_path
):
    node = f"t{rabbit.port}@localhost"
    recorded.partitions = ["rabbit@b"]
    recorded.down = [{"name": "rabbit@c", "running": False}]
    with watching(rabbit.url, recorded.url, tmp_path) as watched:
        cut_off = watched.sees("broker-broken", node)["evidence"]
        down = watched.sees("broker-broken", "rabbit@c")["evidence"]
        recorded.partitions, recorded.down = [], []
        watched.clears("broker-broken", node)
        watched.clears("broker-broken", "rabbit@c")

    assert cut_off["cut off from"] == "rabbit@b"
    assert down["state"] == "not running"


def test_a_recorded_version_that_refuses_transient_queues_is_named_on_the_brokers_page(
    rabbit, recorded, tmp_path
):
    recorded.version = "4.3.0"
    with watching(rabbit.url, recorded.url, tmp_path) as watched:
        watched.looks()
        page = watched.dashboard.ask("/broker").text

    assert "4.3.0" in page
    assert "transient" in page
