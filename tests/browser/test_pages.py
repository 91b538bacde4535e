"""Every page in a real browser: no mistake in it, nothing wider than the window."""

import pytest

from tests.browser.conftest import PATHS
from tests.web.pages.test_frame import VISITS, hostile_batch, hostile_shop

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser-pages"),
]

#: The names of buttons and sliders; one in each row of a table is told by its row.
NAMED = """[...document.querySelectorAll("button, [role=slider], summary")]
    .filter((one) => one.checkVisibility() && !one.closest("tbody"))
    .map((one) => one.getAttribute("aria-label") ?? one.textContent.replace(/\\s+/g, " ").trim())"""


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("name", PATHS)
async def test_a_page_fits_its_window_and_makes_no_mistake(window, name):
    async with window(360, {"debug": name == "style guide"}) as it:
        page = await it.open(PATHS[name])
        await page.wait_for_function("() => customElements.get('f-live') !== undefined")

        for width in (360, 900, 1280):
            await page.set_viewport_size({"width": width, "height": 800})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("path", ["/workers", "/queues"])
async def test_every_column_is_seen_on_a_small_desk(window, path):
    async with window() as it:
        page = await it.open(path)
        heads = [await head.bounding_box() for head in await page.locator("thead th").all()]

        assert len(heads) > 10
        assert all(head["width"] for head in heads)
        assert round(heads[-1]["x"] + heads[-1]["width"]) <= 1280


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("name", PATHS)
async def test_a_page_says_the_same_without_script(window, name):
    options = {"debug": name == "style guide"}
    async with window(options=options, java_script_enabled=False) as it:
        page = await it.open(PATHS[name])

        assert await page.locator("main").inner_text()
        assert not await page.locator("f-prefs, f-jump, f-live, f-copy").first.is_visible()


@pytest.mark.parametrize("name", VISITS)
async def test_hostile_values_do_nothing(window, shop, name):
    hostile_shop(shop)
    await hostile_batch(shop)
    async with window() as it:
        page = await it.open(VISITS[name])

        assert await page.locator("hostile, [onclick]").count() == 0


@pytest.mark.usefixtures("busy")
async def test_names_that_must_be_cut_keep_their_end(window):
    async with window(900) as it:
        page = await it.open("/tasks")
        name = page.locator(".dotted").last

        end = await name.locator("span").last.bounding_box()
        cell = await name.locator("xpath=ancestor::td").bounding_box()
        assert end["x"] + end["width"] <= cell["x"] + cell["width"] + 1


async def test_the_names_of_pages_have_room_on_a_small_phone(window):
    async with window(320) as it:
        page = await it.open("/tasks")
        names = await page.locator("nav.nav :is(a, button) > span:visible").all()
        boxes = [await name.bounding_box() for name in names]

        ends = [0, *(box["x"] + box["width"] for box in boxes)]
        assert all(box["x"] >= end for box, end in zip(boxes, ends, strict=False))
        assert ends[-1] <= 320


@pytest.mark.parametrize("script", [True, False])
async def test_a_phone_opens_the_pages_that_have_no_room_at_its_bottom(window, script):
    async with window(390, java_script_enabled=script) as it:
        page = await it.open("/tasks")
        more, link = page.get_by_role("button", name="More"), page.locator("#places a")
        assert not await link.first.is_visible()
        await more.click()
        await link.filter(has_text="Doctor").click()
        await page.wait_for_url("**/doctor")

        assert await page.locator("h1", has_text="Doctor").is_visible()


async def test_a_wide_window_shows_all_pages(window):
    async with window() as it:
        page = await it.open("/tasks")

        assert await page.locator("#places a", has_text="Doctor").is_visible()
        assert not await page.get_by_role("button", name="More").is_visible()


async def test_the_first_key_leads_past_the_navigation(window):
    async with window() as it:
        page = await it.open("/tasks")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Skip to content"
        await page.keyboard.press("Enter")

        assert await page.evaluate("document.activeElement.id") == "main"


async def test_the_second_key_leads_to_the_list(window, busy):
    busy.task("5eed")
    async with window() as it:
        page = await it.open("/tasks")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")

        assert await page.evaluate("!!document.activeElement.closest('#list thead')")


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("name", ["worker", "task", "tasks", "queue"])
async def test_what_can_be_used_has_a_name_of_its_own_that_stays(window, name):
    async with window() as it:
        page = await it.open(PATHS[name])
        await page.locator("f-live", has_text="Updated").wait_for()
        before = await page.evaluate(NAMED)
        await page.locator("f-live", has_text="s ago").wait_for()
        after = await page.evaluate(NAMED)

        assert before == after
        assert len(before) == len(set(before)), sorted(before)
        assert all(before)


@pytest.mark.usefixtures("busy")
async def test_nothing_beside_the_list_scrolls_sideways(window):
    async with window(1400) as it:
        page = await it.open("/tasks")
        facets = page.locator(".facets > div")
        await facets.wait_for()

        assert await facets.evaluate("one => one.scrollWidth - one.clientWidth") == 0


async def test_a_click_beside_the_links_of_a_row_opens_its_task(window, busy):
    busy.task("5eed")
    async with window() as it:
        page = await it.open("/tasks")
        await page.locator("#task-5eed [data-label=Received]").click()

        await page.wait_for_url("**/task/5eed")


@pytest.mark.usefixtures("busy")
async def test_a_task_takes_three_lines_of_a_phone(window):
    async with window(390) as it:
        page = await it.open("/tasks")
        row = await page.locator("tbody tr").first.bounding_box()

        assert row["height"] < 110


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("script", [True, False])
async def test_one_tab_is_shown_the_one_that_the_address_names(window, script):
    async with window(java_script_enabled=script) as it:
        page = await it.open("/worker/w1@box")
        assert await page.locator("section[id^=tab-]:visible").count() == 1
        assert await page.locator("#tab-tasks").is_visible()

        await page.click("a[href='#tab-queues']")
        assert await page.locator("section[id^=tab-]:visible").count() == 1
        assert await page.locator("#tab-queues").is_visible()
        assert await page.evaluate("scrollY") == 0 if script else True


GROUNDS = ("canvas", "surface", "sunken", "raised")
WORDS = {
    **dict.fromkeys(("text", "text-soft", "accent", "bad"), GROUNDS),
    **dict.fromkeys(
        (f"state-{state}" for state in ("success", "failure", "retry", "started", "received")),
        GROUNDS,
    ),
    **dict.fromkeys((f"state-{state}" for state in ("rejected", "revoked", "pending")), GROUNDS),
    "on-accent": ("accent",),
}
EXTRA = (("text", "bad-faint"), ("bad", "bad-faint"), ("text", "warn-faint"))
PAIRS = [(word, ground) for word, grounds in WORDS.items() for ground in grounds]
CONTRAST = """pairs => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const light = name => {
        const probe = document.body.appendChild(document.createElement("i"));
        probe.className = "probe";
        probe.attributeStyleMap.set("color", `var(--${name})`);
        canvas.fillStyle = getComputedStyle(probe).color;
        probe.remove();
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(value => {
            const part = value / 255;
            return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    return pairs.map(([word, ground]) => {
        const [dark, bright] = [light(word), light(ground)].sort((a, b) => a - b);
        return [word, ground, (bright + 0.05) / (dark + 0.05)];
    });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_words_stand_out_from_what_is_behind_them(window, scheme):
    async with window(color_scheme=scheme) as it:
        page = await it.open("/tasks")
        contrasts = await page.evaluate(CONTRAST, [*PAIRS, *EXTRA, ("accent", "accent-faint")])

        assert min(ratio for _, _, ratio in contrasts) < 21  # they were measured at all
        assert [found for found in contrasts if found[2] < 4.5] == []


@pytest.mark.usefixtures("busy")
async def test_headings_stay_while_rows_scroll(window):
    async with window() as it:
        page = await it.open("/tasks")
        await page.set_viewport_size({"width": 1280, "height": 400})
        await page.evaluate("scrollTo(0, 400)")

        box = await page.locator("thead th").first.bounding_box()
        bar = await page.locator(".head").bounding_box()
        assert abs(box["y"] - bar["height"]) <= 1
