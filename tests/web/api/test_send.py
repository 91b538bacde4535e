"""A task is sent after its review, as the worker that runs it tells: real brokers and workers."""

import shlex
import subprocess
from typing import Any

import pytest

from tests.services import Dashboard, Worker, running, wait_until
from tests.web.api.conftest import BrokeredSite

pytestmark = pytest.mark.xdist_group("brokered")

ADD = "/api/task/send/tests.shop.add"


@pytest.fixture
def dashboard(brokered: BrokeredSite) -> Dashboard:
    return brokered.dashboard


def ended(dashboard: Dashboard, uuid: str) -> Any:
    def record() -> Any:
        answer = dashboard.ask(f"/api/task/info/{uuid}")
        found = answer.json() if answer.status == 200 else {}
        return found if found.get("state") == "SUCCESS" else None

    return wait_until(record, what=f"{uuid} has run")


def test_a_task_is_sent_as_it_was_reviewed_and_once(dashboard):
    body = {"args": [2], "kwargs": {"y": 3}, "expires": 600}
    review = dashboard.post(ADD, {**body, "dry_run": True}).json()
    assert review["preflight"] == "ready"
    assert review["facts"]["keyword arguments"] == '{"y": 3}'
    assert "It takes (x: int, y: int) -> int." in review["details"]

    sent = dashboard.post(ADD, {**body, "digest": review["digest"]})

    assert ended(dashboard, sent.json()["task-id"])["result"] == "5"
    assert dashboard.post(ADD, {**body, "digest": review["digest"]}).status == 409
    changed = {**body, "args": [9], "digest": review["digest"]}
    assert dashboard.post(ADD, changed).status == 409


def test_a_task_that_only_a_worker_has_is_sent_by_its_name(brokered, dashboard, tmp_path):
    name, options = "tests.shop.elsewhere", ("-P", "solo", "-Q", "elsewhere")
    backend = dashboard.environment["SHOP_BACKEND"]
    worker = Worker(
        tmp_path, brokered.broker.url, backend, "elsewhere", options, {"SHOP_MORE": name}
    )
    body = {"args": [20, 1], "queue": "elsewhere"}
    with running(worker):

        def reviewed() -> Any:
            dashboard.get("/api/workers", refresh=1)
            review = dashboard.post(f"/api/task/send/{name}?dry_run=1", body).json()
            return None if review["refusals"] else review

        review = wait_until(reviewed, 30, "the worker has told what it has")
        page = dashboard.ask(f"/types/{name}").text
        sent = dashboard.post(f"/api/task/send/{name}", {**body, "digest": review["digest"]})

        assert any("this app does not have it" in one for one in review["unknowns"])
        assert f'action="/do/task/send/{name}"' in page
        assert sent.status == 200, sent.text
        assert ended(dashboard, sent.json()["task-id"])["result"] == "21"


def test_a_task_that_nobody_has_is_not_sent(dashboard):
    missing = "/api/task/send/shop.no_such_task"
    review = dashboard.post(f"{missing}?dry_run=1").json()
    assert review["preflight"] == "blocked"
    assert dashboard.post(missing).status == 409


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"args": [1]}, "missing a required argument: 'y'"),
        ({"kwargs": {"z": 1}}, "can't take these"),
        ({"args": "x"}, "args must be an array"),
        ({"args": [1, 2], "eta": "tomorrow"}, "eta 'tomorrow' is no time"),
        ({"args": [1, 2], "eta": "2030-01-01T00:00:00", "countdown": 5}, "give one of them"),
        ({"args": [1, 2], "priority": 300}, "priority must be from 0 to 255, not 300"),
        ({"args": [1, 2], "countdown": "x"}, "countdown must be a number of seconds from 0 to"),
        *(
            pytest.param({"args": [1, 2], name: number}, f"{name} must be a number", id=f"{name}s")
            for name, number in (("countdown", 10**400), ("expires", -(10**400)))
        ),
        ({"args": [1, 2], "que": "x"}, "There is no option 'que'"),
    ],
)
def test_what_can_not_be_meant_is_said_and_not_sent(dashboard, body, words):
    answer = dashboard.post(ADD, body)

    assert (answer.status, words in answer.text) == (400, True), answer.text


def test_an_eta_is_of_the_pages_zone_and_reaches_the_worker(dashboard):
    sent = dashboard.post(ADD, {"args": [1, 2], "eta": "2099-12-31T23:59:59"}).json()["task-id"]
    info = lambda: dashboard.ask(f"/api/task/info/{sent}").json()  # noqa: E731
    known = lambda: dashboard.ask(f"/api/task/info/{sent}").status == 200 and info().get("eta")  # noqa: E731

    assert wait_until(known, what="its ETA is told").startswith("2099-12-31T23:59:59")
    dashboard.post(f"/api/task/revoke/{sent}")


def test_a_page_has_the_form_its_review_and_the_same_for_scripts(dashboard):
    page = dashboard.ask("/types/tests.shop.add").text
    assert 'action="/do/task/send/tests.shop.add"' in page
    assert "(x: int, y: int)" in page
    review = dashboard.post("/do/task/send/tests.shop.add", args="[20, 1]", kwargs="").text
    assert "app.send_task(&#x27;tests.shop.add&#x27;, args=[20, 1]" in review
    assert dashboard.post("/do/task/send/tests.shop.add", args="[20, 1").status == 303

    curl = "curl -X POST " + dashboard.url + ADD + " -d " + shlex.quote('{"args": [20, 1]}')
    told = subprocess.run(shlex.split(curl), capture_output=True, check=True, timeout=20).stdout
    assert b"Sent as" in told


def test_the_palette_leads_to_the_form(dashboard):
    places = dashboard.get("/jump", q="send add")["places"]

    assert {"/types/tests.shop.add#send-args"} <= {one["url"] for one in places}
