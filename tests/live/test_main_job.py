"""The main job on real brokers: every outcome is seen, every control call has its effect."""

import re
import time

import pytest

from flower_ng.web.ui import format as fmt
from tests.services import wait_until

pytestmark = [pytest.mark.live, pytest.mark.oldest]


def test_a_finished_task_is_seen_with_its_times(cluster):
    before = time.time()
    sent = cluster.app.send_task("tests.shop.add", (2, 3))

    def seen_as_sent():  # told after publishing: a quick worker comes first
        record = cluster.seen(sent.id, "SUCCESS")
        return record if record["sent"] else None

    record = wait_until(seen_as_sent, 15, "the task is told as sent")

    assert record["name"] == "tests.shop.add"
    assert record["result"] == "5"
    assert record["worker"] == cluster.worker.hostname
    assert before - 1 <= record["sent"]
    assert before - 1 <= record["received"] <= record["started"]
    assert record["started"] <= record["succeeded"] <= time.time() + 1
    assert 0 <= record["runtime"] < 5
    assert record["routing_key"] == "celery"


def test_a_failed_task_is_seen_with_exception_and_traceback(cluster):
    sent = cluster.app.send_task("tests.shop.fail", ("empty shelf",))

    record = cluster.seen(sent.id, "FAILURE")

    assert record["exception"] == "ValueError('empty shelf')"
    assert record["traceback"].startswith("Traceback")
    assert record["failed"] >= record["started"]


def test_a_task_is_found_by_any_text_that_its_page_shows(cluster):
    given = {"name": "O'Brien", "who": "李雷", "note": "one\ntwo", "path": "C:\\new\\users"}
    echo = cluster.app.send_task("tests.shop.echo", kwargs=given).id
    fail = cluster.app.send_task("tests.shop.fail", ["insufficient funds"]).id
    cluster.seen(echo, "SUCCESS")
    cluster.seen(fail, "FAILURE")

    def found(search):
        return sorted(cluster.dashboard.get("/api/tasks", search=search))

    shown = ["O'Brien", "李雷", "李", r"one\ntwo", r"C:\new\users", r"kwargs.note:one\ntwo"]
    raised = ["ValueError", "traceback:shop.py", "traceback:tests.shop.fail OR traceback:fail"]
    assert {search: found(search) for search in shown} == {one: [echo] for one in shown}
    assert all(fail in found(search) and echo not in found(search) for search in raised)
    assert "one\\ntwo" in cluster.dashboard.ask(f"/task/{echo}").text


def test_a_retried_task_ends_in_success_and_keeps_its_retry(cluster):
    sent = cluster.app.send_task("tests.shop.flaky", (1,))

    def record():  # another process tells of the retry, perhaps after the success
        return cluster.seen(sent.id, "SUCCESS")

    wait_until(lambda: record()["retried"] is not None, 15, "the retry is told")
    assert record()["retries"] == 1


def test_150_tasks_that_retry_at_once_are_all_seen_to_succeed(cluster):
    ids = [cluster.app.send_task("tests.shop.again").id for _ in range(150)]

    records = [cluster.seen(task_id, "SUCCESS", 60.0) for task_id in ids]

    assert {(one["retries"], one["parent_id"], one["result"]) for one in records} == {
        (1, None, "1")
    }
    told = cluster.dashboard.get(f"/api/task/details/{ids[-1]}")
    assert [(one["number"], one["delivery"], one["state"]) for one in told["attempts"]] == [
        (1, 1, "RETRY"),
        (2, 1, "SUCCESS"),
    ]
    assert [one["exception"] for one in told["attempts"]] == ["OSError('not yet')", None]
    left = cluster.dashboard.get("/api/tasks", taskname="tests.shop.again", state="RETRY")
    assert not left.keys() & {*ids}  # others are of a pool whose events Celery 5.4 drops


#: What a page says of a task without parent and children.
ALONE = {"Parent id": fmt.DASH, "Children": fmt.DASH}


def kin(cluster, task_id):
    """Return what the task's page says of its parent and its children."""
    page = cluster.dashboard.ask(f"/task/{task_id}").text
    shown = re.findall(r"<dt>(Parent id|Children)</dt>\s*<dd>(.*?)</dd>", page, re.DOTALL)
    return {name: re.sub(r"<[^>]*>", "", told).strip() for name, told in shown}


def test_a_root_that_retried_has_no_parent_and_no_child(cluster):
    sent = cluster.app.send_task("tests.shop.again").id

    cluster.seen(sent, "SUCCESS")

    assert kin(cluster, sent) == ALONE
    assert sent not in cluster.dashboard.get("/api/tasks", search=f"id:={sent} has:parent")


def test_a_task_that_was_replaced_has_no_parent_and_is_found_by_both_names(cluster):
    sent = cluster.app.send_task("tests.shop.hand_over", (2, 3)).id

    def replaced():
        record = cluster.seen(sent, "SUCCESS")
        return record if record["name"] == "tests.shop.add" else None

    record = wait_until(replaced, 15, "the task is seen as the other one")

    assert (record["result"], record["parent_id"]) == ("5", None)
    assert kin(cluster, sent) == ALONE
    told = cluster.dashboard.get(f"/api/task/details/{sent}")
    assert told["original_name"] == "tests.shop.hand_over"
    assert told["attempts"][0]["name"] == "tests.shop.hand_over"
    for search in ("name:hand_over", "name:tests.shop.hand*", "hand_over", "name:shop.add"):
        assert sent in cluster.dashboard.get("/api/tasks", search=search), search


def test_a_type_counts_tasks_and_how_often_they_were_received(cluster):
    def counted() -> list[int]:
        asked = {"kind": "task", "name": "tests.shop.flaky", "start": "-1h"}
        (one,) = cluster.dashboard.get("/api/series", **asked)["series"]
        keys = ("tasks", "received", "succeeded")
        return [(one["whole"] or {}).get(key, 0) for key in keys]

    before = counted()
    for task_id in [cluster.app.send_task("tests.shop.flaky", (2,)).id for _ in range(2)]:
        cluster.seen(task_id, "SUCCESS")

    grown = wait_until(
        lambda: counted()[2] >= before[2] + 2 and counted(), 15, "the ends are counted"
    )
    assert [now - then for now, then in zip(grown, before, strict=True)] == [2, 6, 2]


@pytest.mark.parametrize(
    ("task", "name", "searches"),
    [
        ("overrun", "TimeLimitExceeded", ("exception:TimeLimit", "exception:=TimeLimitExceeded")),
        ("crash", "WorkerLostError", ("exception:WorkerLost", "exception:=WorkerLostError")),
    ],
)
def test_a_killed_child_is_told_and_found_by_its_exception(cluster, task, name, searches):
    sent = cluster.app.send_task(f"tests.shop.{task}").id

    assert cluster.seen(sent, "FAILURE", 30.0)["exception"].startswith(f"{name}(")

    for search in searches:
        assert sent in cluster.dashboard.get("/api/tasks", search=search), search
    told = cluster.dashboard.get("/api/tasks/facets", search=f"id:={sent}", fields="exception")
    assert told["facets"]["exception"] == [{"value": name, "count": 1}]
    groups = cluster.dashboard.ask("/overview").text.partition("Failures by type and exception")[2]
    assert re.search(rf"/types/tests.shop.{task}(?:(?!</tr>).)*>{name}<", groups, re.DOTALL)


def test_a_rejected_task_is_seen_rejected(cluster):
    sent = cluster.app.send_task("tests.shop.refuse")

    def record():  # its state is FAILURE with newer Celerys, which send task-failed first
        answer = cluster.dashboard.ask(f"/api/task/info/{sent.id}")
        return answer.status == 200 and answer.json()["rejected"]

    wait_until(record, 15, "the rejection is seen")


def test_a_task_revoked_before_its_eta_is_seen_revoked(cluster):
    sent = cluster.app.send_task("tests.shop.add", (1, 1), countdown=3)
    cluster.seen(sent.id, "RECEIVED")

    told = cluster.dashboard.post(f"/api/task/revoke/{sent.id}").json()

    assert told["message"].startswith(f"Revoked '{sent.id}'")
    assert cluster.worker.hostname in told["acknowledged"]  # workers of other tests may have gone
    assert cluster.worker.hostname not in told["not_acknowledged"]
    assert cluster.seen(sent.id, "REVOKED")["revoked"] is not None


def test_a_running_task_is_terminated(cluster):
    sent = cluster.app.send_task("tests.shop.sleep", (60,))
    cluster.seen(sent.id, "STARTED")

    answer = cluster.dashboard.post(f"/api/task/revoke/{sent.id}?terminate=true")

    assert answer.status == 200
    cluster.seen(sent.id, "REVOKED")


def test_an_abortable_task_is_aborted(cluster):
    sent = cluster.app.send_task("tests.shop.patient", (30,))
    cluster.seen(sent.id, "STARTED")

    answer = cluster.dashboard.post(f"/api/task/abort/{sent.id}")

    assert answer.json() == {"message": f"Aborted '{sent.id}'"}
    assert cluster.seen(sent.id, "SUCCESS")["result"] == "'aborted'"


def test_the_pool_grows_and_shrinks(cluster):
    slots = cluster.slots()

    grown = cluster.dashboard.post(f"/api/worker/pool/grow/{cluster.worker.hostname}?n=2")

    assert grown.status == 200, grown.text
    wait_until(lambda: cluster.known_slots() == slots + 2, 5, "two more are known, unasked")
    assert cluster.slots() == slots + 2
    path = f"/api/worker/pool/shrink/{cluster.worker.hostname}?n=1"
    for more in (1, 0):  # one that is still ending a task can't be spared, and the worker says so
        wait_until(lambda: cluster.dashboard.post(path).status == 200, 15, "one process less")
        # until it has ended, the worker would take it for one that it can end once more
        wait_until(lambda more=more: cluster.slots() == slots + more, 10, "it has ended")


def test_the_pool_restarts_with_new_processes(cluster):
    before = set(cluster.inspected()["stats"]["pool"]["processes"])

    answer = cluster.dashboard.post(f"/api/worker/pool/restart/{cluster.worker.hostname}")

    assert answer.status == 200, answer.text
    wait_until(  # not all of them: billiard keeps a process that is reading from the queue
        lambda: before - set(cluster.inspected()["stats"]["pool"]["processes"]),
        15,
        "a new process",
    )


def test_autoscale_is_refused_in_the_workers_words(cluster):
    answer = cluster.dashboard.post(
        f"/api/worker/pool/autoscale/{cluster.worker.hostname}?min=1&max=3"
    )

    assert answer.status == 403
    assert "Autoscale not enabled" in answer.text


def test_a_consumer_is_added_and_cancelled(cluster):
    host = cluster.worker.hostname

    def queues() -> set[str]:
        return {queue["name"] for queue in cluster.inspected()["active_queues"]}

    added = cluster.dashboard.post(f"/api/worker/queue/add-consumer/{host}?queue=extra")
    assert added.json() == {"message": "add consumer extra"}
    wait_until(lambda: "extra" in queues(), 10, "the worker consumes from extra")
    cancelled = cluster.dashboard.post(f"/api/worker/queue/cancel-consumer/{host}?queue=extra")
    assert cancelled.json() == {"message": "no longer consuming from extra"}
    wait_until(lambda: "extra" not in queues(), 10, "the worker left extra")


def test_a_rate_limit_is_set_on_the_worker(cluster):
    host = cluster.worker.hostname

    answer = cluster.dashboard.post(
        "/api/task/rate-limit/tests.shop.echo", workername=host, ratelimit="7/m"
    )

    assert answer.json() == {"message": "new rate limit set successfully"}
    assert any("rate_limit=7/m" in name for name in cluster.inspected()["registered"])


def test_time_limits_are_set_on_the_worker(cluster):
    host = cluster.worker.hostname

    answer = cluster.dashboard.post("/api/task/timeout/tests.shop.sleep", workername=host, hard=1.5)

    said = answer.json()["message"]
    assert said.startswith("time limits set successfully: no soft limit (removed if one was set)")
    # Celery 5.7 fixes the limit of a running consumer at its start, so the worker's log must do.
    taken = "New time limits for tasks of type tests.shop.sleep: soft=None hard=1.5"
    wait_until(lambda: taken in cluster.worker.output(), 5, "the worker took the limit")


def test_a_task_is_applied_and_its_result_returned(cluster):
    answer = cluster.dashboard.post("/api/task/apply/tests.shop.add", {"args": [4, 5]})

    applied = answer.json()
    assert (applied["result"], applied["state"]) == (9, "SUCCESS")
    result = cluster.dashboard.get(f"/api/task/result/{applied['task-id']}")
    assert result == {"task-id": applied["task-id"], "state": "SUCCESS", "result": 9}


def test_queue_lengths_are_the_brokers(cluster):
    cluster.dashboard.get("/api/workers", refresh=1)

    def lengths() -> dict[str, int]:  # RabbitMQ has no numbers of a queue's first seconds
        queues = cluster.dashboard.get("/api/queues/length")["active_queues"]
        return {queue["name"]: queue["messages"] for queue in queues if "messages" in queue}

    wait_until(lambda: lengths().get("celery", -1) >= 0, 15, "the length of the queue is known")


def test_metrics_count_the_events_of_the_worker(cluster):
    sent = cluster.app.send_task("tests.shop.add", (1, 1))
    cluster.seen(sent.id, "SUCCESS")

    text = cluster.dashboard.ask("/metrics").text

    labels = f'task="tests.shop.add",type="task-succeeded",worker="{cluster.worker.hostname}"'
    assert f"flower_events_total{{{labels}}}" in text
    assert f'flower_worker_online{{worker="{cluster.worker.hostname}"}} 1.0' in text


def test_a_threads_pool_is_said_to_be_unable_to_grow(cluster, start_worker):
    threads = ("-P", "threads", "-c", "2")
    worker = start_worker(cluster.app.conf.broker_url, name=f"{cluster.kind}-t", options=threads)
    known = "/api/workers?status=1"
    wait_until(lambda: worker.hostname in cluster.dashboard.ask(known).json(), 10, "it is seen")

    answer = cluster.dashboard.post(f"/api/worker/pool/grow/{worker.hostname}?n=1")

    assert answer.status == 403
    assert answer.text == (
        f"Failed to grow '{worker.hostname}' worker's pool:"
        " the threads pool has a fixed size: it can't grow or shrink"
    )


def test_a_retry_in_a_threads_pool_is_told_by_what_was_raised(cluster, start_worker):
    url, name = cluster.app.conf.broker_url, f"{cluster.kind}-r"
    start_worker(url, name=name, options=("-E", "-P", "threads", "-c", "2", "-Q", name))
    # Celery 5.4 itself drops some events of a threads pool, so that one of ten has to be told.
    ids = [cluster.app.send_task("tests.shop.again", queue=name).id for _ in range(10)]

    def told():  # the retry may be told after the success, and a list is a moment behind
        records = {one: cluster.dashboard.get("/api/tasks", search=f"id:={one}") for one in ids}
        raised = {one: found[one]["exception"] for one, found in records.items() if one in found}
        return [one for one, exception in raised.items() if exception == "OSError('not yet')"]

    wait_until(told, 45, "a retry is told")
    sent = told()[0]
    found = lambda: cluster.dashboard.get("/api/tasks", search="exception:=OSError")  # noqa: E731
    wait_until(lambda: sent in found(), 15, "it is found")
