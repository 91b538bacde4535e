"""Looking back with a slider, with keys and without scripts, and noting a deploy."""

import pytest

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.usefixtures("busy"),
]
THEN = "/workers?at=1970-01-01T00:10:00Z"
SLIDER = "f-past input[type=range]"


async def test_the_slider_tells_its_moment_and_shows_it_once_it_is_let_go(window):
    async with window() as it:
        page = await it.open(THEN)
        box = await page.locator(SLIDER).bounding_box()
        await page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2)
        await page.mouse.down()
        await page.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2)
        told = await page.text_content("f-past output")
        await page.mouse.up()
        await page.wait_for_url("**T00%3A00%3A00Z**")

        assert told == "1970-01-01 00:00:00"
        assert await page.text_content("main strong") == "As it was at 1970-01-01 00:00:00.000"


async def test_the_slider_is_moved_by_keys_and_sent_by_enter(window):
    async with window() as it:
        page = await it.open(THEN)
        await page.focus(SLIDER)
        await page.keyboard.press("ArrowLeft")
        assert await page.text_content("f-past output") == "1970-01-01 00:09:00"
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**T00%3A09%3A00Z**")


async def test_without_scripts_one_can_look_back_and_return(window):
    async with window(java_script_enabled=False) as it:
        page = await it.open(THEN)
        await page.click("text=-1 min")
        await page.wait_for_url("**T00%3A09%3A00Z**")
        await page.click("f-past button")
        await page.click("main >> text=Queues")
        await page.wait_for_url("**/queues?at=1970-01-01T00%3A09%3A00Z**")
        await page.click("text=Back to now")
        await page.wait_for_url("**/queues")


async def test_a_page_of_the_past_does_not_follow_what_happens(window, shop):
    async with window() as it:
        page = await it.open(THEN)
        shop.events.happen()
        await page.wait_for_timeout(300)

        assert it.fetched == []


async def test_a_deploy_is_noted_on_its_page(window):
    async with window() as it:
        page = await it.open("/deploys")
        await page.click("text=Note a deploy")
        await page.fill("input[name=version]", "2.4.1")
        await page.keyboard.press("Enter")
        await it.shows("What changed since shop 2.4.1")
