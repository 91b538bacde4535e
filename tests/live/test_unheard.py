"""Ends that no event told are asked of the result backend, and said to be from there."""

import json
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from tests.leap import set_ahead
from tests.services import Dashboard, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("ends")]

SILENT = {"SHOP_CONF": json.dumps({"worker_send_task_events": False})}
#: The dashboard asks nobody for events, so that they can be stopped.
DEAF = ("--enable_events=false", "--problems_interval=0.3", "--problems_hold=0.6",
        "--problems_quiet_start=0")  # fmt: skip
SOURCE = "result backend"


class Board:
    """A dashboard whose clock leaps, and an app that sends to its workers."""

    def __init__(self, dashboard: Dashboard, clock: Path, app: Celery) -> None:
        self.dashboard, self._clock, self.app, self._ahead = dashboard, clock, app, 0.0
        wait_until(lambda: dashboard.ask("/readyz").status == 200, 20, "the dashboard is ready")

    def send(self, task: str, *args: Any) -> str:
        return str(self.app.send_task(f"tests.shop.{task}", args).id)

    def tell(self, command: str) -> None:
        assert self.app.control.broadcast(command, reply=True, limit=1, timeout=5)

    def leap(self, seconds: float) -> None:
        self._ahead += seconds
        set_ahead(self._clock, self._ahead)

    def sees(self, uuid: str, state: str, source: str = "events") -> dict[str, Any]:
        """Wait until a task has a state, and that from where it should be."""
        told: dict[str, Any] = {}

        def seen() -> bool:
            answer = self.dashboard.get("/api/tasks/page", search=f"id:={uuid}")
            told.update(answer["tasks"][0] if answer["tasks"] else {})
            return told.get("state") == state

        wait_until(seen, 30, f"{uuid} is {state}")
        assert told["state_source"] == source
        return told

    def page(self, uuid: str) -> str:
        return self.dashboard.ask(f"/task/{uuid}").text

    def says(self, uuid: str, words: str) -> None:
        wait_until(lambda: words in self.page(uuid), 30, f"the page of {uuid} says: {words}")


@pytest.fixture
def board(start_dashboard: Any, tmp_path: Path) -> Any:
    """Start boards: `board(broker, backend)`."""

    def start(broker: str, backend: str) -> Board:
        clock = tmp_path / "clock"
        set_ahead(clock, 0.0)
        app = Celery(broker=broker, set_as_current=False)
        app.conf.task_send_sent_event = True
        return Board(start_dashboard(broker, backend, options=DEAF, clock=clock), clock, app)

    return start


@pytest.mark.parametrize("kind", ["redis", "db+sqlite"])
def test_ends_of_a_worker_that_sends_no_events_are_learned(
    kind: str, redis_url: str, start_worker: Any, board: Any, tmp_path: Path
) -> None:
    backend = redis_url if kind == "redis" else f"db+sqlite:///{tmp_path}/results.db"
    start_worker(redis_url, backend, env=SILENT)
    shown = board(redis_url, backend)
    done, failed = shown.send("add", 1, 2), shown.send("fail", "no stock")
    shown.sees(done, "PENDING")
    shown.leap(31)

    assert shown.sees(done, "SUCCESS", SOURCE)["result"] is None
    told = shown.sees(failed, "FAILURE", SOURCE)
    assert told["exception"] == "ValueError('no stock')"
    assert told["traceback"].endswith("ValueError: no stock\n")
    assert told["failed"] > told["sent"] - 1
    assert "from the result backend: no event told it" in shown.page(failed)
    found = shown.dashboard.get("/api/tasks/page", search="is:from-backend")["tasks"]
    assert {one["uuid"] for one in found} == {done, failed}
    metrics = shown.dashboard.ask("/metrics").text
    assert 'flower_ng_ends_from_backend_total{state="FAILURE"} 1.0' in metrics
    assert "task-failed" not in metrics.replace('dropped_total{type="task-failed"}', "")


def test_a_worker_that_is_killed_after_its_task_ended_leaves_nothing_to_run_again(
    redis_url: str, start_worker: Any, board: Any
) -> None:
    options = ("-c", "2", "--heartbeat-interval=1")
    worker = start_worker(redis_url, redis_url, env=SILENT, options=options)
    shown = board(redis_url, redis_url)
    shown.tell("enable_events")
    ended, lost = shown.send("sleep", 6), shown.send("sleep", 300)
    for uuid in (ended, lost):
        shown.sees(uuid, "STARTED")
    shown.tell("disable_events")
    wait_until(lambda: "succeeded in" in worker.output(), 15, "one task has ended")
    worker.kill()

    shown.sees(ended, "SUCCESS", SOURCE)
    problem = wait_until(lambda: gone(shown), 30, "the worker is gone")
    assert problem["evidence"]["tasks without a known end"] == 1
    assert "before you run it again" in problem["advice"]
    shown.says(lost, "The result backend says STARTED, so it may or may not have ended.")
    assert "end unknown" in shown.page(lost)
    assert "so far" not in shown.page(lost)


def gone(shown: Board) -> dict[str, Any] | None:
    problems = shown.dashboard.get("/api/problems")["problems"]
    return next((one for one in problems if one["rule"] == "worker-gone"), None)


def test_a_task_that_raises_ignore_beside_others_has_no_known_end_and_that_is_said(
    redis_url: str, start_worker: Any, board: Any
) -> None:
    worker = start_worker(redis_url, redis_url)
    shown = board(redis_url, redis_url)
    running, ignored = shown.send("sleep", 300), shown.send("ignore")
    for uuid in (running, ignored):
        shown.sees(uuid, "STARTED")
    shown.leap(60)

    shown.says(ignored, "Its worker says that it does not run it, and no event says how it ended.")
    shown.says(ignored, "The result backend says STARTED, so it may or may not have ended.")
    assert not shown.dashboard.get(f"/api/task/details/{running}")["doubt"]
    listed = shown.dashboard.ask("/tasks").text
    assert (listed.count("end unknown"), listed.count(">so far<")) == (1, 1)
    assert worker.running
    worker.kill()


def test_a_backend_that_cannot_be_asked_is_said_to_be_so(
    redis_url: str, start_worker: Any, board: Any
) -> None:
    worker = start_worker(redis_url, "rpc://", options=("-c", "1", "--heartbeat-interval=1"))
    shown = board(redis_url, "rpc://")
    lost = shown.send("sleep", 300)
    shown.sees(lost, "STARTED")
    worker.kill()

    shown.says(lost, "rpc://, which returns results only to the sender of the task")
    problem = wait_until(lambda: gone(shown), 30, "the worker is gone")
    assert "rpc://" in problem["evidence"]["reason"]


def test_progress_is_shown_from_the_result_backend_and_from_events_and_is_no_end(
    redis_url: str, start_worker: Any, board: Any
) -> None:
    start_worker(redis_url, redis_url)
    shown = board(redis_url, redis_url)
    uuid = shown.send("progress", 8)
    shown.sees(uuid, "PROGRESS")
    shown.says(uuid, "In the result backend:")

    page = shown.page(uuid)
    assert "PROGRESS</span></h2>" in page
    assert "total" in page
    assert "current 3, total 10, note three of ten" in page
    told = shown.dashboard.get(f"/api/task/details/{uuid}")
    (said,) = [event["fields"] for event in told["events"] if event["type"] == "progress"]
    assert said == {"current": 3, "total": 10, "note": "three of ten"}
    assert told["backend"]["state"] == "PROGRESS"
    shown.sees(uuid, "SUCCESS")
