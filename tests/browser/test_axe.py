"""Every page, light and dark, wide and narrow: axe-core finds nothing against WCAG 2.2 AA.

A page is loaded once and looked at twice. That takes windows in which no colour fades into another.
"""

import pytest

from tests.browser.conftest import PATHS
from tests.services import ROOT

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser-pages"),
]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: axe writes styles into what it measures, so these windows do without the content policy.
STILL = {"color_scheme": "light", "reduced_motion": "reduce", "bypass_csp": True}
RUN = """async rules => {
    const found = await axe.run(document, {
        runOnly: { type: "tag", values: rules },
        resultTypes: ["violations"],  // it costs more to describe what is well than to find it
        selectors: false,
        preload: false,  // of films and sounds, of which there are none
    });
    return found.violations.map(one =>
        [one.id, one.help, one.nodes.map(node => node.html.slice(0, 200)).slice(0, 5)]);
}"""


@pytest.fixture(scope="session")
def axe():
    return ROOT.joinpath("node_modules/axe-core/axe.min.js").read_text()


async def violations(page, axe):
    await page.evaluate(axe)
    return await page.evaluate(RUN, RULES)


async def violations_in_the_dark(page, width):
    """Look again, with a dark theme and a window of this width."""
    await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size({"width": width, "height": 800})
    return await page.evaluate(RUN, RULES)


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("name", PATHS)
async def test_a_page_keeps_the_rules(window, axe, name):
    options = {"debug": name == "style guide"}
    async with window(options=options, **STILL) as it:
        page = await it.open(PATHS[name])
        await page.wait_for_function("() => customElements.get('f-live') !== undefined")

        assert await violations(page, axe) == []
        assert await violations_in_the_dark(page, 360) == []


@pytest.mark.parametrize(
    "path",
    [
        "/workers",
        "/tasks",
        "/history",
        "/broker",
        "/overview",
        "/queues",
        "/problems",
        "/doctor",
        "/types",
        "/task/none",
    ],
)
async def test_a_page_without_anything_keeps_the_rules(window, axe, path):
    async with window(**STILL) as it:
        page = await it.open(path)
        it.complaints.clear()  # the browser itself complains of the 404

        assert await violations(page, axe) == []


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("width", [360, 1440])
async def test_what_narrows_the_tasks_keeps_the_rules(window, axe, width):
    async with window(width, **STILL) as it:
        page = await it.open(
            "/tasks?columns=name,uuid,state,args,kwargs,result,received,worker,queue"
        )
        await page.locator("f-histogram[data-count]").wait_for()
        if width < 1000:
            await page.click("#facets > summary")
        await page.locator(".hand").press("ArrowRight")
        await page.locator("#search").press_sequentially("sta")
        await page.locator("[role=option]").first.wait_for()

        assert await violations(page, axe) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("opener", ["Control+k", "?", "f-prefs summary"])
async def test_what_opens_over_a_page_keeps_the_rules(window, axe, opener):
    async with window(**STILL) as it:
        page = await it.open("/tasks")
        await page.wait_for_function("() => customElements.get('f-keys') !== undefined")
        if opener.startswith("f-"):
            await page.click(opener)
        else:
            await page.keyboard.press(opener)
            await page.locator("dialog[open]").wait_for()

        assert await violations(page, axe) == []
        assert await violations_in_the_dark(page, 1280) == []


@pytest.mark.usefixtures("busy")
async def test_the_drawer_of_a_review_keeps_the_rules(window, axe):
    async with window(**STILL) as it:
        page = await it.open("/queues/celery")
        await page.wait_for_function("() => customElements.get('f-review') !== undefined")
        await page.click("[data-reviewed] button:text-is('Purge')")
        await page.locator("dialog[open] #review").wait_for()

        assert await violations(page, axe) == []
        assert await violations_in_the_dark(page, 360) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_these_tests_would_notice(window, axe):
    async with window(**STILL) as it:
        page = await it.open("/tasks")
        await page.evaluate("document.querySelector('#search').labels[0].textContent = ''")
        await page.evaluate("document.body.append(document.createElement('button'))")

        assert "button-name" in {rule for rule, *_ in await violations(page, axe)}
