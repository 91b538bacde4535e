"""How a browser tells times: as the page has them, or as somebody chose."""

import pytest

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),
]
KOLKATA = {"timezone_id": "Asia/Kolkata", "locale": "en-GB"}
TIME = "tbody f-time time"


async def choose(page, name, value):
    await page.click("f-prefs summary")
    await page.check(f"f-prefs input[name='f-{name}'][value='{value}']")
    await page.keyboard.press("Escape")


async def test_times_are_those_of_the_cluster_until_somebody_chooses(window, shop):
    shop.task("5eed")
    async with window(**KOLKATA) as it:
        page = await it.open("/tasks")
        assert await page.text_content(TIME) == "1970-01-01 00:16:40.000"
        await choose(page, "Time zone", "here")
        assert await page.text_content(TIME) == "1970-01-01 05:46:40.000"
        await choose(page, "Time zone", "UTC")
        assert await page.text_content(TIME) == "1970-01-01 00:16:40.000"


async def test_a_choice_is_kept_and_stays_when_the_page_is_made_new(window, shop):
    shop.task("5eed")
    async with window(**KOLKATA) as it:
        page = await it.open("/tasks")
        await choose(page, "Time zone", "here")
        await it.open("/tasks")
        assert await page.text_content(TIME) == "1970-01-01 05:46:40.000"

        shop.task("newer")
        shop.events.happen()
        await it.shows("newer")
        assert set(await page.locator(TIME).all_text_contents()) == {"1970-01-01 05:46:40.000"}


async def test_times_can_be_ages(window, shop):
    shop.task("5eed")
    async with window() as it:
        page = await it.open("/tasks")
        await choose(page, "Times", "relative")
        text = await page.text_content(TIME)
        assert text.endswith(" d ago")

        await choose(page, "Times", "")
        assert await page.text_content(TIME) == "1970-01-01 00:16:40.000"


async def test_ages_can_be_times(window, shop):
    shop.task("5eed")
    async with window(options={"natural_time": True}) as it:
        page = await it.open("/tasks")
        assert (await page.text_content(TIME)).endswith("ago")
        await choose(page, "Times", "absolute")
        assert await page.text_content(TIME) == "1970-01-01 00:16:40.000"
