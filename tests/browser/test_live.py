"""Pages that keep themselves new: what they show, what they leave alone, how often they ask."""

import asyncio
import re
import time

import pytest

from flower_ng.monitor.ingest.ingest_stats import ConnectionState
from tests.monitor.yard import eventually
from tests.web.pages.shop import NOW, W1
from tests.web.pages.test_worker import ANSWERS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),
]

HIDE = """hidden => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""

#: Names the controls that lose the focus when the page is made new.
SURVIVES = """async () => {
    const { show } = await import(`${document.documentElement.dataset.build}js/morph.js`);
    const parsed = (text) => new DOMParser().parseFromString(text, "text/html");
    const newer = await (await fetch(location.href, { headers: { "Flower-Live": "1" } })).text();
    const lost = [];
    const controls = () => [...document.querySelectorAll(
        "main :is(a[href], button, input, select, summary, [tabindex])"
    )];
    for (let at = 0; at < controls().length; at += 1) {
        const control = controls()[at];
        control.focus();
        if (document.activeElement !== control) continue;
        const href = control.getAttribute("href");
        show(parsed(newer));
        const now = document.activeElement;
        const isLost = now === document.body || now.getAttribute("href") !== href;
        if (isLost) lost.push(control.outerHTML);
        show(parsed(window.older));
    }
    return lost;
}"""


async def test_a_change_is_shown_by_itself(window, shop):
    async with window() as it:
        await it.open("/tasks")
        shop.task("5eed")
        shop.events.happen()

        await it.shows("5eed", timeout_s=3)


async def test_without_a_connection_the_page_is_new_and_what_it_shows_is_not(window, shop):
    shop.now = time.time() - 120
    shop.beat()
    shop.now += 120
    shop.events.connection = ConnectionState(
        connected=False, since=shop.now - 120, why="refused", retry_at=shop.now, began=0.0
    )
    async with window() as it:
        page = await it.open("/workers")

        live = page.locator("f-live[data-mood='stale']")
        await live.wait_for()
        assert re.search(r"As of \d+ min ago", await live.inner_text())


async def test_silence_is_shown_too(window, shop):
    shop.beat()
    async with window() as it:
        page = await it.open("/workers")
        await page.wait_for_event("requestfinished", lambda request: "/workers" in request.url)
        shop.now += 60

        await it.shows("Silent", timeout_s=8)


async def test_what_somebody_types_to_send_stays_through_a_refresh(window, shop):
    shop.beat()
    shop.task("5eed", name="shop.add", ends="task-failed")
    shop.inspector.workers = {W1: {"registered": ["shop.add"]}}
    async with window() as it:
        page = await it.open("/types/shop.add")
        await page.click("#send summary")
        await page.fill("#send-args", "[1]")
        await page.focus("#send-queue")
        shop.task("5eee", name="shop.add", ends="task-failed")
        shop.events.happen()
        await page.locator("main td", has_text="5eee").wait_for()

        assert await page.input_value("#send-args") == "[1]"


async def test_what_somebody_does_on_the_page_is_left_alone(window, shop):
    shop.beat()
    shop.inspector.workers = {W1: ANSWERS}
    async with window() as it:
        page = await it.open("/worker/w1@box#tab-pool")
        await page.fill("#scale-max", "7")
        await page.fill("#scale-min", "3")
        await page.click("main summary")
        await page.focus("#scale-min")
        shop.task("5eed", ends="task-failed")
        shop.events.happen()
        await page.locator(".strip", has_text=re.compile(r"Failed\s*1")).wait_for()

        assert await page.input_value("#scale-max") == "7"
        assert await page.input_value("#scale-min") == "3"
        assert await page.locator("main details[open]").count() == 1
        assert await page.evaluate("document.activeElement.id") == "scale-min"


async def test_the_tab_that_is_open_stays_open(window, shop):
    shop.beat()
    shop.inspector.workers = {W1: ANSWERS}
    async with window() as it:
        page = await it.open("/worker/w1@box#tab-limits")
        shop.task("5eed", ends="task-failed")
        shop.events.happen()
        await page.locator(".strip", has_text=re.compile(r"Failed\s*1")).wait_for()

        assert await page.locator("#tab-limits").is_visible()


@pytest.mark.parametrize("key", ["j", "Tab"])
async def test_a_list_holds_still_while_keys_walk_through_it(window, shop, key):
    shop.task("0001")
    async with window() as it:
        page = await it.open("/tasks")
        await page.locator("f-live", has_text="Updated").wait_for()
        await page.focus("tbody a >> nth=0")
        await page.keyboard.press(key)
        walked = await page.evaluate("document.activeElement.outerHTML")
        shop.now += 1
        shop.task("0002")
        shop.events.happen()
        await page.locator("button.newer", has_text="1 new").wait_for()
        assert await page.evaluate("document.activeElement.outerHTML") == walked
        assert await page.locator("tbody tr").count() == 1

        await page.keyboard.press("Escape")
        await page.locator("#task-0002").wait_for()


async def test_the_focus_survives_every_change_of_a_page(window, busy):
    """All of a page's controls are held in turn while a row comes in above."""
    paths = ("/tasks", "/workers", "/overview")
    async with window() as it:
        page = await it.open("/tasks")
        lost = {}
        for path in paths:
            await it.open(path)
            await page.locator("f-live", has_text="Updated").wait_for()
            await page.keyboard.press("p")
            await page.evaluate("async () => window.older = await (await fetch(location)).text()")
            busy.now += 1
            busy.beat(f"a{len(lost)}-{path.strip('/').replace('/', '-')}@box")
            busy.task(f"new{path.replace('/', '-')}", name=f"a{path.replace('/', '.')}")
            lost[path] = await page.evaluate(SURVIVES)
        assert lost == {path: [] for path in paths}


async def test_however_much_happens_a_page_asks_once_a_second(window, shop):
    async with window() as it:
        await it.open("/tasks")
        for number in range(75):
            shop.task(f"task-{number}")
            shop.events.happen()
            await asyncio.sleep(0.04)

        assert 1 <= len(it.fetched) <= 4


async def test_a_hidden_tab_asks_for_nothing_and_catches_up_when_seen(window, shop):
    async with window() as it:
        page = await it.open("/tasks")
        await page.locator("f-live", has_text="Updated").wait_for()
        it.fetched.clear()
        await page.evaluate(HIDE, True)
        await eventually(lambda: it.client.site.ticker.streams == 0)
        shop.task("5eed")
        shop.events.happen()
        await asyncio.sleep(1.5)
        assert it.fetched == []

        await page.evaluate(HIDE, False)
        await it.shows("5eed", timeout_s=7)


async def test_a_failed_update_is_said_so_until_one_succeeds(window, shop):
    async with window() as it:
        page = await it.open("/tasks")
        await page.route("**/tasks", lambda route: route.abort())
        shop.events.happen()
        await page.locator("f-live", has_text="Update failed").wait_for()
        await page.unroute("**/tasks")
        shop.task("5eed")

        await it.shows("5eed", timeout_s=8)
        assert "Updated" in await page.inner_text("f-live")
        it.complaints = [text for text in it.complaints if "net::ERR_FAILED" not in text]


async def test_a_page_with_nothing_new_is_not_touched(window, shop):
    shop.task("5eed")
    async with window() as it:
        page = await it.open("/tasks")
        shop.events.happen()
        await page.wait_for_event("requestfinished", lambda request: "/tasks" in request.url)
        await page.evaluate("document.querySelector('tbody td').dataset.touched = 'no'")
        shop.events.happen()
        await page.wait_for_event("requestfinished", lambda request: "/tasks" in request.url)
        await asyncio.sleep(0.2)

        assert await page.get_attribute("tbody td >> nth=0", "data-touched") == "no"


async def test_an_upgraded_dashboard_reloads_its_pages(window, shop):
    async with window() as it:
        page = await it.open("/tasks")
        await page.evaluate("document.documentElement.dataset.build = 'of yesterday'")
        async with page.expect_navigation():
            shop.events.happen()


async def test_a_lost_connection_appears_on_the_page_that_is_open(window, shop):
    async with window() as it:
        page = await it.open("/tasks")
        shop.events.connection = ConnectionState(connected=False, since=NOW, why="refused")
        shop.events.happen()

        await page.locator(".banner", has_text="Disconnected from the broker").wait_for()


async def test_without_auto_refresh_the_workers_page_stands_still(window, shop):
    async with window(options={"auto_refresh": False}) as it:
        page = await it.open("/workers")
        shop.beat()
        shop.events.happen()
        await asyncio.sleep(1.5)

        assert it.fetched == []
        assert await page.inner_text("f-live") == ""


async def test_a_paused_page_asks_for_nothing_until_it_goes_on(window, shop):
    async with window() as it:
        page = await it.open("/workers")
        await page.locator("f-live", has_text="Updated").wait_for()
        await page.keyboard.press("p")
        await page.locator("f-live", has_text="Paused").wait_for()
        it.fetched.clear()
        shop.beat()
        shop.events.happen()
        await asyncio.sleep(1.5)
        assert it.fetched == []

        await page.click("f-live button")
        await page.locator("f-live[data-mood=live]").wait_for()


async def test_a_paused_list_holds_still_and_says_how_much_is_new(window, shop):
    shop.task("first")
    async with window() as it:
        page = await it.open("/tasks")
        await page.locator("f-live", has_text="Updated").wait_for()
        await page.keyboard.press("p")
        await page.locator("f-live", has_text="Paused").wait_for()
        shop.task("second")
        shop.events.happen()
        await page.locator("button.newer", has_text="1 new").wait_for()
        assert await page.locator("tbody tr").count() == 1

        await page.keyboard.press("p")
        await it.shows("second")
        assert await page.get_attribute("f-live", "data-mood") == "live"


async def test_a_list_holds_still_under_the_pointer_and_says_how_much_waits(window, shop):
    shop.task("first")
    async with window() as it:
        page = await it.open("/tasks")
        await page.hover("tbody tr")
        shop.task("second")
        shop.task("third")
        shop.events.happen()
        newer = page.locator("button.newer", has_text="2 new")
        await newer.wait_for()
        assert await page.locator("tbody tr").count() == 1

        await page.hover("h1")
        await it.shows("second")
        assert not await newer.is_visible()


async def test_what_waits_is_shown_on_demand(window, shop):
    shop.task("first")
    async with window() as it:
        page = await it.open("/tasks")
        await page.hover("tbody tr")
        shop.task("second")
        shop.events.happen()
        newer = page.locator("button.newer", has_text="1 new")
        await newer.wait_for()
        await newer.dispatch_event("click")  # a finger leaves its hover where it tapped before
        await it.shows("second")


async def test_a_value_that_changed_is_marked_for_a_moment(window, shop):
    shop.beat(active=1)
    running = "document.querySelector('.card strong').getAnimations().length"
    async with window() as it:
        page = await it.open("/workers")
        shop.beat("w2@box", active=1)
        shop.events.happen()
        await page.wait_for_function(f"() => {running} === 1")
        await page.wait_for_function(f"() => {running} === 0")


async def test_nothing_moves_for_who_wants_nothing_to_move(window, shop):
    shop.beat(active=1)
    async with window(reduced_motion="reduce") as it:
        page = await it.open("/workers")
        shop.beat("w2@box", active=1)
        shop.events.happen()
        await it.shows("w2@box")

        assert await page.evaluate("document.getAnimations().length") == 0


async def test_the_numbers_of_the_navigation_are_live_too(window, shop):
    async with window() as it:
        page = await it.open("/tasks")
        shop.beat(active=7)
        shop.events.happen()

        await page.locator("nav.nav a", has_text="Tasks 7").wait_for()
        await page.locator("nav.nav a", has_text="Workers 1").wait_for()


async def test_the_shape_of_a_page_does_not_shift_when_it_is_made_new(window, shop):
    shop.task("first")
    shifts = """() => { window.shift = 0; new PerformanceObserver(list => {
        for (const entry of list.getEntries()) window.shift += entry.value;
    }).observe({ type: "layout-shift" }); }"""
    async with window() as it:
        page = await it.open("/tasks")
        await page.locator("f-live", has_text="Updated").wait_for()
        await page.evaluate(shifts)
        for number in range(3):
            shop.task(f"next-{number}", ends="task-failed")
            shop.events.happen()
            await it.shows(f"next-{number}")

        assert await page.evaluate("window.shift") < 0.05
