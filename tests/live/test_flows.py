"""What an operator does in a day, in Chromium, on real brokers with a real worker.

Whatever the browser complains of in a page, its content policy included, fails the test.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.live.conftest import BROKERS, Cluster
from tests.services import PATIENCE, chromium, wait_until

pytestmark = [pytest.mark.live, pytest.mark.browser]
PATIENCE_MS = 15_000 * PATIENCE


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        options = ["--headless", "--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium(), args=options)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, cluster: Cluster) -> Iterator[Page]:
    yield from window(browser, cluster)


def window(browser: Browser, cluster: Cluster, **options: Any) -> Iterator[Page]:
    """Yield a window on the dashboard, in which nothing may be complained of."""
    complaints: list[str] = []

    def listen(message: Any) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    root = f"http://127.0.0.1:{cluster.dashboard.port}"
    size: Any = {"width": 1280, "height": 800}
    context = browser.new_context(base_url=root, viewport=size, **options)
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page = context.new_page()
    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def send(cluster: Cluster, name: str, *args: object, state: str) -> str:
    sent = cluster.app.send_task(f"tests.shop.{name}", args).id
    cluster.seen(sent, state)
    return str(sent)


class Operator:
    """Somebody at a window who presses buttons by mouse, by keyboard, or without script."""

    def __init__(self, page: Page, cluster: Cluster, way: str) -> None:
        self.page, self.way = page, way
        self._cluster = cluster

    def press(self, found: Locator) -> None:
        if self.way == "keyboard":
            found.focus()
            self.page.keyboard.press("Enter")
        else:
            found.click()

    def opens(self, path: str, menu: str = "") -> None:
        self.page.goto(path)
        if menu:
            self.press(self.page.locator("main summary", has_text=menu).first)

    def does(self, button: str, confirm: str = "") -> None:
        """Press a button, read what it will do, press the same there."""
        self.press(self.page.locator(f"main button:text-is('{button}')").first)
        review = self.page.locator("#review")
        if confirm:
            review.locator("input[name=confirm]").fill(confirm)
        self.press(review.locator(f"button:text-is('{button}')"))
        expect(self.page.locator(".toast").first).to_be_visible()

    def sends(self, queue: str) -> None:
        self.opens("/types/tests.shop.echo", "Send a task of this type")
        self.page.fill("#send-args", "[7]")
        self.page.fill("#send-queue", queue)
        self.does("Send")
        self.waits(queue, 1)

    def waits(self, queue: str, count: int) -> None:
        def counted() -> bool:
            answer = self._cluster.dashboard.post(f"/api/queue/purge/{queue}?dry_run=1")
            return (answer.json()["count"] if answer.status == 200 else 0) == count

        wait_until(counted, 15, f"{count} wait in {queue}")

    def consumed(self) -> list[str]:
        """Return the queues that the worker consumes from, by its own answer."""
        return [queue["name"] for queue in self._cluster.inspected()["active_queues"]]


@pytest.fixture
def operator(browser: Browser, cluster: Cluster, way: str) -> Iterator[Operator]:
    for page in window(browser, cluster, java_script_enabled=way != "without script"):
        yield Operator(page, cluster, way)


@pytest.mark.parametrize(
    ("broker_kind", "way"),
    [
        pytest.param(*one.values, way, marks=one.marks, id=f"{one.values[0]} {way}")
        for one in BROKERS
        for way in ("mouse", "keyboard", "without script")
        if way == "mouse" or one.values[0] == "redis"
    ],
    indirect=["broker_kind"],
)
def test_a_queue_is_filled_moved_emptied_paused_and_resumed(operator, cluster, way):
    early, late = (f"{name}.{way.split()[0]}" for name in ("early", "late"))
    operator.sends(early)
    operator.sends(late)
    operator.opens(f"/queues/{early}", "Move")
    operator.page.fill("#move-to", late)
    operator.does("Move")
    operator.waits(late, 2)
    operator.waits(early, 0)

    operator.opens(f"/queues/{late}")
    if cluster.kind == "redis":  # RabbitMQ can't delete one message
        operator.does("Delete")
        operator.waits(late, 1)
        operator.opens(f"/queues/{late}")
    operator.does("Purge", confirm=late)
    operator.waits(late, 0)

    operator.opens("/queues/celery", "Pause")
    operator.does("Pause")
    assert operator.consumed() == []
    operator.opens("/queues/celery")
    operator.press(operator.page.locator("main button:text-is('Resume')"))
    expect(operator.page.locator(".toast").first).to_be_visible()
    wait_until(lambda: operator.consumed() == ["celery"], 15, "it consumes again")


def test_health_is_one_sentence_and_its_numbers_lead_to_their_lists(page, cluster):
    send(cluster, "add", 1, 2, state="SUCCESS")
    page.goto("/overview")

    sentence = page.locator(".verdict")
    expect(sentence).to_contain_text("1 of 1 worker online")
    expect(sentence).to_contain_text(re.compile(r"\d+ of \d+ tasks failed"))
    sentence.get_by_role("link").nth(2).click()

    expect(page).to_have_url(re.compile("/tasks.search="))
    expect(page.locator("tbody tr").first).to_contain_text("SUCCESS")


def test_from_the_overview_to_the_line_that_failed(page, cluster):
    send(cluster, "fail", "no tea", state="FAILURE")
    page.goto("/overview")

    page.get_by_role("link", name="ValueError").first.click()
    expect(page.locator("tbody tr").first).to_contain_text("FAILURE")
    page.locator("tbody a.key").first.click()

    expect(page.locator("#exception")).to_contain_text("ValueError('no tea')")
    expect(page.locator("main")).to_contain_text("raise ValueError(message)")


def test_the_palette_leads_to_a_task_type_in_three_keystrokes_and_its_name(page, cluster):
    send(cluster, "add", 1, 2, state="SUCCESS")
    page.goto("/workers")
    page.wait_for_function("() => customElements.get('f-jump') !== undefined")

    page.keyboard.press("Control+k")
    page.keyboard.type("shop.add")
    page.locator("[role=option]", has_text="tests.shop.add").first.wait_for()
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("/types/tests.shop.add$"))
    expect(page.locator("main")).to_contain_text("Tasks per second")


def test_a_pool_is_made_larger_on_the_workers_page_of_its_own(page, cluster):
    name = cluster.worker.hostname
    page.goto("/workers")
    page.get_by_role("link", name=name).first.click()

    page.get_by_role("link", name="Pool").click()
    page.get_by_role("button", name="Grow").click()

    expect(page.locator("f-toasts")).to_contain_text(f"Growing '{name}' worker's pool by 1")
    page.locator(".tabs").get_by_role("link", name="History").click()
    expect(page.locator("#tab-history")).to_contain_text("Concurrent tasks")


def test_what_runs_is_ended_from_its_page(page, cluster):
    task = send(cluster, "sleep", 60, state="STARTED")
    page.goto(f"/task/{task}")

    page.locator("summary", has_text="Terminate").click()
    page.get_by_role("button", name="Terminate this task").click()

    expect(page.locator("main")).to_contain_text("REVOKED")


def test_a_queue_tells_who_consumes_it(page, cluster):
    page.goto("/queues")

    row = page.locator("#queue-celery")
    expect(row).to_contain_text(cluster.worker.hostname)
    expect(row.locator("td[data-label=Waiting]")).to_have_text(re.compile(r"^\d+$"))


def test_the_list_of_tasks_follows_the_cluster_by_itself(page, cluster):
    page.goto("/tasks")
    task = send(cluster, "echo", "news", state="SUCCESS")

    page.locator(f"[id='task-{task}']").wait_for()


def test_a_failure_that_is_resolved_is_open_again_when_it_comes_again(page, cluster):
    for number in (1, 2):
        send(cluster, "fail", f"order {number} is void", state="FAILURE")
    page.goto("/overview")
    page.get_by_role("link", name="Failures in the last hour").click()
    kind = page.get_by_role("row").filter(has_text="order {n} is void")
    expect(kind.locator("td[data-label=Count]")).to_have_text("2")
    kind.get_by_role("link").click()
    page.locator("summary", has_text="Resolve").click()
    page.get_by_role("textbox", name="Reason").fill("fixed")
    page.get_by_role("button", name="Resolve").click()
    expect(page.locator(".state", has_text="Resolved")).to_be_visible()

    send(cluster, "fail", "order 3 is void", state="FAILURE")

    expect(page.locator(".state", has_text="Came again")).to_be_visible()
