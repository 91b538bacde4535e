"""Charts tell of a moment, by mouse, by keyboard and by finger, and lead to its tasks."""

import re

import pytest

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.usefixtures("busy"),
]


async def test_all_charts_tell_of_the_moment_that_is_pointed_at_in_one(window):
    async with window() as it:
        page = await it.open("/overview")
        charts = page.locator("figure.chart")
        await charts.first.locator(".hand").hover()

        tips = page.locator(".chart .tip")
        assert await tips.count() == await charts.count() == 4
        assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d", await tips.first.text_content())
        assert "received" in await tips.first.text_content()
        lefts = await page.locator(".chart .cross").evaluate_all(
            "all => all.map(one => one.offsetLeft / one.offsetParent.offsetWidth)"
        )
        assert max(lefts) - min(lefts) < 0.01
        await page.locator("h1").hover()
        assert await tips.count() == 0


async def test_a_click_lists_the_tasks_of_that_moment(window):
    async with window() as it:
        page = await it.open("/overview")
        hand = page.locator("figure.chart .hand").first
        box = await hand.bounding_box()
        await hand.click(position={"x": box["width"] - 2, "y": box["height"] / 2})
        await page.wait_for_url(re.compile("/tasks"))

        search = await page.get_by_role("combobox").first.input_value()
        assert re.fullmatch(r"received:\S+Z\.\.\S+Z", search)


async def test_the_keyboard_moves_in_time_and_lists_the_tasks(window):
    async with window() as it:
        page = await it.open("/overview")
        hand = page.get_by_role("slider", name=re.compile("Failure rate"))
        await page.keyboard.press("Tab")
        await hand.focus()
        newest = await hand.get_attribute("aria-valuetext")
        await page.keyboard.press("ArrowLeft")
        before = await hand.get_attribute("aria-valuetext")
        assert newest > before
        assert "share" in before
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile("/tasks.*FAILURE"))


async def test_a_finger_is_told_and_stays_on_the_page(window):
    async with window(390, has_touch=True) as it:
        page = await it.open("/overview")
        await page.locator("figure.chart .hand").first.tap()
        await page.locator(".chart .tip").first.wait_for()

        assert page.url.endswith("/overview")
