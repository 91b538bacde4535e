"""How a browser tells times: as the page has them, or as somebody chose."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),
]
KOLKATA = {"timezone_id": "Asia/Kolkata", "locale": "en-GB"}
TIME = "tbody f-time time"
ABSOLUTE = "main time:not([data-relative])"


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


async def test_the_header_names_the_zone_that_was_chosen(window, shop):
    shop.task("5eed")
    shop.timezone = ZoneInfo("Europe/Berlin")
    async with window(**KOLKATA) as it:
        page = await it.open("/tasks")
        assert await page.text_content("#zone") == "Europe/Berlin"
        await choose(page, "Time zone", "here")
        assert await page.text_content("#zone") in {"Asia/Kolkata", "Asia/Calcutta"}
        await page.hover("tbody tr:first-child f-time")
        title = await page.get_attribute("tbody tr:first-child f-time", "title")
        assert title.startswith("1970-01-01 05:46:40.000 Asia/")
        assert title.endswith(" · 1970-01-01 00:16:40.000 UTC")

        page = await it.open("/overview")
        assert await page.text_content("#zone") in {"Asia/Kolkata", "Asia/Calcutta"}
        await choose(page, "Time zone", "")
        assert await page.text_content("#zone") == "Europe/Berlin"


async def test_all_times_follow_the_choice(window, shop):
    shop.task("5eed")
    shop.timezone = ZoneInfo("Europe/Berlin")
    async with window(**KOLKATA) as it:
        page = await it.open("/task/5eed")
        server = await page.locator(ABSOLUTE).all_text_contents()
        await choose(page, "Time zone", "here")
        here = await page.locator(ABSOLUTE).all_text_contents()
        assert [time[11:16] for time in server] == ["01:16" for _ in server]
        assert [time[11:16] for time in here] == ["05:46" for _ in here]
        await choose(page, "Time zone", "")
        assert await page.locator(ABSOLUTE).all_text_contents() == server


async def test_the_fields_for_a_time_are_in_the_zone_that_was_chosen(window, shop):
    shop.timezone = ZoneInfo("Europe/Berlin")
    async with window(**KOLKATA) as it:
        page = await it.open("/tasks?search=received:2026-11-20T10:00:00Z..")
        field = page.locator("#time input[name=from]")
        assert await field.input_value() == "2026-11-20T11:00"
        await choose(page, "Time zone", "here")
        assert await field.input_value() == "2026-11-20T15:30"
        assert "From 2026-11-20 15:30:00" in await page.text_content("#time summary")

        await page.click("#time summary")
        await field.fill("2026-11-20T16:00:00")
        await page.click("#time button")
        await page.wait_for_url("**/tasks?search=received%3A2026-11-20T10%3A30%3A00Z..*")


async def test_an_hour_that_is_there_twice_has_its_offset(window, shop):
    shop.timezone = ZoneInfo("UTC")
    shop.now = datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC).timestamp()
    shop.task("5eed")
    async with window(timezone_id="Europe/Berlin") as it:
        page = await it.open("/tasks")
        await choose(page, "Time zone", "here")
        assert await page.text_content(TIME) == "2026-10-25 02:59:59.000 +02:00"


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
