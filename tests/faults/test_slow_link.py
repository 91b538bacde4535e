"""A slow network between the dashboard and its broker: late is said, and nothing is given up."""

from collections.abc import Callable, Iterator

import pytest
from celery import Celery

from tests.faults.freezing import heard_task
from tests.faults.proxy import Proxy
from tests.services import Dashboard, Rabbit, Redis, Worker, wait_until

pytestmark = [pytest.mark.live, pytest.mark.faults]

#: On the way, in each direction.
FAR_S = 0.2
SLOW_BYTES_PER_S = 50_000
#: More than the link carries: some 10 KB of events for each task.
TASKS, ARGUMENT = 200, "x" * 2000


@pytest.fixture(params=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> Redis | Rabbit:
    server: Redis | Rabbit = request.getfixturevalue(
        {"redis": "own_redis", "rabbitmq": "rabbit"}[request.param]
    )
    return server


@pytest.fixture
def link(broker: Redis | Rabbit) -> Iterator[Proxy]:
    proxy = Proxy(broker.port)
    yield proxy
    proxy.close()


def test_200_ms_away_all_that_is_asked_is_answered(
    broker: Redis | Rabbit,
    link: Proxy,
    start_worker: Callable[..., Worker],
    start_dashboard: Callable[..., Dashboard],
) -> None:
    link.delay_s = FAR_S
    worker = start_worker(broker.url)
    dashboard = start_dashboard(link.url(broker.url))
    heard_task(dashboard, broker.url)

    def inspected() -> bool:
        known = dashboard.get("/api/workers", refresh=1).get(worker.hostname, {})
        return known.get("stats") is not None

    wait_until(inspected, 30, "the worker is inspected")
    grown = dashboard.post(f"/api/worker/pool/grow/{worker.hostname}?n=1")
    assert (grown.status, "Growing" in grown.text) == (200, True)
    sent = dashboard.post("/api/task/send-task/tests.shop.add", {"args": [1, 2]})
    assert sent.status == 200
    uuid = sent.json()["task-id"]
    result = lambda: dashboard.ask(f"/api/task/info/{uuid}").json()  # noqa: E731
    known = lambda: dashboard.ask(f"/api/task/info/{uuid}").status == 200  # noqa: E731
    wait_until(lambda: known() and result()["state"] == "SUCCESS", 15, "it is run")
    assert dashboard.ask("/readyz").status == 200


def test_events_over_a_link_that_is_too_slow_are_said_to_be_late_until_all_have_come(
    broker: Redis | Rabbit,
    link: Proxy,
    start_worker: Callable[..., Worker],
    start_dashboard: Callable[..., Dashboard],
) -> None:
    start_worker(broker.url, options=("-E", "-P", "threads", "-c", "4"))
    link.bytes_per_s = SLOW_BYTES_PER_S
    options = ("--problems_interval=0.3", "--problems_hold=0.6", "--problems_quiet_start=0")
    options += ("--problem_events_late=5",)
    dashboard = start_dashboard(link.url(broker.url), options=options)
    heard_task(dashboard, broker.url)
    with Celery("far", broker=broker.url, set_as_current=False) as app:
        app.conf.task_send_sent_event = True
        for _ in range(TASKS):
            app.send_task("tests.shop.add", (ARGUMENT, "y"))

    wait_until(lambda: "s late" in dashboard.ask("/workers").text, 60, "late is said")
    link.bytes_per_s = 10_000_000
    known = lambda: len(dashboard.get("/api/tasks", limit=2 * TASKS))  # noqa: E731
    wait_until(lambda: known() >= TASKS, 60, "all have come")
    heard_task(dashboard, broker.url)
    wait_until(lambda: "s late" not in dashboard.ask("/workers").text, 60, "it is said no more")
    assert "missing" not in dashboard.ask("/workers").text
