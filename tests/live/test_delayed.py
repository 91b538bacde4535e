"""Tasks with an ETA on quorum queues, which RabbitMQ delays in 28 queues of its own."""

import json
import re
from typing import Any

import pytest
from celery import Celery

from tests.services import Dashboard, Rabbit, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("rabbit")]

DELAYED = re.compile(r'<tr id="delayed".*?</tr>', re.DOTALL)
CONF = {
    "task_default_queue": "quorum",
    "task_default_queue_type": "quorum",
    "task_default_exchange": "quorum",
    "task_default_exchange_type": "topic",
    "task_default_routing_key": "quorum",
    "task_send_sent_event": True,
}


def record(board: Dashboard, task_id: str, state: str) -> Any:
    def found() -> Any:
        answer = board.ask(f"/api/task/info/{task_id}")
        told = answer.json() if answer.status == 200 else {}
        return told if told.get("state") == state else None

    return wait_until(found, 30, f"{task_id} is {state}")


def test_the_queues_of_delayed_delivery_are_one_line_and_their_delay_is_no_waiting(
    rabbit: Rabbit, start_worker: Any, start_dashboard: Any
) -> None:
    env = {"SHOP_CONF": json.dumps(CONF)}
    start_worker(rabbit.url, env=env, options=("-P", "threads", "-c", "2"))
    board = start_dashboard(rabbit.url, options=(f"--broker_api={rabbit.management_url}",), env=env)
    wait_until(lambda: board.ask("/readyz").status == 200, 20, "the dashboard is ready")
    app = Celery(broker=rabbit.url, set_as_current=False)
    app.conf.update(CONF)
    later = app.send_task("tests.shop.add", (1, 2), countdown=3600).id
    soon = app.send_task("tests.shop.add", (1, 2), countdown=3).id

    waits = record(board, later, "PENDING")
    assert waits["routing_key"].startswith("0.0.")
    assert later in board.get("/api/tasks", search="queue:=quorum")
    page = board.ask(f"/task/{later}").text
    assert "Waiting for ETA" in page
    assert re.search(r"due in (59m \d\d|1h 00m 00)s", page)
    record(board, soon, "SUCCESS")
    queues = wait_until(lambda: one_delayed(board), 30, "the broker tells of one delayed task")
    assert "celery_delayed_27" not in DELAYED.sub("", queues)
    metrics = board.ask("/metrics").text
    assert "celery_delayed_" not in metrics
    assert "\nflower_ng_delayed_tasks 1.0\n" in metrics
    assert not board.get("/api/problems")["problems"]
    whole = wait_until(lambda: counted(board), 20, "the minute is written")
    assert whole["queued"] is None


def one_delayed(board: Dashboard) -> str:
    """Return the page of queues as soon as it tells of one delayed task."""
    text = board.ask("/queues").text
    line = DELAYED.search(text)
    return text if line and ">1</td>" in line[0] else ""


def counted(board: Dashboard) -> Any:
    told = board.get("/api/series", kind="task", name="tests.shop.add", step="1h")["series"]
    return told and told[0]["whole"]["succeeded"] and told[0]["whole"]
