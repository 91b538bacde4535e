"""The list of tasks as people use it: bars, suggestions, cells, columns, views, facets."""

import pytest

from tests.web.pages.shop import NOW

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.usefixtures("hour"),
]


@pytest.fixture
def hour(shop):
    """Tasks of half an hour: one a minute, every third one failed, the last one runs."""
    for minute in range(30):
        shop.now = NOW + 60 * minute
        ends = "task-failed" if minute % 3 == 0 else "task-succeeded"
        shop.task(f"task-{minute:02}", name=f"shop.{'pay' if minute < 10 else 'send'}", ends=ends)
    shop.now = NOW + 1800
    shop.task("runs", ends="task-started")
    return shop


async def search(page):
    return await page.input_value("#search")


async def drag(page, start, end):
    box = await page.locator("f-histogram .plot").bounding_box()
    height = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + box["width"] * start, height)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * end, height)
    await page.mouse.up()


async def test_a_drag_over_the_bars_is_the_time_of_the_list(window):
    async with window() as it:
        page = await it.open("/tasks?search=received:1970-01-01T00:16..1970-01-01T00:46")
        await page.locator("f-histogram[data-count] .hand[role=slider]").wait_for()
        await drag(page, 0.25, 0.49)
        await page.wait_for_url("**/tasks?search=received*00%3A23*")

        shown = await page.locator("tbody tr").count()
        assert 5 <= shown <= 9
        assert (await search(page)).startswith("received:1970-01-01T00:23")


async def test_keys_pick_bars_too_and_tell_what_they_stand_for(window):
    async with window() as it:
        page = await it.open("/tasks?search=received:1970-01-01T00:16:40..1970-01-01T00:46")
        hand = page.locator("f-histogram[data-count] .hand[role=slider]")
        await hand.focus()
        assert " – " in str(await hand.get_attribute("aria-valuetext"))
        await hand.press("ArrowRight")
        await hand.press("ArrowLeft")
        assert "1 FAILURE" in str(await hand.get_attribute("aria-valuetext"))
        for _ in range(6):
            await hand.press("Shift+ArrowRight")
        await hand.press("Enter")
        await page.wait_for_url("**received%3A1970-01-01T00%3A16%3A30*")

        assert await page.locator("tbody tr").count() >= 2


async def test_fields_and_values_are_completed(window):
    async with window() as it:
        page = await it.open("/tasks")
        await page.locator("#search").press_sequentially("-nam")
        await page.locator("[role=option]", has_text="name:").wait_for()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await page.locator("[role=option]", has_text="name:=shop.send").wait_for()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Tab")
        assert await search(page) == "-name:=shop.send "
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/tasks?search=-name*")

        assert await page.locator("tbody tr").count() == 11


async def test_a_cell_that_is_pointed_at_narrows_the_list(window):
    async with window() as it:
        page = await it.open("/tasks")
        await page.locator("#task-task-03 td:not(.tool)").first.hover()
        await page.locator(".cell-tools", has_text="Copy").wait_for()
        await page.click(".cell-tools >> text=Not")
        await page.wait_for_url("**search=-name*")

        assert await search(page) == "-name:=shop.pay"


async def test_a_tap_beside_a_link_narrows_the_list(window):
    async with window(360, has_touch=True, is_mobile=True) as it:
        page = await it.open("/tasks")
        cell = page.locator("#task-task-03 td:not(.tool)").first
        at = {"x": (await cell.bounding_box())["width"] - 5, "y": 16}
        await cell.tap(position=at)
        await page.locator(".cell-tools", has_text="Copy").wait_for()
        await page.tap(".cell-tools >> text=Not")
        await page.wait_for_url("**search=-name*")

        assert await search(page) == "-name:=shop.pay"


async def test_a_tap_elsewhere_puts_away_what_the_first_offers(window):
    async with window(360, has_touch=True, is_mobile=True) as it:
        page = await it.open("/tasks")
        await page.locator("#task-runs .state").tap()
        await page.locator("#task-runs .cell-tools").wait_for()
        await page.locator("#task-task-03 .state").tap()
        await page.locator("#task-task-03 .cell-tools").wait_for()
        assert await page.locator(".cell-tools").count() == 1
        await page.locator("h1").tap()

        assert await page.locator(".cell-tools").count() == 0


async def test_arrows_lead_to_a_cell_and_what_can_be_done_with_it(window):
    async with window() as it:
        page = await it.open("/tasks")
        await page.locator("#task-runs a.key").focus()
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("Tab")
        assert (
            await page.evaluate("document.activeElement.title") == "Only tasks with state:STARTED"
        )
        await page.keyboard.press("Enter")
        await page.wait_for_url("**search=state*")

        assert await page.locator("tbody tr").count() == 1


async def test_columns_are_chosen_and_this_browser_remembers_them(window):
    async with window() as it:
        page = await it.open("/tasks")
        await page.click("#columns summary")
        await page.uncheck("#columns [value=worker]")
        await page.check("#columns [value=queue]")
        await page.click("#columns button:text-is('Apply')")
        await page.locator("th", has_text="Queue").wait_for()
        await it.open("/tasks")
        await page.locator("th", has_text="Queue").wait_for()
        assert await page.locator("th", has_text="Worker").count() == 0

        await page.click("#columns summary")
        await page.click("text=Reset")
        await page.locator("th", has_text="Worker").wait_for()
        await it.open("/tasks")
        assert "columns" not in page.url


async def test_a_view_is_kept_under_its_name_until_it_is_forgotten(window):
    async with window() as it:
        page = await it.open("/tasks?search=state:FAILURE&sort=name")
        await page.click("#views summary")
        await page.fill("f-views input", "Broken")
        await page.keyboard.press("Enter")
        await it.open("/tasks?search=")
        await page.click("#views summary")
        await page.click("f-views a >> text=Broken")
        await page.wait_for_url("**sort=name")
        assert await search(page) == "state:FAILURE"

        await page.click("#views summary")
        await page.click("[aria-label='Delete the view Broken']")
        assert await page.locator("f-views li").count() == 0


@pytest.mark.parametrize("script", [True, False])
async def test_facets_of_a_phone_are_in_a_drawer(window, script):
    async with window(width=360, java_script_enabled=script) as it:
        page = await it.open("/tasks")
        pay = page.locator("#facets a", has_text="pay")
        assert not await pay.is_visible()
        await page.click("#facets > summary")
        await pay.click()
        await page.wait_for_url("**name*")

        assert await page.locator("tbody tr").count() == 11


async def test_without_scripts_forms_and_links_do_the_same(window):
    async with window(java_script_enabled=False) as it:
        page = await it.open("/tasks")
        await page.click("nav[aria-label=States] a:has-text('FAILURE')")
        await page.click("#columns summary")
        await page.uncheck("#columns [value=worker]")
        await page.click("#columns button:text-is('Apply')")
        await page.click("#time summary")
        await page.fill("[name=from]", "1970-01-01T00:20")
        await page.click("#time button:text-is('Apply')")

        assert await search(page) == "state:FAILURE received:1970-01-01T00:20:00Z.."
        assert await page.locator("th:not(.tool)").count() == 5
        assert await page.locator("tbody tr").count() == 8
