"""Publishing and steering through the API of the real dashboard over a real Redis and worker."""

import json
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.services import Worker, running, wait_until

pytestmark = pytest.mark.xdist_group("real")

PLAIN = "text/plain; charset=UTF-8"


def test_apply_gives_up_after_the_timeout_of_its_body(real):
    answer = real.dashboard.post("/api/task/apply/tests.unheard", {"timeout": 0.3})
    assert answer.status == 404

    body = {"timeout": 0.3, "queue": "nowhere"}
    answer = real.dashboard.post("/api/task/apply/tests.shop.add", {**body, "args": [1, 2]})

    assert sorted(answer.json()) == ["state", "task-id"]
    assert answer.json()["state"] == "PENDING"


def test_waiting_calls_do_not_starve_others(real):
    body = {"timeout": 8, "queue": "nowhere", "args": [1, 2]}
    with ThreadPoolExecutor(30) as clients:
        path = "/api/task/apply/tests.shop.add"
        waiting = [clients.submit(real.dashboard.post, path, body) for _ in range(30)]
        time.sleep(1)

        quick = real.dashboard.post("/api/task/async-apply/tests.shop.add", {"args": [1, 2]})
        told = real.dashboard.post(f"/api/task/revoke/{quick.json()['task-id']}")
        asked = real.dashboard.post(f"/api/worker/pool/grow/{real.worker}?dry_run=1&n=1")

        assert not [call for call in waiting if call.done()]
        assert {one.status for one in (quick, told, asked)} == {200}
        assert told.json()["acknowledged"] == [real.worker]
        assert {call.result().status for call in waiting} == {200}


def test_a_worker_that_refuses_answers_in_its_own_words(real):
    answer = real.dashboard.post(f"/api/worker/pool/autoscale/{real.worker}", min="1", max="3")

    assert (answer.status, answer.headers["Content-Type"]) == (403, PLAIN)
    assert answer.text == (
        f"Failed to autoscale '{real.worker}' worker: ValueError('Autoscale not enabled')"
    )


def processes(real):
    record = real.dashboard.get("/api/workers", refresh=1, workername=real.worker)[real.worker]
    return record["stats"]["pool"]["processes"]


def test_what_a_stopped_worker_did_not_answer_does_not_happen_later(real):
    before = processes(real)
    real.process.signal(signal.SIGSTOP)
    try:
        answers = [real.dashboard.post(f"/api/worker/pool/grow/{real.worker}") for _ in range(2)]
        button = real.dashboard.post(f"/do/worker/pool/grow/{real.worker}", next="/workers")
    finally:
        real.process.signal(signal.SIGCONT)

    for answer in answers:
        assert (answer.status, answer.headers["Content-Type"]) == (504, PLAIN)
        assert answer.text.startswith(f"No answer from '{real.worker}' within 1 s")
        assert answer.text.endswith("was not sent, so it can't be carried out later.")
    cookie = button.headers["Set-Cookie"].partition(";")[0]
    page = real.dashboard.ask("/workers", headers={"Cookie": cookie}).text
    assert "No answer from" in page
    # What is asked now is answered after everything that was sent before.
    assert processes(real) == before


def test_a_pool_that_cannot_says_so_in_one_sentence(real, tmp_path):
    broker = real.dashboard.environment["SHOP_BROKER"]
    options = ("-P", "threads", "-c", "1", "-Q", "threaded")
    with running(Worker(tmp_path, broker, broker, "threaded", options)) as worker:
        wait_until(lambda: worker.hostname in real.dashboard.get("/api/workers", status=1))

        grown = real.dashboard.post(f"/api/worker/pool/grow/{worker.hostname}")
        limited = real.dashboard.post(
            "/api/task/timeout/tests.shop.add", workername=worker.hostname, soft="5"
        )
        body = {"args": [5], "queue": "threaded"}
        uuid = real.dashboard.post("/api/task/async-apply/tests.shop.sleep", body).json()["task-id"]
        wait_until(lambda: real.dashboard.get("/api/tasks", state="STARTED").get(uuid))
        real.dashboard.get("/api/workers", refresh=1)
        ended = real.dashboard.post(f"/api/task/revoke/{uuid}?terminate=1")

    assert (grown.status, grown.text) == (
        403,
        (
            f"Failed to grow '{worker.hostname}' worker's pool:"
            " the threads pool has a fixed size: it can't grow or shrink"
        ),
    )
    assert (limited.status, limited.text) == (
        403,
        "Failed to set timeouts: 'the threads pool doesn't enforce soft time limits'",
    )
    assert ended.json()["message"] == (
        f"Revoked '{uuid}', but the threads pool can't terminate a running task: it runs to its end"
    )


def test_an_answer_that_cannot_be_read_is_a_bad_gateway_and_names_its_form(real, tmp_path):
    broker = real.dashboard.environment["SHOP_BROKER"]
    conf = {"task_serializer": "pickle", "accept_content": ["json", "pickle"]}
    pickles = {"SHOP_CONF": json.dumps(conf), "C_FORCE_ROOT": "1"}
    with running(Worker(tmp_path, broker, broker, "pickles", ("-P", "solo"), pickles)) as worker:
        wait_until(lambda: worker.hostname in real.dashboard.get("/api/workers", status=1))

        answer = real.dashboard.post(
            f"/api/worker/queue/add-consumer/{worker.hostname}", queue="more"
        )
        real.dashboard.get("/api/workers", refresh=1)
        page = real.dashboard.ask(f"/worker/{worker.hostname}").text
        doctor = real.dashboard.get("/api/doctor", refresh=1)

    assert (answer.status, answer.headers["Content-Type"]) == (502, PLAIN)
    assert "answered in application/x-python-serialize" in answer.text
    assert "accept_content" in answer.text
    assert "answered in application/x-python-serialize" in page
    (control,) = [
        check
        for check in doctor["checks"]
        if check["name"] == "Remote control" and worker.hostname in check["subjects"]
    ]
    assert control["said"].startswith("answered in application/x-python-serialize")
    assert "worker_enable_remote_control" not in control["setting"]


def test_time_limits_say_what_is_removed_and_must_be_in_order(real):
    def limited(**limits):
        path = "/api/task/timeout/tests.shop.add"
        return real.dashboard.post(path, workername=real.worker, **limits)

    assert limited(soft="5", hard="1").status == 400
    assert limited(soft="5").json() == {
        "message": "time limits set successfully: soft 5 s, no hard limit (removed if one was set)."
        " The worker applies them once its pool is restarted"
    }
    assert "no soft limit" in limited().json()["message"]


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


def test_the_log_names_the_tasks_that_are_linked(real):
    link = {"task": "tests.shop.echo", "args": [], "kwargs": {}, "options": {}}

    body = {"args": [1, 2], "link": link}
    sent = real.dashboard.post("/api/task/async-apply/tests.shop.add", body)

    assert sent.status == 200
    said = "/api/task/async-apply/tests.shop.add by anonymous from 127.0.0.1: done, with"
    assert f"{said} tests.shop.echo linked to it" in real.dashboard.output()


def test_what_would_run_otherwise_than_it_was_asked_for_is_not_published(real):
    path = "/api/task/async-apply/tests.shop.add"
    wrong = [
        {"options": {"countdown": 30}},
        {"count_down": 30},
        {"serializer": "yaml"},
        {"headers": {"task": "tests.shop.fail"}},
        {"kwargs": []},
        {"eta": "tomorrow"},
    ]

    answers = [real.dashboard.post(path, {"args": [1, 2], **options}) for options in wrong]

    assert [answer.status for answer in answers] == [400] * len(wrong)
    assert all(answer.headers["Content-Type"] == PLAIN for answer in answers)
