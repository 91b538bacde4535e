"""Several windows of one browser, and the stream that they share: kept, lost, and opened again."""

import asyncio

import pytest

from tests.monitor.yard import eventually
from tests.web.site import basic

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),
]
#: More than a browser opens connections to one server.
WINDOWS = 8
SEEN_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"
NO_WORKERS = "delete window.SharedWorker"


async def test_more_windows_than_connections_are_live_over_one_stream(window, shop):
    async with window() as it:
        await it.open("/tasks")
        others = [await it.page.context.new_page() for _ in range(WINDOWS - 1)]
        for page in others:
            await page.goto(f"{it.root}/tasks")
        await eventually(lambda: it.client.site.ticker.streams > 0)
        shop.task("5eed")
        shop.events.happen()
        for page in (it.page, *others):
            await page.locator("main", has_text="5eed").wait_for(timeout=4000)

        assert it.client.site.ticker.streams == 1


async def test_the_stream_ends_with_the_last_window_that_follows(window):
    async with window() as it:
        await it.open("/tasks")
        other = await it.page.context.new_page()
        await other.goto(f"{it.root}/tasks")
        ticker = it.client.site.ticker
        await eventually(lambda: ticker.streams == 1)
        await other.goto("about:blank")
        await asyncio.sleep(0.3)
        assert ticker.streams == 1

        await it.page.goto("about:blank")
        await eventually(lambda: ticker.streams == 0)


async def test_a_browser_without_shared_workers_has_a_stream_for_each_window(window, shop):
    async with window() as it:
        await it.page.add_init_script(NO_WORKERS)
        await it.open("/tasks")
        await eventually(lambda: it.client.site.ticker.streams == 1)
        shop.task("5eed")
        shop.events.happen()
        await it.shows("5eed", timeout_s=3)


@pytest.mark.parametrize("script", ["", NO_WORKERS], ids=["shared", "own"])
async def test_a_stream_that_is_refused_is_asked_for_again(window, script):
    async with window() as it:
        ticker = it.client.site.ticker
        ticker.max_streams = 0  # what a proxy says while the dashboard restarts: 503
        if script:
            await it.page.add_init_script(script)
        await it.open("/tasks")
        await it.page.locator("f-live", has_text="Updated").wait_for()
        await asyncio.sleep(0.5)
        ticker.max_streams = 500

        await eventually(lambda: ticker.streams == 1)
        it.complaints = [text for text in it.complaints if "503" not in text]


async def test_a_page_that_is_not_updated_says_why_and_since_when(window, shop):
    async with window() as it:
        page = await it.open("/tasks")
        await page.route("**/tasks", lambda route: route.fulfill(status=502, body="bad gateway"))
        shop.events.happen()
        banner = page.locator(".banner[role=alert]", has_text="This page is not updated")
        await banner.wait_for()
        assert "The dashboard answered 502" in await banner.inner_text()
        assert "It shows the state of" in await banner.inner_text()

        await page.unroute("**/tasks")
        await banner.wait_for(state="detached")
        it.complaints = [text for text in it.complaints if "502" not in text]


async def test_who_is_logged_out_is_told_to_log_in_again(window, shop):
    options = {"basic_auth": ["ann:secret"]}
    header = {"Authorization": basic("ann:secret")}
    async with window(options=options, extra_http_headers=header) as it:
        page = await it.open("/tasks")
        await page.locator("f-live", has_text="Updated").wait_for()
        answers = []
        page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - Playwright asks what it is
        await page.set_extra_http_headers({"Authorization": basic("ann:changed")})
        shop.events.happen()
        banner = page.locator(".banner[role=alert]", has_text="Log in again")
        await banner.wait_for()

        assert await banner.locator("a", has_text="Log in").count() == 1
        refused = [answer for answer in answers if answer.status == 401]
        assert refused
        assert all("www-authenticate" not in answer.headers for answer in refused)
        await asyncio.sleep(2.5)
        assert len(answers) == len(refused)  # nobody guesses: each would be a wrong password

        await page.set_extra_http_headers(header)
        await page.evaluate(SEEN_AGAIN)
        await banner.wait_for(state="detached")
        it.complaints = [text for text in it.complaints if "401" not in text]
