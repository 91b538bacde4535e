"""Many tasks are run again, each once: with real workers, and over a kill -9 of the dashboard."""

import json
import re
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.services import PATIENCE, Dashboard, Redis, Worker, chromium, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("ends")]
RECEIVED = re.compile(r"Task tests\.shop\.add\[([0-9a-f-]+)\] received")


@dataclass
class Place:
    """A broker of its own, a worker that runs the queue, a dashboard that keeps its history."""

    dashboard: Dashboard
    workers: list[Worker]

    def send(self, task: str, number: int) -> list[str]:
        """Send so many tasks, and return their ids once all have ended."""
        path = f"/api/task/send-task/tests.shop.{task}"
        bodies = ({"args": [n, 1] if task == "add" else [f"no {n}"]} for n in range(number))
        ids = [self.dashboard.post(path, body).json()["task-id"] for body in bodies]
        state = "SUCCESS" if task == "add" else "FAILURE"
        wait_until(lambda: self.ended(ids, state), 30, "all have ended")
        return ids

    def ended(self, ids: list[str], state: str) -> bool:
        found = self.dashboard.get("/api/tasks", state=state, limit=100_000)
        return set(ids) <= found.keys()

    def begin(self, action: str = "rerun", **given: Any) -> str:
        answer = self.dashboard.post(f"/api/batches/{action}", **given)
        assert answer.status == 200, answer.text
        return str(answer.json()["batch"])

    def batch(self, batch: str, **query: Any) -> dict[str, Any]:
        return dict(self.dashboard.get(f"/api/batches/{batch}", **query))

    def post(self, action: str, batch: str, **form: Any) -> Any:
        return self.dashboard.post(f"/api/batches/{action}/{batch}", **form)

    def reached(self, batch: str, state: str, timeout_s: float = 30.0) -> dict[str, Any]:
        def found() -> Any:
            told = self.batch(batch, limit=1000)
            return told if told["state"] == state else None

        return dict(wait_until(found, timeout_s, f"the batch is {state}"))

    def received(self) -> Counter[str]:
        """Return how often each task of `add` came to a worker, by the workers' own logs."""
        return Counter(RECEIVED.findall("\n".join(one.output() for one in self.workers)))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, redis_server: Redis) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("batches")
    url = redis_server.url.replace("/0", "/7")
    options = ("--persistent", f"--db={folder}/kept", "--inspect_timeout=2000")
    worker = Worker(folder, url, options=("-P", "threads", "-c", "2"))
    dashboard = Dashboard(folder, url, options=options)
    try:
        worker.start()
        dashboard.start()
        wait_until(lambda: dashboard.get("/api/workers", refresh=1), 20, "the worker is seen")
        yield Place(dashboard, [worker])
    finally:
        dashboard.stop()
        worker.stop()


def test_a_revoke_that_no_worker_acknowledges_is_unknown_until_one_does(place):
    sent = place.dashboard.post(
        "/api/task/send-task/tests.shop.echo", {"args": [1], "countdown": 3600}
    ).json()["task-id"]
    wait_until(lambda: place.ended([sent], "RECEIVED"), what="the worker holds it")
    (worker,) = place.workers
    app = Celery(broker=place.dashboard.environment["SHOP_BROKER"], set_as_current=False)
    worker.signal(signal.SIGSTOP)
    try:
        told = place.reached(place.begin("revoke", ids=sent), "ended")
    finally:
        worker.signal(signal.SIGCONT)

    (item,) = told["items"]
    assert (item["outcome"], "No worker has acknowledged" in item["why"]) == ("unknown", True)
    with app:
        asked = app.control.inspect(timeout=2, limit=1)
        wait_until(lambda: sent in str(asked.revoked()), 30, "it is told again")


def test_a_worker_that_joins_is_told_what_was_revoked_before_a_kill_9(place):
    body = {"args": [1], "countdown": 3600}
    sent = place.dashboard.post("/api/task/send-task/tests.shop.echo", body).json()["task-id"]
    wait_until(lambda: place.ended([sent], "RECEIVED"), what="the worker holds it")

    def acknowledged() -> Any:
        return place.dashboard.post(f"/api/task/revoke/{sent}").json()["acknowledged"]

    wait_until(acknowledged, 30, "the worker acknowledges it")
    place.dashboard.kill()
    (worker,) = place.workers
    worker.stop()  # it has no file for what is revoked, and gives the task back
    worker.start()
    place.dashboard.start()

    app = Celery(broker=place.dashboard.environment["SHOP_BROKER"], set_as_current=False)
    with app:
        asked = app.control.inspect(timeout=2, limit=1)
        wait_until(lambda: sent in str(asked.revoked()), 30, "the new worker is told")


def test_a_batch_goes_on_after_kill_9_and_sends_nothing_twice(place):
    ids = place.send("add", 60)
    query = {"all": "true", "search": "name:=tests.shop.add"}
    review = place.dashboard.post("/api/batches/rerun?dry_run=1", **query).json()
    assert (review["count"], review["preflight"]) == (60, "needs your eye")
    assert "60 tasks succeeded" in " ".join(review["cautions"])

    batch = place.begin(**query, rate=30, digest=review["digest"])
    assert (
        place.dashboard.post("/api/batches/rerun", **query, digest=review["digest"]).status == 409
    )
    wait_until(lambda: place.batch(batch)["counts"]["done"] >= 15, 20, "it is under way")
    place.dashboard.kill()
    place.dashboard.start()

    found = place.batch(batch, limit=1000)
    assert (found["state"], found["why"]) == ("paused", "The dashboard ended while it ran")
    assert found["counts"]["unknown"] <= 1
    assert place.post("resume", batch).status == 200
    ended = place.reached(batch, "ended")

    outcomes = Counter(item["outcome"] for item in ended["items"])
    assert outcomes["done"] + outcomes["unknown"] == 60
    assert sorted(item["task"] for item in ended["items"]) == sorted(ids)
    sent = [item["task-id"] for item in ended["items"] if item["outcome"] == "done"]
    unknown = [item["task-id"] for item in ended["items"] if item["outcome"] == "unknown"]
    wait_until(lambda: set(sent) <= place.received().keys(), 20, "what was sent has come")
    received = place.received()
    assert set(received) <= {*ids, *sent, *unknown}
    assert max(received.values()) == 1
    assert place.post("resume", batch).status == 409


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        options = ["--headless", "--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium(), args=options)
        yield browser
        browser.close()


def opened(browser: Browser, place: Place, path: str, **context: Any) -> Page:
    page = browser.new_context(base_url=place.dashboard.url, **context).new_page()
    page.set_default_timeout(15_000 * PATIENCE)
    expect.set_options(timeout=15_000 * PATIENCE)
    page.goto(path)
    return page


@pytest.fixture(scope="module")
def failed(place: Place) -> list[str]:
    return place.send("fail", 6)


FAILED = "/tasks?search=state%3AFAILURE+-is%3Aretried&sort=received"


@pytest.mark.browser
@pytest.mark.parametrize("way", ["mouse", "keyboard", "without script"])
def test_rows_are_ticked_reviewed_and_run_again(browser, place, failed, way):
    page = opened(browser, place, FAILED, java_script_enabled=way != "without script")
    boxes = [page.locator(f"#task-{uuid} input") for uuid in failed[:4]]
    again = page.locator("#many button", has_text="Run again")
    if way == "mouse":
        boxes[0].click()
        boxes[3].click(modifiers=["Shift"])
        expect(page.locator("f-picks")).to_have_text("4 selected")
        again.click()
    elif way == "keyboard":
        boxes[0].focus()
        page.keyboard.press("Space")
        boxes[3].focus()
        page.keyboard.press("Shift+Space")
        expect(page.locator("f-picks")).to_have_text("4 selected")
        again.focus()
        page.keyboard.press("Enter")
    else:
        for box in boxes:
            box.check()
        again.click()

    review = page.locator("#review")
    expect(review).to_contain_text("4 tasks")
    expect(review).to_contain_text("a new one of the same type is sent")
    review.get_by_label("Tasks a second").fill("50")
    review.get_by_label("Reason").fill(f"by {way}")
    review.get_by_role("button", name="Run again").press("Enter")

    page.wait_for_url("**/batches/*")
    place.reached(page.url.rpartition("/")[2], "ended")
    page.reload()
    expect(page.locator("main")).to_contain_text("4 of 4")
    expect(page.locator("main")).to_contain_text(f"by {way}")
    assert [row.inner_text() for row in page.locator("tbody th").all()] == failed[:4]
    page.goto("/actions")
    expect(page.locator(".past-actions li").first).to_contain_text("Run many tasks again")
    page.context.close()


@pytest.mark.browser
@pytest.mark.usefixtures("failed")
def test_all_that_match_are_run_again_in_a_batch_that_is_paused_and_stopped(browser, place):
    page = opened(browser, place, FAILED)
    page.locator("th[data-picks] input").check()
    expect(page.locator("f-picks")).to_contain_text("selected")
    page.get_by_label(re.compile("that match")).check()
    page.locator("#many button", has_text="Run again").click()
    review = page.locator("#review")
    expect(review).to_contain_text("They are those that matched now")
    review.get_by_label("Tasks a second").fill("1")
    review.get_by_role("button", name="Run again").click()

    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator("main")).to_contain_text("paused it")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("main .state").first).to_have_text("stopped")
    batch = place.batch(page.url.rpartition("/")[2])
    assert batch["counts"]["waiting"] > 0
    assert place.post("resume", batch["id"]).status == 409
    page.context.close()


@pytest.mark.browser
def test_one_row_is_run_again_by_its_button(browser, place, failed):
    page = opened(browser, place, FAILED)
    page.locator(f"#task-{failed[5]} button[form=again]").click()
    review = page.locator("#review")
    expect(review).to_contain_text("A new task of the same type is sent")
    review.get_by_role("button", name="Run again").click()
    expect(page.locator("f-toasts")).to_contain_text("Sent again as")
    page.context.close()


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_5000_failed_tasks_are_run_again_once_each_while_a_worker_is_killed(
    tmp_path: Path, redis_server: Redis
) -> None:
    url = redis_server.url.replace("/0", "/8")
    lost_s = {"SHOP_CONF": json.dumps({"broker_transport_options": {"visibility_timeout": 20}})}
    pool = ("-P", "threads", "-c", "4")
    workers = [Worker(tmp_path, url, name=f"w{n}", options=pool, env=lost_s) for n in (1, 2)]
    options = ("--persistent", f"--db={tmp_path}/kept", "--inspect_timeout=2000")
    dashboard = Dashboard(tmp_path, url, options=options, env=lost_s)
    place = Place(dashboard, workers)
    try:
        for one in (*workers, dashboard):
            one.start()
        app = Celery(broker=url, set_as_current=False)
        for number in range(5_000):
            app.send_task("tests.shop.fail", [f"no {number}"])
        failed = lambda: dashboard.get("/api/tasks/page", search="state:FAILURE")["total"]  # noqa: E731
        wait_until(lambda: failed() == 5_000, 120, "all have failed")

        given = {"all": "true", "search": "state:FAILURE", "rate": 100}
        batch = place.begin(**given, most_failed=100, most_waiting=20_000)
        wait_until(lambda: place.batch(batch)["counts"]["done"] >= 2_000, 120, "it is under way")
        workers[0].kill()
        place.reached(batch, "ended", 240)

        items, after = [], -1
        while after is not None:
            page = place.batch(batch, limit=1000, after=after)
            items, after = items + page["items"], page["next"]
        sent = {item["task-id"] for item in items if item["outcome"] == "done"}
        unknown = {item["task-id"] for item in items if item["outcome"] == "unknown"}
        assert len(items) == len({item["task"] for item in items}) == 5_000
        assert len(sent) + len(unknown) == 5_000
        wait_until(lambda: failed() >= 5_000 + len(sent), 120, "all new ones have failed, too")
        assert failed() <= 10_000
    finally:
        for one in (dashboard, *workers):
            one.stop()
