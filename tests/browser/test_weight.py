"""How much a browser must fetch before a page is there, and that the page does not jump about."""

import pytest

from tests.browser.conftest import PATHS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser-pages"),
]
#: The cumulative layout shift that web.dev calls good.
MOST_SHIFT = 0.1
MOST_BYTES = 120_000
SHIFTS = """window.shift = 0; new PerformanceObserver(list => {
    for (const entry of list.getEntries()) window.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });"""


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("name", [name for name in PATHS if name != "style guide"])
async def test_the_first_view_is_light(window, name):
    async with window() as it:
        session = await it.page.context.new_cdp_session(it.page)
        await session.send("Network.enable")
        sizes = []
        session.on("Network.loadingFinished", lambda one: sizes.append(one["encodedDataLength"]))
        await it.open(PATHS[name])
        await it.page.wait_for_load_state("load")

        assert 10_000 < sum(sizes) < MOST_BYTES


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("width", [1280, 360])
async def test_nothing_jumps_while_a_page_comes_to_life(window, width):
    async with window(width) as it:
        await it.page.add_init_script(SHIFTS)
        for path in ("/workers", "/tasks", "/worker/w1@box"):
            page = await it.open(path)
            await page.locator("f-live button.plain").wait_for()
            await page.wait_for_timeout(300)

            assert await page.evaluate("window.shift") < MOST_SHIFT, path
