"""An operator's jobs, each begun on the Overview of a real cluster, and the clicks that it takes.

Typing into the palette's one field, and confirming what a review asks, are no clicks on the way.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from celery import Celery
from playwright.sync_api import Page, expect, sync_playwright

from tests.services import PATIENCE, Dashboard, Redis, Worker, chromium, wait_until

pytestmark = [pytest.mark.live, pytest.mark.browser, pytest.mark.xdist_group("live-redis")]

PATIENCE_MS = 10_000 * PATIENCE
CONF = {
    "imports": ["tests.flow_tasks"],
    "worker_prefetch_multiplier": 2,
    "beat_schedule": {"nightly": {"task": "tests.shop.echo", "schedule": 86_400}},
}
FAILURES = "section:has(h2:has-text('Failures in the last')) tr:has-text('ValueError')"
AT_RISK = ".panel:has(> h2:text-is('Queues at risk'))"
LAST_FAILED = f"{FAILURES} td[data-label=Last] a"
AGAIN = "main button:text-is('Run again')"
PALETTE = "f-jump button"


@dataclass(frozen=True)
class Job:
    """What is clicked, one after the other, at most how often, and what is seen in the end.

    `types` goes into the field that the first click opens; `edits` into the review's arguments.
    `confirms` is the button of a review that asks before anything is done: one click more.
    `types` and `sees` may name a task of the fixture, in braces.
    """

    at_most: int
    clicks: tuple[str, ...]
    sees: str
    types: str = ""
    edits: str = ""
    confirms: str = ""


JOBS = {
    "why a task failed": Job(1, (LAST_FAILED,), "ValueError: no stock"),
    "all failures of one type since an hour": Job(1, (f"{FAILURES} td.number a",), "{failed}"),
    "a task by a part of its id": Job(1, (PALETTE,), "{odd}", types="{odd part}"),
    "a task by an argument": Job(1, (PALETTE,), "{odd}", types="unmistakable"),
    "a task by words of its exception": Job(1, (PALETTE,), "{failed}", types="no stock"),
    "the overloaded worker": Job(0, (), "100 % busy, 2 of 2 slots. Longest: tests.shop.sleep"),
    "the growing queue and why": Job(1, (f"{AT_RISK} li a",), "Processes that it needs"),
    "what beat will do tonight": Job(1, ("nav a:has-text('Schedule')",), "nightly"),
    "why a task waits": Job(1, (PALETTE,), "Why is it not running?", types="{waiting}"),
    "what changed since the last deploy": Job(
        1, ("main a:has-text('What changed')",), "What changed since shop 2.1"
    ),
    "the run of a chord": Job(
        2, ("nav a:has-text('Workflows')", "main tbody a[href*='/workflow/']"), "Over time"
    ),
    "run a failed task again as it was": Job(
        2, (LAST_FAILED, AGAIN), "Run again", confirms="Run again"
    ),
    "run a failed task again edited": Job(
        3,
        (LAST_FAILED, AGAIN, "#review summary:has-text('args')"),
        "Run again",
        edits='["no hammer"]',
        confirms="Run again",
    ),
    "revoke a task that waits for its ETA": Job(
        2,
        (f"{AT_RISK} a:text-is('for its ETA')", "main .waiting button:text-is('Revoke')"),
        "revoked",
    ),
    "terminate a long task": Job(
        3,
        (
            ".busiest li a[href*='/task/']",
            "main summary:text-is('Terminate')",
            "main button:text-is('Terminate this task')",
        ),
        "REVOKED",
    ),
}


class Troubled:
    """A cluster with all that the jobs are about; `ids` are its tasks by what they are for."""

    def __init__(self, app: Celery, board: Dashboard) -> None:
        self.app, self.board = app, board
        self.ids: dict[str, str] = {}

    def send(self, name: str, *args: Any, module: str = "shop", **options: Any) -> str:
        return str(self.app.send_task(f"tests.{module}.{name}", args, **options).id)

    def seen(self, task_id: str, state: str) -> None:
        def is_seen() -> bool:
            answer = self.board.ask(f"/api/task/info/{task_id}")
            return answer.status == 200 and answer.json()["state"] == state

        wait_until(is_seen, 15, f"{task_id} is {state}")

    def fill(self) -> None:
        """Send what fails, what is done, then what takes every slot, whichever of them is freed."""
        self.ids["failed"] = self.send("fail")
        self.ids["odd"] = self.send("echo", "unmistakable")
        self.ids["odd part"] = self.ids["odd"][9:23]
        self.send("spread", 2, module="flow_tasks")
        self.seen(self.ids["failed"], "FAILURE")
        self.seen(self.ids["odd"], "SUCCESS")
        body = {"taskname": "tests.flow_tasks.total", "state": "SUCCESS"}
        wait_until(lambda: self.board.get("/api/tasks", **body), 15, "the chord is done")
        self.ids["later"] = self.send("echo", "later", countdown=3600)
        self.seen(self.ids["later"], "RECEIVED")
        for name in ("long", "longer"):
            self.ids[name] = self.send("sleep", 600)
            self.seen(self.ids[name], "STARTED")
        for name in ("next", "next but one"):
            self.ids[name] = self.send("sleep", 600)
            self.seen(self.ids[name], "RECEIVED")
        self.ids["waiting"] = self.send("add", 1, 2)
        for _ in range(40):
            self.send("add", 1, 2)
        assert self.board.post("/api/deploys", name="shop", version="2.1").status == 200
        wait_until(
            lambda: "wait for 2 slots" in self.board.ask("/overview").text, 15, "a queue grows"
        )


@pytest.fixture(scope="module")
def troubled(redis_server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Troubled]:
    folder, url = tmp_path_factory.mktemp("jobs"), redis_server.url.removesuffix("0") + "14"
    conf = {"SHOP_CONF": json.dumps(CONF)}
    worker = Worker(folder, url, url, "jobs", env=conf)
    board = Dashboard(folder, url, url, env=conf)
    try:
        worker.launch()
        board.start()
        worker.wait()
        wait_until(
            lambda: worker.hostname in board.get("/api/workers"), 20, "the worker has answered"
        )
        with Celery("sender", broker=url, set_as_current=False) as app:
            app.conf.task_send_sent_event = True
            cluster = Troubled(app, board)
            cluster.fill()
            yield cluster
    finally:
        board.kill()
        worker.kill()


@pytest.fixture(scope="module")
def page(troubled: Troubled) -> Iterator[Page]:
    with sync_playwright() as playwright:
        options = ["--headless", "--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium(), args=options)
        page = browser.new_page(base_url=troubled.board.url)
        page.set_default_timeout(PATIENCE_MS)
        yield page
        browser.close()


@pytest.mark.parametrize("name", JOBS)
def test_a_job_takes_few_clicks(page: Page, troubled: Troubled, name: str) -> None:
    job = JOBS[name]
    assert len(job.clicks) <= job.at_most
    page.goto("/overview")
    page.wait_for_function("() => customElements.get('f-keys') !== undefined")
    for click in job.clicks:
        page.locator(click).first.click()
    if job.types:
        words = job.types.format_map(troubled.ids)
        page.keyboard.type(words)
        page.locator("[role=option]", has_text=words).first.wait_for()
        page.keyboard.press("Enter")
    where = page.locator("#review" if job.confirms else "main")
    expect(where).to_contain_text(job.sees.format_map(troubled.ids), timeout=PATIENCE_MS)
    if job.edits:
        where.get_by_label("Arguments, a JSON array").fill(job.edits)
    if job.confirms:
        where.locator(f"button:text-is('{job.confirms}')").click()
        page.locator(".toast:not(.failed)").first.wait_for()
