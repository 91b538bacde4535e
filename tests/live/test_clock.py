"""The system's clock is moved, by two minutes to a day, while the dashboard runs."""

import time
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from tests.leap import set_ahead
from tests.services import Dashboard, Worker, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("ends")]

DAY_S = 86_400
STEPPED = {"CLOCK_STEPS": "1"}  # tests/leap.py
STEPS_S = (-120, -3600, -DAY_S, DAY_S)
#: A heartbeat comes every 2 s, so that two in a row are seen after each step.
WATCHED_S = 5.0


@pytest.mark.parametrize("moved", ["dashboard", "both"])
def test_events_are_applied_and_workers_stay_online_whatever_the_clock_does(
    moved: str, redis_url: str, start_worker: Any, start_dashboard: Any, tmp_path: Path
) -> None:
    clock = tmp_path / "clock"
    set_ahead(clock, 0.0)
    worker: Worker = start_worker(
        redis_url, redis_url, clock=clock if moved == "both" else None, env=STEPPED
    )
    board: Dashboard = start_dashboard(redis_url, redis_url, clock=clock, env=STEPPED)
    app = Celery(broker=redis_url, set_as_current=False)
    wait_until(lambda: status(board) == {worker.hostname: True}, 20, "the worker is online")
    ahead = 0
    for step in STEPS_S:
        ahead += step
        set_ahead(clock, ahead)
        uuid = app.send_task("tests.shop.add", (1, 2)).id
        ends, seen = time.monotonic() + WATCHED_S, ""
        while time.monotonic() < ends:
            assert status(board) == {worker.hostname: True}, f"after a step of {step} s"
            seen = seen or state(board, uuid)
            time.sleep(0.1)
        assert seen == "SUCCESS", f"after a step of {step} s"
    overview = board.get("/api/overview")
    assert (overview["workers"]["online"], overview["workers"]["silent"]) == (1, 0)
    assert "worker" not in {one["about"] for one in board.get("/api/problems")["problems"]}
    app.close()


def status(board: Dashboard) -> dict[str, bool]:
    return board.get("/api/workers", status=1)


def state(board: Dashboard, uuid: str) -> str:
    answer = board.ask(f"/api/task/info/{uuid}")
    found = answer.json()["state"] if answer.status == 200 else ""
    return found if found == "SUCCESS" else ""
