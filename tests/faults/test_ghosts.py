"""What was answered with an error is never carried out later. Real brokers, a real worker."""

import json
import signal
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery

from flower_ng.errors import NoAnswer
from flower_ng.monitor.remote.publish import Publisher
from tests.faults.proxy import Proxy
from tests.monitor.yard import shop
from tests.services import Answer, Dashboard, Rabbit, Redis, Worker, wait_until

pytestmark = pytest.mark.live

NOT_SENT = "Nothing was sent"
ECHO = "/api/task/send-task/tests.shop.echo"
SOLO = ("-P", "solo")


def calls(dashboard: Dashboard, worker: Worker, mark: str) -> dict[str, Answer]:
    """Make one call of each kind that changes something, all at once; return the answers."""
    name = worker.hostname
    task = {"args": [mark]}
    requests = {
        "shutdown": lambda: dashboard.post(f"/api/worker/shutdown/{name}"),
        "add consumer": lambda: dashboard.post(
            f"/api/worker/queue/add-consumer/{name}", queue=mark
        ),
        "revoke": lambda: dashboard.post(f"/api/task/revoke/{mark}"),
        "send": lambda: dashboard.post(ECHO, task),
        "apply": lambda: dashboard.post("/api/task/async-apply/tests.shop.echo", task),
    }
    with ThreadPoolExecutor(len(requests)) as together:
        answers = {what: together.submit(request) for what, request in requests.items()}
        return {what: answer.result() for what, answer in answers.items()}


def use_every_connection(dashboard: Dashboard, worker: Worker) -> None:
    """Have the connections open that commands and tasks are sent over."""
    known = lambda: worker.hostname in dashboard.get("/api/workers", status=1)  # noqa: E731
    wait_until(known, 15, "the worker is known")
    assert dashboard.post(ECHO, {"args": ["before"]}).status == 200
    assert dashboard.post("/api/task/revoke/before").status == 200


def asked(rabbit: Rabbit, path: str) -> list[dict[str, Any]]:
    """Return what RabbitMQ's management API lists."""
    with urllib.request.urlopen(authorized(f"{rabbit.management_url}{path}")) as reply:
        return json.load(reply)


def reads_all(rabbit: Rabbit) -> bool:
    """Whether RabbitMQ reads from every connection, and has closed those that nobody holds."""
    return all(one.get("state") == "running" for one in asked(rabbit, "connections"))


def authorized(url: str) -> urllib.request.Request:
    plain = url.replace("guest:guest@", "")
    return urllib.request.Request(plain, headers={"Authorization": "Basic Z3Vlc3Q6Z3Vlc3Q="})


def nothing_was_sent(answers: dict[str, Answer]) -> None:
    told = {what: (answer.status, answer.text) for what, answer in answers.items()}
    assert {status for status, _ in told.values()} == {503}, told
    assert all(NOT_SENT in text for _, text in told.values()), told


def nothing_happened(url: str, dashboard: Dashboard, worker: Worker, mark: str) -> None:
    """Assert it by what the worker tells, and its log, when it has done what came afterwards."""
    dashboard.post(ECHO, {"args": ["afterwards"]})
    wait_until(lambda: "afterwards" in worker.output(), 15, "the worker works again")
    with Celery(broker=url, set_as_current=False) as app:
        told = app.control.inspect([worker.hostname], timeout=10)
        queues, revoked = told.active_queues(), told.revoked()
    assert [queue["name"] for queue in queues[worker.hostname]] == ["celery"]
    assert mark not in revoked[worker.hostname]
    assert mark not in worker.output()
    assert "Got shutdown" not in worker.output()
    assert worker.running


@pytest.mark.xdist_group("rabbit")
def test_during_an_alarm_of_rabbitmq_nothing_is_sent_that_is_done_after_it(
    rabbit: Rabbit, start_worker, start_dashboard
):
    worker = start_worker(rabbit.url, name="alarm", options=SOLO)
    dashboard = start_dashboard(rabbit.url)
    use_every_connection(dashboard, worker)

    with rabbit.memory_alarm():
        answers = calls(dashboard, worker, mark := uuid4().hex)
        again = calls(dashboard, worker, mark)

    wait_until(lambda: reads_all(rabbit), 30, "RabbitMQ has read what waited")
    nothing_happened(rabbit.url, dashboard, worker, mark)
    nothing_was_sent(answers)
    nothing_was_sent(again)
    assert "alarm" in answers["revoke"].text


def test_while_redis_is_frozen_nothing_is_sent_that_is_done_after_it(
    own_redis: Redis, start_worker, start_dashboard
):
    worker = start_worker(own_redis.url, name="frozen", options=SOLO)
    dashboard = start_dashboard(own_redis.url)
    use_every_connection(dashboard, worker)

    own_redis.signal(signal.SIGSTOP)
    try:
        answers = calls(dashboard, worker, mark := uuid4().hex)
    finally:
        own_redis.signal(signal.SIGCONT)

    nothing_happened(own_redis.url, dashboard, worker, mark)
    nothing_was_sent(answers)


#: AMQP's method that commits a transaction: its class and number.
COMMIT = b"\0\x5a\0\x14"


@pytest.mark.parametrize(
    ("kind", "cut_at"),
    [
        ("redis_server", b"LPUSH"),
        pytest.param("rabbit", COMMIT, marks=pytest.mark.xdist_group("rabbit")),
    ],
    ids=["redis", "rabbitmq"],
)
async def test_a_connection_that_dies_while_it_sends_leaves_it_unknown(request, pool, kind, cut_at):
    broker = request.getfixturevalue(kind)
    with closing(Proxy(broker.port)) as proxy, shop(proxy.url(broker.url)) as app:
        publisher = Publisher(app, pool)
        await publisher.send_task("tests.shop.echo", [], {}, {"queue": "dying"})
        proxy.cut_at = cut_at

        with pytest.raises(NoAnswer, match="whether it has the task is not known"):
            await publisher.send_task("tests.shop.echo", [], {}, {"queue": "dying"})
        publisher.stop()
