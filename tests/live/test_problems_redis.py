"""What can be wrong with a Redis, and with all of its workers at once, is told and cleared."""

import json
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from redis import Redis as Client

from tests.leap import set_ahead
from tests.live.test_problems import OPTIONS
from tests.live.watching import Watched
from tests.services import Dashboard, Process, Redis, Worker, free_port, python, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live-redis")]

LOWERED = (
    *OPTIONS,
    "--problem_broker_evicts=0.5",
    "--problem_broker_blocks=0.5",
    "--problem_broker_replica=0.5",
    "--problem_broker_unanswering=0.5",
    "--problem_events_away=0.5",
    "--problem_no_workers=0.5",
    "--problem_worker_eventless=0.5",
    "--enable_events=False",
    "--problem_worker_load=0.001",
    "--problem_schedule_overdue=1",
)
TICK = {"task": "tests.shop.echo", "schedule": 1}
SCHEDULE = {"SHOP_CONF": json.dumps({"beat_schedule": {"tick": TICK}})}


class Broken(Watched):
    """A dashboard on a Redis of its own, which is hurt."""

    def __init__(self, dashboard: Dashboard, redis: Redis) -> None:
        super().__init__(dashboard)
        self.redis = redis

    def say(self, *words: Any) -> Any:
        with Client.from_url(self.redis.url) as client:
            return client.execute_command(*words)

    def told(self, rule: str, subject: str = "", *, key: str = "problems") -> dict[str, Any] | None:
        self.looks()
        return super().told(rule, subject, key=key)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broken]:
    folder = tmp_path_factory.mktemp("broken")
    redis = Redis(folder)
    dashboard = Dashboard(folder, redis.url, redis.url, LOWERED, SCHEDULE)
    try:
        redis.start()
        yield Broken(dashboard.start(), redis)
    finally:
        dashboard.kill()
        redis.stop()


@pytest.fixture(autouse=True)
def connected(broken: Broken) -> None:
    wait_until(lambda: broken.dashboard.get("/api/connection")["connected"], 30)


def test_a_redis_short_of_memory_that_may_evict_is_told_until_it_has_more(broken):
    used = broken.say("INFO", "memory")["used_memory"]
    broken.say("CONFIG", "SET", "maxmemory", int(used * 1.02))
    broken.say("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")

    assert broken.sees("broker-evicts")["evidence"]["policy"] == "allkeys-lru"
    assert broken.sees("broker-memory")["evidence"]["used_share"] > 0.9
    broken.say("CONFIG", "SET", "maxmemory-policy", "noeviction")
    broken.say("CONFIG", "SET", "maxmemory", 0)
    broken.clears("broker-evicts")
    broken.clears("broker-memory")


def test_a_full_redis_blocks_who_publishes_until_it_has_room(broken):
    broken.say("CONFIG", "SET", "maxmemory", 1000)

    assert "memory is full" in broken.sees("broker-blocks")["evidence"]["reason"]
    broken.say("CONFIG", "SET", "maxmemory", 0)
    broken.clears("broker-blocks")


def test_a_replica_without_its_master_is_told_until_it_leads(broken):
    broken.say("REPLICAOF", "127.0.0.1", free_port())

    assert "replica without its master_s" in broken.sees("broker-replica")["evidence"]
    broken.say("REPLICAOF", "NO", "ONE")
    broken.clears("broker-replica")


def test_a_redis_that_hangs_answers_nothing_until_it_goes_on(broken):
    broken.redis.signal(signal.SIGSTOP)
    try:
        assert broken.sees("broker-unanswering")["evidence"]["reason"]
    finally:
        broken.redis.signal(signal.SIGCONT)
    broken.clears("broker-unanswering")


def test_a_redis_that_is_away_is_told_until_it_is_back(broken):
    broken.redis.kill()
    try:
        assert broken.sees("events-away")["evidence"]["reason"]
    finally:
        broken.redis.start()
    broken.clears("events-away")


def do_untold(broken: Broken, worker: Worker) -> None:
    """Have a worker do tasks of which it tells nothing, until it is asked to."""
    with Celery(broker=broken.redis.url, set_as_current=False) as app:
        for _ in range(25):
            broken.send("add", 1, 1)
        assert broken.sees("worker-eventless", worker.hostname)["evidence"]["events"] == "none"
        ask = app.control.enable_events
        wait_until(lambda: ask(destination=[worker.hostname], reply=True, timeout=2), 30, "asked")
        broken.send("add", 1, 1)
        broken.clears("worker-eventless", worker.hostname)


def test_a_worker_that_is_behind_and_loaded_tells_nothing_and_ends_is_told_of_each_time(
    broken, tmp_path
):
    set_ahead(clock := tmp_path / "clock", -40)
    options, silent = ("-c", "1", "--heartbeat-interval=1"), {"worker_send_task_events": False}
    conf = {"SHOP_CONF": json.dumps(silent)}
    worker = Worker(tmp_path, broken.redis.url, options=options, env=conf, clock=clock)
    try:
        worker.start()
        behind = broken.sees("worker-clock", worker.hostname)["evidence"]["behind_s"]
        late = broken.sees("events-late")["evidence"]["late_s"]
        assert (
            " s late, so that everything shown is as old" in broken.dashboard.ask("/workers").text
        )
        assert broken.sees("worker-load", worker.hostname)["evidence"]["load over 15 minutes"] > 0
        set_ahead(clock, 0)
        broken.clears("worker-clock", worker.hostname)
        broken.clears("events-late")
        do_untold(broken, worker)
        worker.stop()
        broken.clears("worker-load", worker.hostname)
        broken.sees("no-workers")
        worker.start()
        broken.clears("no-workers")
    finally:
        worker.kill()
    assert 39 < behind < 60
    assert 39 < late < 60


def test_a_schedule_without_a_beat_is_overdue_until_it_beats(broken, tmp_path):
    beat = Process(tmp_path / "beat.log")
    command = [*python(None), "celery", "-A", "tests.shop", "beat", "-s", str(tmp_path / "entries")]
    try:
        assert broken.sees("schedule-overdue", "tick")["evidence"]["type"] == TICK["task"]
        beat.spawn(command, {"SHOP_BROKER": broken.redis.url, **SCHEDULE})
        broken.clears("schedule-overdue", "tick")
    finally:
        beat.kill()


def test_a_dead_beat_is_told_though_somebody_sends_the_same_task(broken, tmp_path):
    beat, ended = Process(tmp_path / "beat.log"), threading.Event()
    command = [*python(None), "celery", "-A", "tests.shop", "beat", "-s", str(tmp_path / "entries")]
    sender = threading.Thread(target=send_often, args=(broken.redis.url, ended))
    sender.start()
    try:
        broken.sees("schedule-overdue", "tick")
        beat.spawn([*command, "-l", "INFO"], {"SHOP_BROKER": broken.redis.url, **SCHEDULE})
        broken.clears("schedule-overdue", "tick")
        wait_until(lambda: beat.output().count("Sending due task") > 5, 30, "it has a rhythm")
        beat.kill()
        assert broken.sees("schedule-overdue", "tick")["evidence"]["type"] == TICK["task"]
    finally:
        ended.set()
        sender.join()
        beat.kill()


def send_often(url: str, ended: threading.Event) -> None:
    """Send the scheduled task with its arguments, as beat does and more often."""
    with Celery(broker=url, set_as_current=False) as app:
        app.conf.task_send_sent_event = True
        while not ended.wait(0.2):
            app.send_task(TICK["task"])
