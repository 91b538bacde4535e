"""With --event_queue RabbitMQ keeps events while the dashboard is away; the worker is simulated."""

import json
import threading
import uuid
from base64 import b64encode
from contextlib import ExitStack, contextmanager
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from celery import Celery

from flower_ng.monitor.ingest.events import WHY_LENGTH
from flower_ng.monitor.ingest.kept_queue import QueueRefused
from flower_ng.monitor.ingest.receiver import Receiver, connected
from tests.services import Dashboard, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("rabbit")]


class Sender:
    """Says of tasks that they ran, as a worker does, with Celery's own dispatcher."""

    def __init__(self, url):
        self.tasks = 0
        self._stack = ExitStack()
        self._app = Celery(broker=url, set_as_current=False)
        connection = self._stack.enter_context(self._app.connection_for_write())
        dispatcher = self._app.events.Dispatcher(connection, hostname="w@box")
        self._dispatcher = self._stack.enter_context(dispatcher)

    def send(self, tasks):
        self.tasks += tasks
        for _ in range(tasks):
            task = {"uuid": str(uuid.uuid4())}
            self._dispatcher.send("task-received", name="shop.pay", args="()", kwargs="{}", **task)
            self._dispatcher.send("task-started", **task)
            self._dispatcher.send("task-succeeded", result="1", runtime=0.1, **task)

    @contextmanager
    def streaming(self):
        """Send a task about each 5 ms meanwhile."""
        is_over = threading.Event()

        def stream():
            while not is_over.wait(0.005):
                self.send(1)

        thread = threading.Thread(target=stream)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def close(self):
        self._stack.close()


@pytest.fixture
def sender(rabbit):
    one = Sender(rabbit.url)
    yield one
    one.close()


@pytest.fixture
def start(rabbit, tmp_path):
    """Start dashboards: `start(queue, broker="")`; all are ended."""
    started = []

    def start(queue, broker=""):
        folder = tmp_path / str(len(started))
        folder.mkdir()
        options = (f"--event_queue={queue}", "--persistent", f"--db={folder / 'kept'}")
        one = Dashboard(folder, broker or rabbit.url, "", options)
        started.append(one)
        return one.start()

    yield start
    for one in started:
        one.stop()


def hears(dashboard):
    wait_until(lambda: dashboard.get("/api/connection")["connected"], 20, "it is connected")


def count(dashboard):
    return dashboard.get("/api/tasks/page", search="state:SUCCESS", limit=1)["total"]


def succeeded(dashboard, tasks):
    def all_of_them():
        return count(dashboard) == tasks

    wait_until(all_of_them, 20, f"{tasks} tasks have succeeded")


def test_a_restart_loses_no_event_and_leaves_no_gap(start, sender):
    dashboard = start("restarted")
    hears(dashboard)
    sender.send(5)
    succeeded(dashboard, 5)
    dashboard.stop()
    sender.send(40)

    dashboard.start()

    succeeded(dashboard, 45)
    assert "flower_ng did not run" not in dashboard.ask("/history").text


def test_a_connection_that_is_closed_in_a_stream_of_events_loses_none(start, sender, rabbit):
    dashboard = start("cut")
    hears(dashboard)
    since = dashboard.get("/api/connection")["since"]

    with sender.streaming():
        close_consumers_of(rabbit, "celeryev.cut")
        wait_until(lambda: hears_again(dashboard, since), 20, "it hears again")

    succeeded(dashboard, sender.tasks)
    assert "no connection to the broker" not in dashboard.ask("/history").text


def hears_again(dashboard, since):
    connection = dashboard.get("/api/connection")
    return connection["connected"] and connection["since"] > since


def close_consumers_of(rabbit, queue):
    """Have the broker close the connections that consume from a queue, once it tells of them."""

    def connections():
        consumers = management(rabbit, "GET", "consumers")
        channels = [one["channel_details"] for one in consumers if one["queue"]["name"] == queue]
        return [channel["connection_name"] for channel in channels if channel]  # [] until known

    for name in wait_until(connections, 20, "the broker knows the consumer's connection"):
        management(rabbit, "DELETE", f"connections/{quote(name, safe='')}")


def management(rabbit, method, path, body=None):
    request = Request(f"http://127.0.0.1:{rabbit.management_port}/api/{path}", method=method)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", f"Basic {b64encode(b'guest:guest').decode()}")
    with urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or b"null")


REFUSED = {
    "another of that name": (
        "guest",
        "guest",
        "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl'",
        "If there is one with other options, delete it, take another --event_queue",
    ),
    "no permission": (
        "looker",
        "secret",
        "ACCESS_REFUSED - access to queue 'celeryev.refused'",
        "Let this user configure, write and read exchanges and queues whose names begin with",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_queue_that_is_refused_is_named_with_its_options_and_a_remedy(rabbit, case):
    user, password, words, remedy = REFUSED[case]
    access = {"configure": "^celeryev$", "write": ".*", "read": ".*"}
    management(rabbit, "PUT", "users/looker", {"password": "secret", "tags": ""})
    management(rabbit, "PUT", "permissions/%2F/looker", access)
    queue = {"durable": True, "arguments": {"x-message-ttl": 1000, "x-expires": 120_000}}
    management(rabbit, "PUT", "queues/%2F/celeryev.refused", queue)
    app = Celery(broker=f"amqp://{user}:{password}@127.0.0.1:{rabbit.port}//", set_as_current=False)
    nothing = {"on_message": print, "on_ready": print, "on_sign": print, "wake": print}
    try:
        with connected(app) as connection, pytest.raises(QueueRefused) as refusal:
            Receiver(connection, app=app, queue_name="refused", **nothing).receive()
    finally:
        management(rabbit, "DELETE", "queues/%2F/celeryev.refused")

    said = str(refusal.value)
    assert "celeryev.refused (durable, x-message-ttl 60000, x-expires 120000)" in said
    assert words in said
    assert remedy in said
    assert len(said) < WHY_LENGTH


def test_a_second_dashboard_on_the_same_queue_says_so_and_takes_nothing(start, sender):
    first = start("shared")
    hears(first)
    second = start("shared")

    def why():
        return second.get("/api/connection")["why"] or ""

    wait_until(lambda: "has another consumer" in why(), 20, "the second says why")
    sender.send(20)
    succeeded(first, 20)
    assert "Give each dashboard its own --event_queue" in why()


def test_redis_keeps_no_events_and_the_log_says_so(start, redis_url):
    dashboard = start("any", broker=redis_url)

    hears(dashboard)

    assert "event_queue has no effect: redis keeps no events" in dashboard.output()
