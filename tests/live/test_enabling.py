"""Workers that were started without -E are asked for their events at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery import Celery

from tests.live.conftest import BROKERS
from tests.services import Dashboard, Rabbit, Redis, Worker, wait_until

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

QUIET = {"SHOP_CONF": '{"worker_send_task_events": false}'}
PER_SECOND = 16
#: What a worker receives before it can be asked at all: it reads tasks before commands.
UNHEARD = 4


@contextmanager
def sending(url: str, queue: str) -> Iterator[list[str]]:
    """Send tasks steadily; yields the list that their ids are added to."""
    app, sent, enough = Celery(broker=url, set_as_current=False), list[str](), threading.Event()
    app.conf.update(task_send_sent_event=True, task_default_queue=queue)

    def send() -> None:
        while not enough.wait(1 / PER_SECOND):
            sent.append(app.send_task("tests.shop.add", (1, 2)).id)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield sent
    finally:
        enough.set()
        sender.join()
        app.close()


@pytest.mark.parametrize("kind", BROKERS)
def test_a_worker_that_starts_without_events_is_heard_at_once(
    kind: str, redis_url: str, start_worker: Any, start_dashboard: Any, request: Any
) -> None:
    server: Redis | Rabbit | None = request.getfixturevalue("rabbit") if kind != "redis" else None
    url = server.url if server else redis_url
    queue = f"quiet-{kind}"
    env = {**QUIET, "SHOP_QUEUE": queue}
    first: Worker = start_worker(url, redis_url, name="first", env=env)
    board: Dashboard = start_dashboard(url, redis_url, env={"SHOP_QUEUE": queue})
    wait_until(lambda: board.ask("/readyz").status == 200, 20, "the dashboard is ready")
    with sending(url, queue) as sent:
        wait_until(lambda: board.get("/api/tasks", state="SUCCESS"), 20, "the first is heard")
        second: Worker = start_worker(url, redis_url, name="second", env=env)
        since = len(sent)
        wait_until(lambda: len(sent) > since + 8 * PER_SECOND, 30, "8 s of tasks were sent")
    wait_until(lambda: done(first) + done(second) == len(sent), 15, "all tasks were done")
    wait_until(lambda: not board.get("/api/tasks", state="STARTED"), 15, "their ends were heard")
    pending = board.get("/api/tasks", state="PENDING")
    assert done(second) > PER_SECOND
    unheard = [uuid for uuid in pending if uuid in second.output()]
    assert len(unheard) <= UNHEARD


def done(worker: Worker) -> int:
    return worker.output().count("succeeded in")
