"""The ledger finds a message that was taken out of Redis, and what a killed worker had started."""

import json
import time

import pytest
import redis
from celery import Celery

from tests.services import Dashboard, Worker, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live-redis")]
#: A killed worker is taken for gone after a few missed heartbeats.
FAST = ("--heartbeat-interval=1",)


def test_a_lost_message_and_a_killed_workers_task_are_listed_and_run_again(
    redis_server, tmp_path_factory
):
    folder, url = tmp_path_factory.mktemp("ledger"), redis_server.url.replace("/0", "/11")
    worker = Worker(folder, url, url, "doomed", ("-c", "1", "-Q", "books,silent", *FAST))
    board = Dashboard(folder, url, url)
    app = Celery(broker=url, set_as_current=False)
    app.conf.task_send_sent_event = True

    def send(name, *args):
        return app.send_task(f"tests.shop.{name}", args, queue="books").id

    def state(uuid):
        answer = board.ask(f"/api/task/info/{uuid}")
        return answer.json()["state"] if answer.status == 200 else None

    def ledger():
        return board.get("/api/queues/books/ledger", span="10m")

    try:
        worker.launch()
        board.start()
        worker.wait()
        wait_until(lambda: board.get("/api/connection")["connected"], 20, "events are heard")
        done = send("add", 1, 2)
        wait_until(lambda: state(done) == "SUCCESS", 30, "one is done")
        running = send("sleep", 60)
        wait_until(lambda: state(running) == "STARTED", 30, "one runs")
        worker.kill()
        waits, lost = send("add", 1, 2), send("add", 3, 4)
        wait_until(lambda: state(waits) and state(lost), 30, "both were sent")
        with redis.Redis.from_url(url) as client:
            (raw,) = [one for one in client.lrange("books", 0, -1) if lost.encode() in one]
            assert client.lrem("books", 1, raw) == 1
        sent_at = time.time()

        told = wait_until(
            lambda: (one := ledger())["missing"] and one["of_received"]["lost"] and one,
            60,
            "both losses are found",
        )

        assert time.time() - sent_at > 9  # what was sent just now is not judged
        assert (told["sent"], told["waiting"], told["received"], told["missing"]) == (4, 1, 2, 1)
        assert (told["of_received"]["done"], told["of_received"]["lost"]) == (1, 1)
        places = {one["task-id"]: one["place"] for one in told["tasks"]}
        assert places == {running: "lost", lost: "missing"}
        needs = wait_until(
            lambda: (asked := board.ask("/api/queues/books/scale")).status == 200 and asked.json(),
            30,
            "it was observed for long enough",
        )
        assert needs["parts"]["running"] == 0  # its worker is gone
        unsent = board.ask("/api/queues/silent/scale")
        assert (unsent.status, "task_send_sent_event" in unsent.text) == (503, True)
        page = board.ask("/queues/books?ledger=10m").text
        assert all(uuid in page for uuid in (running, lost))
        ids = "&".join(f"ids={one}" for one in places)
        review = board.post(f"/api/batches/rerun?dry_run=1&{ids}").json()
        assert review["count"] == 2
    finally:
        board.kill()
        worker.kill()


def test_without_events_of_sending_nothing_is_counted(redis_server, start_dashboard):
    url = redis_server.url.replace("/0", "/11")
    board = start_dashboard(url, url)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    with Celery(broker=url, set_as_current=False) as app:
        app.conf.task_send_sent_event = False
        app.send_task("tests.shop.add", (1, 2), queue="celery")

    told = wait_until(lambda: board.get("/api/queues/celery/ledger"), 20)

    assert told["sent"] is told["missing"] is told["of_received"]["lost"] is None
    assert "task_send_sent_event" in json.dumps(told["notes"])
    assert board.ask("/api/queues/celery/ledger?span=5s").status == 400
