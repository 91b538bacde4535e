"""What is reviewed, and done only as it was reviewed: the real dashboard, Redis and worker."""

import pytest

from tests.services import wait_until

pytestmark = pytest.mark.xdist_group("real")


def processes(real):
    record = real.dashboard.get("/api/workers", refresh=1, workername=real.worker)[real.worker]
    return len(record["stats"]["pool"]["processes"])


def test_a_review_does_nothing_and_its_digest_does_what_it_said(real):
    before = processes(real)
    path = f"/api/worker/pool/grow/{real.worker}"

    review = real.dashboard.post(f"{path}?dry_run=1&n=2").json()
    assert processes(real) == before
    assert review["effect"] == "The worker's pool gets 2 more processes."
    assert review["facts"]["processes"] == str(before)
    assert review["details"] == [f"Now {before} processes, then {before + 2}."]
    assert (review["refusals"], review["count"]) == ([], 1)

    done = real.dashboard.post(f"{path}?n=2&digest={review['digest']}")
    assert done.status == 200
    wait_until(lambda: processes(real) == before + 2, what="the pool has grown")

    again = real.dashboard.post(f"{path}?n=2&digest={review['digest']}")
    assert again.status == 409
    assert f"processes was {before}, is {before + 2}" in again.text
    assert processes(real) == before + 2
    newest = real.dashboard.get("/api/audit", limit=1)["entries"][0]
    assert (newest["outcome"], newest["status"]) == ("refused", 409)


def test_a_pool_is_not_emptied_by_a_slip(real):
    before = processes(real)
    path = f"/api/worker/pool/shrink/{real.worker}"

    review = real.dashboard.post(f"{path}?dry_run=1&n={before}").json()
    answer = real.dashboard.post(path, n=str(before))

    assert review["preflight"] == "blocked"
    assert (answer.status, "at least one must stay" in answer.text) == (403, True)
    assert processes(real) == before


def test_a_digest_is_of_its_arguments_too(real):
    path = f"/api/worker/pool/grow/{real.worker}"
    digest = real.dashboard.post(f"{path}?dry_run=1&n=1").json()["digest"]

    assert real.dashboard.post(f"{path}?n=9&digest={digest}").status == 409


def test_a_review_says_what_will_be_refused_and_why(real):
    path = f"/api/worker/pool/autoscale/{real.worker}"
    processes(real)
    review = real.dashboard.post(f"{path}?dry_run=1&min=1&max=2").json()

    assert review["refusals"] == ["Autoscaling is off (start the worker with --autoscale=MAX,MIN)."]


def test_the_last_consumer_of_a_queue_is_named_as_such(real):
    path = f"/api/worker/queue/cancel-consumer/{real.worker}"
    real.dashboard.get("/api/workers", refresh=1)
    review = real.dashboard.post(f"{path}?dry_run=1&queue=celery").json()

    assert review["facts"]["consumes from celery"] == "yes"
    assert review["cautions"] == ["No other online worker has told that it consumes from celery."]


def test_what_has_no_review_is_not_done_by_a_dry_run(real):
    answer = real.dashboard.post("/api/sessions/end?dry_run=1", who="somebody")

    assert (answer.status, "dry_run is not possible" in answer.text) == (400, True)


def test_what_flowers_routes_would_send_is_reviewed_and_sent_as_it_was(real):
    path = "/api/task/async-apply/tests.shop.add"
    body = {"args": [1, 2], "queue": "nobody.reads"}
    before = set(real.dashboard.get("/api/tasks"))

    real.dashboard.get("/api/workers", refresh=1)
    review = real.dashboard.post(f"{path}?dry_run=1", body).json()
    other = real.dashboard.post(f"{path}?digest={review['digest']}", {**body, "args": [1, 3]})
    wrong = real.dashboard.post(f"{path}?dry_run=1", {"args": [1, 2, 3, 4]}).json()
    refused = real.dashboard.post(f"{path}?dry_run=1", {"countdown": "soon"})
    by_name = real.dashboard.post(
        "/api/task/send-task/tests.shop.add?dry_run=1", {"args": [1, 2, 3, 4]}
    ).json()

    assert review["facts"]["arguments"] == "[1, 2]"
    assert any("nobody.reads" in one for one in review["cautions"])
    assert (other.status, "arguments was [1, 2], is [1, 3]" in other.text) == (409, True)
    assert (wrong["preflight"], by_name["preflight"]) == ("blocked", "needs your eye")
    assert (refused.status, "countdown" in refused.text) == (400, True)
    assert set(real.dashboard.get("/api/tasks")) == before
    sent = real.dashboard.post(f"{path}?digest={review['digest']}", body)
    assert (sent.status, sorted(sent.json())) == (200, ["state", "task-id"])


def test_a_task_is_forgotten_as_reviewed_and_not_by_the_review(real):
    uuid = real.dashboard.post("/api/task/send-task/tests.shop.add", {"args": [1, 2]}).json()
    path = f"/api/task/forget/{uuid['task-id']}"
    wait_until(
        lambda: real.dashboard.get("/api/tasks").get(uuid["task-id"], {}).get("state") == "SUCCESS"
    )

    review = real.dashboard.post(f"{path}?dry_run=1").json()
    abort = real.dashboard.post(f"/api/task/abort/{uuid['task-id']}?dry_run=1").json()

    assert abort["cautions"][0].startswith("It has ended already (SUCCESS)")
    assert review["facts"] == {"state": "SUCCESS"}
    assert uuid["task-id"] in real.dashboard.get("/api/tasks")
    answer = real.dashboard.post(path, digest=review["digest"])
    assert answer.json() == {"message": f"Forgot '{uuid['task-id']}'"}
    assert uuid["task-id"] not in real.dashboard.get("/api/tasks")


def test_a_form_of_a_reviewed_action_answers_with_the_review(real):
    before = processes(real)
    answer = real.dashboard.post(f"/do/worker/pool/shrink/{real.worker}", n="1", next="/workers")

    assert answer.status == 200
    assert "Will be refused" not in answer.text
    assert 'name="digest"' in answer.text
    assert processes(real) == before
