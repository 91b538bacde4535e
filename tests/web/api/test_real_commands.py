"""Publishing and steering through the API of the real dashboard over a real Redis and worker."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from html import unescape

from tests.services import Worker, running, wait_until


def test_apply_gives_up_after_the_timeout_of_its_body(real):
    answer = real.dashboard.post("/api/task/apply/tests.unheard", {"timeout": 0.3})
    assert answer.status == 404

    body = {"timeout": 0.3, "queue": "nowhere"}
    answer = real.dashboard.post("/api/task/apply/tests.shop.add", {**body, "args": [1, 2]})

    assert sorted(answer.json()) == ["state", "task-id"]
    assert answer.json()["state"] == "PENDING"


def test_waiting_calls_do_not_starve_others(real):
    body = {"timeout": 4, "queue": "nowhere", "args": [1, 2]}
    with ThreadPoolExecutor(30) as clients:
        path = "/api/task/apply/tests.shop.add"
        waiting = [clients.submit(real.dashboard.post, path, body) for _ in range(30)]
        time.sleep(1)

        started = time.monotonic()
        quick = real.dashboard.post("/api/task/async-apply/tests.shop.add", {"args": [1, 2]})

        assert time.monotonic() - started < 1
        assert quick.status == 200
        assert {call.result().status for call in waiting} == {200}


def test_a_worker_that_refuses_answers_in_its_own_escaped_words(real):
    answer = real.dashboard.post(f"/api/worker/pool/autoscale/{real.worker}", min="1", max="3")

    assert (answer.status, answer.headers["Content-Type"]) == (403, "text/html; charset=UTF-8")
    assert "'" not in answer.text
    assert unescape(answer.text) == (
        f"Failed to autoscale '{real.worker}' worker: ValueError('Autoscale not enabled')"
    )


def test_a_worker_that_started_later_can_be_commanded_at_once(real, tmp_path):
    broker = real.dashboard.environment["SHOP_BROKER"]
    with running(Worker(tmp_path, broker, broker, name="late")) as late:
        wait_until(lambda: late.hostname in real.dashboard.get("/api/workers", status=1))

        grown = real.dashboard.post(f"/api/worker/pool/grow/{late.hostname}")
        ended = real.dashboard.post(f"/api/worker/shutdown/{late.hostname}")

        assert grown.json() == {"message": f"Growing '{late.hostname}' worker's pool by 1"}
        assert ended.json() == {"message": "Shutting down!"}
        wait_until(lambda: not late.running, what="the worker has ended")


def test_a_queue_name_is_sent_as_it_was_written(real):
    queue = "<fast & 'loose'>"

    added = real.dashboard.post(f"/api/worker/queue/add-consumer/{real.worker}", queue=queue)

    assert added.json() == {"message": f"add consumer {queue}"}
    real.dashboard.post(f"/api/worker/queue/cancel-consumer/{real.worker}", queue=queue)


def test_a_refresh_for_an_unknown_name_ends_in_time(real):
    started = time.monotonic()

    answer = real.dashboard.ask("/api/workers?refresh=1&workername=nobody@nowhere")

    assert answer.status == 404
    assert time.monotonic() - started < 3


def test_a_worker_that_was_asked_singly_tells_all_eight(real):
    record = real.dashboard.get("/api/workers", refresh=1, workername=real.worker)[real.worker]

    assert set(record) == {
        "timestamp", "stats", "active_queues", "registered",
        "scheduled", "active", "reserved", "revoked", "conf",
    }  # fmt: skip
    assert "alternates" not in record["stats"]["broker"]


def test_the_wait_of_apply_ends_with_its_connection(real):
    body = b'{"queue": "nowhere", "args": [1, 2]}'
    with socket.create_connection(("127.0.0.1", real.dashboard.port), 5) as connection:
        length = f"Content-Length: {len(body)}"
        head = f"POST /api/task/apply/tests.shop.add HTTP/1.1\r\nHost: x\r\n{length}"
        connection.sendall(f"{head}\r\n\r\n".encode() + body)
        time.sleep(0.5)

    assert real.dashboard.ask("/healthcheck").status == 200
    assert "Traceback" not in real.dashboard.output()
