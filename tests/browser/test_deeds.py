"""What people do on pages, with script and without: forms, menus, themes, copying, sorting."""

import pytest

from flower_ng.monitor.remote import commands
from tests.web.pages.shop import W1
from tests.web.pages.test_worker import ANSWERS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),
]
either = pytest.mark.parametrize("script", [True, False])


@pytest.fixture
def inspected(shop):
    shop.beat()
    shop.inspector.workers = {W1: ANSWERS}
    return shop


@either
async def test_an_action_comes_back_to_its_tab_and_says_what_it_did(window, inspected, script):
    async with window(java_script_enabled=script) as it:
        page = await it.open("/worker/w1@box#tab-queues")
        await page.fill("#queue", "mail")
        await page.click("button:text-is('Add')")
        await page.locator(".toast", has_text="command done").wait_for()

        assert page.url.endswith("/worker/w1@box#tab-queues")
        assert await page.locator("#tab-queues").is_visible()
        assert inspected.control.calls == [("command", W1, commands.add_consumer("mail"))]


@either
async def test_growing_and_shrinking_share_a_field(window, inspected, script):
    stats = {**ANSWERS["stats"], "autoscaler": None}  # an autoscaled pool refuses both
    inspected.inspector.workers = {W1: {**ANSWERS, "stats": stats}}
    async with window(java_script_enabled=script) as it:
        page = await it.open("/worker/w1@box#tab-pool")
        await page.fill("#pool-n", "3")
        await page.click("button:text-is('Shrink')")
        review = page.locator("#review")
        assert "2 idle processes" not in await review.inner_text()
        assert "3 idle processes" in await review.inner_text()
        assert inspected.control.calls == []
        await review.locator("button:text-is('Shrink')").click()
        await page.locator(".toast").wait_for()

        assert inspected.control.calls == [("command", W1, commands.pool_shrink(3))]


@either
async def test_a_worker_is_shut_down_only_after_its_review(window, inspected, script):
    async with window(java_script_enabled=script) as it:
        page = await it.open("/worker/w1@box")
        await page.click("main summary")
        await page.click("button:text-is('Shut Down')")
        review = page.locator("#review")
        assert "finishes the tasks that it runs" in await review.inner_text()
        await review.locator("a:text-is('Cancel')").click()
        await review.wait_for(state="hidden")
        assert inspected.control.calls == []

        await page.click("main summary")
        await page.click("main button:text-is('Shut Down')")
        await review.locator("button:text-is('Shut Down')").click()
        await page.locator(".toast").wait_for()
        assert page.url == f"{it.root}/worker/w1@box"
        assert inspected.control.calls == [("command", W1, commands.shutdown())]


@either
async def test_a_running_task_is_terminated(window, shop, script):
    shop.task("5eed", ends="task-started")
    async with window(java_script_enabled=script) as it:
        page = await it.open("/task/5eed")
        await page.click("main summary")
        await page.click("button:text-is('Terminate this task')")
        await page.locator(".toast").wait_for()

        assert shop.control.calls == [("task_revoke", "5eed", True, "SIGTERM")]


async def test_a_refusal_stays_longer_than_a_success(window, inspected):
    async with window() as it:
        page = await it.open("/worker/w1@box#tab-pool")
        await page.fill("#scale-min", "5")
        await page.fill("#scale-max", "2")
        await page.click("#tab-pool button:text-is('Apply')")
        toast = page.locator(".toast")
        await toast.wait_for()

        assert "failed" in await toast.get_attribute("class")
        assert await toast.inner_text() == "min must not be above max, but 5 is above 2"
        stay = "element => getComputedStyle(element).animationDelay"
        assert await toast.evaluate(stay) == "10s"
        await toast.evaluate("element => element.classList.remove('failed')")
        assert await toast.evaluate(stay) == "5s"
        assert inspected.control.calls == []


@either
async def test_tasks_are_searched_with_the_keyboard(window, shop, script):
    shop.task("one", name="shop.pay")
    shop.task("two", name="shop.mail")
    async with window(java_script_enabled=script) as it:
        page = await it.open("/tasks")
        await page.focus("#search")
        await page.keyboard.type("name:mail")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/tasks?search=name%3Amail")

        assert await page.locator("tbody tr").count() == 1


async def test_a_theme_is_kept_and_there_before_anything_is_painted(window):
    background = "getComputedStyle(document.documentElement).backgroundColor"
    async with window(color_scheme="light") as it:
        page = await it.open("/tasks")
        light = await page.evaluate(background)
        await page.click("f-prefs summary")
        await page.check("f-prefs input[value=dark]")
        dark = await page.evaluate(background)
        assert light != dark

        await page.add_init_script(
            "addEventListener('DOMContentLoaded', () => {"
            " window.first = document.documentElement.dataset.theme; })"
        )
        await page.goto(it.root + "/broker")
        assert await page.evaluate("window.first") == "dark"
        assert await page.evaluate(background) == dark
        await page.click("f-prefs summary")
        await page.check("f-prefs input[name=f-Theme][value='']")
        assert await page.evaluate(background) == light


async def test_an_id_is_copied(window, shop):
    shop.task("5eed")
    async with window(permissions=["clipboard-read", "clipboard-write"]) as it:
        page = await it.open("/task/5eed")
        await page.locator("f-copy button").first.click()
        await page.locator("f-copy", has_text="Copied").wait_for()

        assert await page.evaluate("navigator.clipboard.readText()") == "5eed"


async def test_a_menu_closes_on_escape_and_on_a_click_elsewhere(window, inspected):
    assert inspected
    async with window() as it:
        page = await it.open("/worker/w1@box")
        is_open = page.locator("main details[open]")
        await page.click("main summary")
        await page.keyboard.press("Escape")
        assert await is_open.count() == 0
        assert await page.evaluate("document.activeElement.tagName") == "SUMMARY"

        await page.click("main summary")
        await page.click("h1")
        assert await is_open.count() == 0


async def test_the_order_and_the_length_of_the_list_are_remembered(window, shop):
    for number in range(20):
        shop.task(f"task-{number}")
    async with window() as it:
        page = await it.open("/tasks")
        await page.click("thead a:text-is('Name')")
        await page.click("nav.pager a:text-is('15')")
        await it.open("/workers")
        await page.click("nav.nav a:has-text('Tasks')")
        await page.wait_for_url("**/tasks?sort=name&size=15")

        await page.click("thead a:text-is('Received')")
        await page.click("nav.pager a:text-is('50')")
        await page.click("nav.nav a:has-text('Tasks')")
        await page.wait_for_url("**/tasks?size=50")
