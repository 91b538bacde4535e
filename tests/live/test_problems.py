"""Real conditions, made on real workers, are found as problems, and cleared when they are over.

Thresholds are lowered by the rules' own options: what they are usually is for the pure tests.
"""

import re
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from tests.services import Dashboard, Redis, Worker, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live-redis")]

OPTIONS = (
    "--problems_interval=0.3",
    "--problems_hold=0.6",
    "--problems_quiet_start=0",
    "--problem_worker_silent=3",
    "--problem_workers_twins=3",
    "--problem_task_long=1",
    "--problem_task_unclaimed=1",
    "--problem_events_away=0.5",
    "--problem_broker_evicts=0.5",
    "--problem_queue_deserted=0.5",
)
NAPS = "tests.shop.sleep"


class Watched:
    """A dashboard whose problems are asked for."""

    def __init__(self, dashboard: Dashboard) -> None:
        self.dashboard = dashboard

    def told(self, rule: str, subject: str = "", *, key: str = "problems") -> dict[str, Any] | None:
        answer = self.dashboard.get("/api/problems")
        same = (one for one in answer[key] if (one["rule"], one["subject"]) == (rule, subject))
        return next(same, None)

    def sees(self, rule: str, subject: str = "") -> dict[str, Any]:
        what = f"{rule} of {subject or 'the cluster'} is raised"
        return wait_until(lambda: self.told(rule, subject), 20, what)

    def clears(self, rule: str, subject: str = "") -> dict[str, Any]:
        what = f"{rule} of {subject or 'the cluster'} is cleared"
        wait_until(lambda: self.told(rule, subject) is None, 20, what)
        return wait_until(lambda: self.told(rule, subject, key="past"), 5, "it is in the past")

    def counts(self, queue: str) -> Callable[[], bool]:
        """Return whether messages wait in a queue, by a metric; asking has it counted."""

        def counted() -> bool:
            self.dashboard.ask("/queues")
            text = self.dashboard.ask("/metrics").text
            return re.search(rf'flower_ng_queue_length{{queue="{queue}"}} [1-9]', text) is not None

        return counted

    def nap(self, seconds: float) -> str:
        answer = self.dashboard.post(f"/api/task/async-apply/{NAPS}", {"args": [seconds]})
        return str(answer.json()["task-id"])

    def starts(self, task_id: str) -> None:
        def started() -> bool:
            answer = self.dashboard.ask(f"/api/task/info/{task_id}")
            return answer.status == 200 and answer.json()["state"] == "STARTED"

        wait_until(started, 15, "the task starts")


@pytest.fixture(scope="module")
def watched(redis_server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    url = redis_server.url.replace("/0", "/7")
    dashboard = Dashboard(tmp_path_factory.mktemp("problems"), url, url, OPTIONS)
    try:
        yield Watched(dashboard.start())
    finally:
        dashboard.stop()


@pytest.fixture
def work(redis_server: Redis, tmp_path) -> Iterator[Callable[[str], Worker]]:
    """Start a worker by a name; all of them are killed at the end."""
    started: list[Worker] = []
    url = redis_server.url.replace("/0", "/7")

    def start(name: str) -> Worker:
        started.append(Worker(tmp_path, url, url, name))
        return started[-1].start()

    yield start
    for one in started:
        one.signal(signal.SIGCONT)
        one.stop()


def test_a_worker_that_is_stopped_is_silent_and_one_that_goes_on_is_not(watched, work):
    stopped = work("stopped")
    wait_until(lambda: watched.dashboard.get("/api/workers", status=1).get(stopped.hostname), 15)

    stopped.signal(signal.SIGSTOP)
    problem = watched.sees("worker-silent", stopped.hostname)
    page = watched.dashboard.ask("/problems").text
    metrics = watched.dashboard.ask("/metrics").text
    stopped.signal(signal.SIGCONT)

    assert problem["severity"] == "error"
    assert problem["evidence"]["silent_s"] > 3
    assert stopped.hostname in page
    assert f'flower_ng_problem{{rule="worker-silent",subject="{stopped.hostname}"}} 1.0' in metrics
    assert watched.clears("worker-silent", stopped.hostname)["cleared"] >= problem["raised"]


def test_tasks_of_a_killed_worker_are_probably_lost_and_unclaimed_when_it_is_back(watched, work):
    first = work("killed")
    watched.starts(task_id := watched.nap(60))

    first.kill()
    gone = watched.sees("worker-gone", first.hostname)
    work("killed")
    watched.clears("worker-gone", first.hostname)
    unclaimed = watched.sees("task-unclaimed", NAPS)

    assert gone["evidence"]["tasks probably lost"] == 1
    assert unclaimed["evidence"]["oldest_task"] == task_id
    assert "probably lost" in unclaimed["advice"]
    watched.dashboard.post(f"/api/task/forget/{task_id}")
    watched.clears("task-unclaimed", NAPS)


def test_a_task_that_runs_for_long_is_told_until_it_ends(watched, work):
    work("busy")

    watched.starts(task_id := watched.nap(4))

    assert watched.sees("task-long", NAPS)["evidence"]["oldest_task"] == task_id
    watched.clears("task-long", NAPS)


def test_a_queue_that_nobody_consumes_is_told_until_somebody_does(watched, work):
    worker = work("elsewhere")
    watched.dashboard.post(f"/api/task/async-apply/{NAPS}", {"args": [0], "queue": "nobodys"})

    wait_until(watched.counts("nobodys"), 15, "the message is counted")
    assert watched.sees("queue-deserted", "nobodys")["evidence"]["waiting"] == 1
    watched.dashboard.post(f"/api/worker/queue/add-consumer/{worker.hostname}", queue="nobodys")
    wait_until(lambda: not watched.counts("nobodys")(), 15, "the message is taken")
    watched.clears("queue-deserted", "nobodys")


def test_two_workers_with_one_name_are_told_apart_from_a_restart(watched, work):
    one, two = work("twin"), work("twin")

    evidence = watched.sees("workers-twins", one.hostname)["evidence"]

    assert evidence["changes of identity in a minute"] >= 3
    two.stop()


def test_a_broker_that_may_evict_and_one_that_goes_and_comes_are_told(own_redis, tmp_path):
    dashboard = Dashboard(tmp_path, own_redis.url, options=OPTIONS)
    try:
        with redis.Redis.from_url(own_redis.url) as client:
            client.config_set("maxmemory", "100mb")
            client.config_set("maxmemory-policy", "allkeys-lru")
        watched = Watched(dashboard.start())
        wait_until(lambda: dashboard.get("/api/connection")["connected"], 15)
        assert watched.sees("broker-evicts")["evidence"]["policy"] == "allkeys-lru"
        own_redis.kill()
        assert watched.sees("events-away")["evidence"]["reason"]
        own_redis.start()
        watched.clears("events-away")
    finally:
        dashboard.stop()
