"""One Chromium for all tests; each test has its own site, its own window, and no mistakes in it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from celery.schedules import crontab
from playwright.async_api import Browser, Page, async_playwright

from flower_ng.brokers import WaitingMessage
from flower_ng.store.rollups.tallies import Coverage, Minute
from flower_ng.store.sql.kinds import digest_of
from tests.services import PATIENCE
from tests.services import chromium as browser_path
from tests.web.pages.shop import W1, Shop
from tests.web.pages.test_worker import ANSWERS
from tests.web.site import OPEN_API, Client, Server

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP rebind.example 127.0.0.1",
)

#: Every page, and its parts that are not seen at first.
#: Of the one task that fails in a busy shop.
FAILURE = digest_of("shop.pay", "ValueError", "x")
PATHS = {
    "workers": "/workers",
    "rolling drain": "/workers/drain",
    "worker": "/worker/w1@box",
    "queues": "/worker/w1@box#tab-queues",
    "held": "/worker/w1@box#tab-tasks",
    "limits": "/worker/w1@box#tab-limits",
    "past": "/worker/w1@box#tab-history",
    "tasks": "/tasks",
    "wrong search": "/tasks?search=x",
    "task": "/task/0123456789abcdef-failed",
    "compare": "/compare?ids=0123456789abcdef-failed&ids=0123456789abcdef-0",
    "history": "/history",
    "broker": "/broker",
    "overview": "/overview",
    "all queues": "/queues",
    "queue": "/queues/celery",
    "review": "POST /do/queue/purge/celery",
    "types": "/types",
    "type": "/types/a.module.of.a.long.path.that_does_something",
    "actions": "/actions",
    "problems": "/problems",
    "failures": "/failures",
    "failure": f"/failures/{FAILURE}",
    "deploys": "/deploys",
    "overview then": "/overview?at=1970-01-01T00:10:00Z",
    "workers then": "/workers?at=1970-01-01T00:10:00Z",
    "queues then": "/queues?at=1970-01-01T00:10:00Z",
    "workflows": "/workflows",
    "workflow": "/workflow/order-1",
    "schedule": "/schedule",
    "waiting": "/schedule/waiting",
    "doctor": "/doctor",
    "logout": "/logout",
    "style guide": "/styleguide",
}

session_loop = {"loop_scope": "session"}


@pytest_asyncio.fixture(**session_loop, scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The system's Chromium, driven by Playwright."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=browser_path(), args=list(ARGUMENTS)
        )
        yield browser
        await browser.close()


class Window:
    """A browser window on one site; `complaints` is what the browser has to say against a page."""

    def __init__(self, page: Page, client: Client) -> None:
        self.page, self.client = page, client
        self.root = f"http://{client.host}"
        self.complaints: list[str] = []
        self.fetched: list[str] = []
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._count)

    def _listen(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _count(self, request: Any) -> None:
        if request.resource_type == "fetch":
            self.fetched.append(request.url)

    async def open(self, path: str) -> Page:
        """Go to a page; `POST /…` is what a form without any field answers."""
        method, _, path = path.rpartition(" ")
        if method:
            form = {"content-type": "application/x-www-form-urlencoded"}
            await self.page.route(
                self.root + path,
                lambda route: route.continue_(
                    method=method, headers={**route.request.headers, **form}
                ),
                times=1,
            )
        await self.page.goto(self.root + path)
        return self.page

    async def shows(self, words: str, timeout_s: float = 5.0) -> None:
        """Wait until the page's content has these words."""
        await self.page.locator("main", has_text=words).wait_for(
            timeout=timeout_s * PATIENCE * 1000
        )


@pytest.fixture
def shop():
    cluster = Shop()
    cluster.store.start()
    yield cluster
    cluster.store.stop()


@pytest_asyncio.fixture(**session_loop)
async def server() -> AsyncIterator[Server]:
    server = Server()
    yield server
    await server.stop()


@pytest.fixture
def window(chromium: Browser, server: Server, shop: Shop) -> Callable[..., Any]:
    """Open a window on a site: `async with window(java_script_enabled=False) as it:`."""

    @asynccontextmanager
    async def opened(
        width: int = 1280, options: dict[str, Any] | None = None, **context: Any
    ) -> AsyncIterator[Window]:
        client = server.start(cluster=shop, environ=OPEN_API, **(options or {}))
        size = {"width": width, "height": 800}
        where = await chromium.new_context(viewport=size, **context)
        where.set_default_timeout(10_000 * PATIENCE)
        it = Window(await where.new_page(), client)
        try:
            yield it
            await asyncio.sleep(0)
        finally:
            await where.close()
        assert it.complaints == []

    return opened


@pytest.fixture
def busy(shop: Shop) -> Shop:
    """A cluster with something of everything."""
    shop.beat()
    shop.beat("a-worker-with-a-long-name@some-host.of.some.example.com")
    for number in range(20):
        shop.task(f"0123456789abcdef-{number}", name="a.module.of.a.long.path.that_does_something")
    failure = {"exception": "ValueError('x')", "traceback": "Traceback\n" + "  a long line" * 30}
    shop.task("0123456789abcdef-failed", ends="task-failed", args="x" * 3000, **failure)
    then = Minute()
    then.coverage = Coverage(40_000)
    for name in (W1, "a-worker-with-a-long-name@some-host.of.some.example.com"):
        then.tally("worker", name).active.note(3, 610.0)
    then.tally("queue", "celery").length.note(1234, 610.0)
    shop.store.rollups.minutes.put_back({600: then})
    shop.chord("order")
    shop.inspector.workers = {W1: ANSWERS}
    shop.plan(
        nightly={"task": "shop.pay", "schedule": crontab(minute=0, hour=0), "args": ["x" * 300]},
        often={"task": "a.module.of.a.long.path.that_does_something", "schedule": 60},
    )
    shop.queues = ["celery"]
    shop.broker.told = [{"name": "celery", "messages": 2}]
    long = {"args": "x" * 300, "kwargs": "{}", "origin": "gen1@some-host.of.some.example.com"}
    name = "a.module.of.a.long.path.that_does_something"
    shop.broker.waiting = (
        WaitingMessage("0123456789abcdef-0", name, retries=0, priority=3, size_bytes=900, **long),
        WaitingMessage(size_bytes=9, trouble="It is no message of Kombu's."),
    )
    return shop
