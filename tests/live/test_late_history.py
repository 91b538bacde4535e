"""Lists answer while the history can't be written, and say that they lack the newest tasks."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from celery import Celery

from tests.services import Dashboard, Redis, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("ends")]

LATE = "Flower-History-Lag"
LISTS = (
    "/api/tasks",
    "/api/tasks/page",
    "/api/tasks/facets",
    "/api/tasks/export?format=ndjson",
    "/tasks/export?format=csv",
)


def test_what_lists_answer_without_the_newest_tasks_says_so(
    redis_server: Redis, tmp_path: Path, start_dashboard: Callable[..., Dashboard]
) -> None:
    url = redis_server.url.replace("/0", "/5")
    file = tmp_path / "history.sqlite3"
    options = ("--persistent", f"--db={file.with_suffix('')}")
    dashboard = start_dashboard(url, options=options)
    wait_until(lambda: dashboard.get("/api/connection")["connected"], 15, "events come")
    assert all(LATE not in dashboard.ask(path).headers for path in LISTS)

    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # as a backup that holds the file
        with Celery("late", broker=url, set_as_current=False) as app:
            app.conf.task_send_sent_event = True
            sent = app.send_task("tests.shop.add", (1, 2)).id
        wait_until(lambda: dashboard.get("/api/history")["lag_s"] >= 2, 15, "it is late")
        for path in LISTS:
            answer = dashboard.ask(path)
            assert sent in answer.text or int(answer.headers[LATE]) >= 2, path
        page = dashboard.ask("/tasks").text
        assert "The history cannot be written" in page or "so lists lack the newest" in page
        other.execute("ROLLBACK")
    wait_until(lambda: LATE not in dashboard.ask("/api/tasks").headers, 20, "it is written")
    assert sent in dashboard.get("/api/tasks")
