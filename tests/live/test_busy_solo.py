"""A worker with a solo pool runs a task: it sends nothing meanwhile, and nobody calls it dead."""

import re
import time
from collections.abc import Callable

import pytest
from celery import Celery

from tests.services import Dashboard, Redis, Worker, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("ends")]

OPTIONS = (
    "--problems_interval=0.3",
    "--problems_hold=0.6",
    "--problems_quiet_start=0",
    "--problem_worker_silent=2",
)
SOLO = ("-P", "solo", "--heartbeat-interval=1")
TASK_S = 9
BUSY = re.compile(">Maybe busy<|>Silent, pool unknown<")


def test_a_solo_worker_that_runs_a_task_is_told_to_be_perhaps_busy_and_no_problem(
    redis_server: Redis,
    start_worker: Callable[..., Worker],
    start_dashboard: Callable[..., Dashboard],
) -> None:
    url = redis_server.url.replace("/0", "/6")
    worker = start_worker(url, name="solo", options=SOLO)
    dashboard = start_dashboard(url, options=OPTIONS)
    wait_until(lambda: worker.hostname in dashboard.get("/api/workers"), 15, "it answered")

    with Celery("busy", broker=url, set_as_current=False) as app:
        sent = app.send_task("tests.shop.sleep", (TASK_S,)).id
    wait_until(lambda: ">Maybe busy<" in dashboard.ask("/workers").text, 15, "it is busy")
    while dashboard.ask(f"/api/task/info/{sent}").status != 200:  # events come at the end
        assert not dashboard.get("/api/problems")["problems"]
        assert dashboard.get("/api/workers", status="true") == {worker.hostname: True}
        overview = dashboard.get("/api/overview")
        assert not overview["workers"]["silent"]  # None while it has listened for too short
        assert "Silent" not in dashboard.ask("/workers").text
        gauge = f'flower_worker_online{{worker="{worker.hostname}"}} 1.0'
        assert gauge in dashboard.ask("/metrics").text
    wait_until(lambda: ">Online<" in dashboard.ask("/workers").text, 15, "it is heard again")


def test_one_that_was_busy_when_the_dashboard_started_is_told_the_same(
    redis_server: Redis,
    start_worker: Callable[..., Worker],
    start_dashboard: Callable[..., Dashboard],
) -> None:
    """Between two tasks it reads our question too late, if at all: its pool is not known."""
    url = redis_server.url.replace("/0", "/7")
    worker = start_worker(url, name="solo", options=SOLO)
    with Celery("busy", broker=url, set_as_current=False) as app:
        for seconds in (3, TASK_S, TASK_S, TASK_S):  # on a busy machine it is met only later
            app.send_task("tests.shop.sleep", (seconds,))
    dashboard = start_dashboard(url, options=(*OPTIONS, "--inspect_interval=0"))

    wait_until(lambda: worker.hostname in dashboard.get("/api/workers", status=1), 15, "it is met")
    is_busy = lambda: BUSY.search(dashboard.ask("/workers").text)  # noqa: E731 - by whether it answered
    wait_until(is_busy, 15, "it is busy")
    while is_busy():
        assert not dashboard.get("/api/problems")["problems"]
        assert dashboard.get("/api/workers", status=1) == {worker.hostname: True}
        time.sleep(0.3)
    assert ">Online<" in dashboard.ask("/workers").text
    worker.kill()  # nobody waits for the tasks that are left
