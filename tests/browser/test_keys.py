"""Everything with the keyboard alone: the palette, the list of keys, rows, the way to pages."""

import pytest

from tests.web.pages.shop import W1
from tests.web.pages.test_worker import ANSWERS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),
]
FOCUSED = "document.activeElement.closest('tr')?.id"
ready = "() => customElements.get('f-keys') !== undefined"


async def opened(it, path):
    page = await it.open(path)
    await page.wait_for_function(ready)
    return page


async def test_a_task_is_reached_by_its_id(window, shop):
    shop.task("0c598d7b-125e-4d91")
    async with window() as it:
        page = await opened(it, "/workers")
        await page.keyboard.press("Control+k")
        await page.keyboard.type("4d91")
        await page.locator("[role=option]", has_text="0c598d7b-125e-4d91").wait_for()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/task/0c598d7b-125e-4d91")


async def test_the_palette_is_walked_with_arrows_and_left_with_escape(window, shop):
    shop.beat("one@box")
    shop.beat("two@box")
    async with window() as it:
        page = await opened(it, "/tasks")
        await page.click("f-jump button")
        await page.locator("[role=option]", has_text="two@box").wait_for()
        await page.keyboard.press("ArrowUp")
        selected = page.locator("[aria-selected=true]")
        assert await selected.inner_text() == "two@box\nOnline"

        await page.keyboard.press("Escape")
        await page.locator("dialog[open]").wait_for(state="hidden")
        assert await page.evaluate("document.activeElement.parentElement.tagName") == "F-JUMP"


async def test_what_has_no_such_name_is_searched_among_the_tasks(window):
    async with window() as it:
        page = await opened(it, "/tasks")
        await page.keyboard.press("Control+k")
        await page.keyboard.type("nowhere")
        await page.locator("[role=option]", has_text="Search tasks").wait_for()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/tasks?search=nowhere")


async def test_the_palette_works_where_controls_are_closed(window, shop):
    shop.beat()
    async with window(options={"read_only": True}) as it:
        page = await opened(it, "/tasks")
        await page.keyboard.press("Control+k")
        await page.locator("[role=option]", has_text=W1).click()
        await page.wait_for_url("**/worker/w1@box")


async def test_a_question_mark_lists_the_keys(window):
    async with window() as it:
        page = await opened(it, "/tasks")
        await page.keyboard.press("?")
        keys = page.locator("dialog", has_text="Go to Workers")
        await keys.wait_for()
        await page.keyboard.press("Escape")
        await keys.wait_for(state="detached")


async def test_rows_are_walked_and_opened(window, shop):
    for number in range(3):
        shop.now += 1
        shop.task(f"task-{number}")
    async with window() as it:
        page = await opened(it, "/tasks")
        for key, row in (("j", 2), ("j", 1), ("ArrowDown", 0), ("j", 0), ("k", 1)):
            await page.keyboard.press(key)
            assert await page.evaluate(FOCUSED) == f"task-task-{row}"
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/task/task-1")


async def test_a_slash_leads_to_the_search_and_escape_out_of_it(window):
    async with window() as it:
        page = await opened(it, "/tasks")
        await page.keyboard.press("/")
        await page.keyboard.type("gjp?")
        assert await page.input_value("#search") == "gjp?"
        await page.keyboard.press("Escape")
        assert await page.evaluate("document.activeElement.tagName") == "BODY"


@pytest.mark.parametrize(("key", "path"), [("w", "/"), ("t", "/tasks"), ("q", "/queues")])
async def test_g_and_a_letter_lead_to_a_page(window, key, path):
    async with window() as it:
        page = await opened(it, "/tasks?page=2")
        await page.keyboard.press("g")
        await page.keyboard.press(key)
        await page.wait_for_url(it.root + path)


async def test_a_letter_in_a_field_is_only_a_letter(window, shop):
    shop.beat()
    shop.inspector.workers = {W1: ANSWERS}
    async with window() as it:
        page = await opened(it, "/worker/w1@box#tab-queues")
        await page.focus("#queue")
        await page.keyboard.type("gp/k?")

        assert await page.input_value("#queue") == "gp/k?"
        assert await page.locator("dialog[open]").count() == 0
        assert await page.get_attribute("f-live", "data-mood") == "live"
