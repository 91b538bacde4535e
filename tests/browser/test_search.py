"""What a wrong search looks like, and the way from it to the help."""

import pytest

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),
]


@pytest.mark.parametrize("script", [True, False])
async def test_a_mistake_leads_to_the_help_which_does_not_cover_it(window, script):
    async with window(java_script_enabled=script) as it:
        page = await it.open("/tasks?search=runtime:fast")
        assert not await page.is_visible("#search-help")
        await page.click("#search-problem a")
        assert await page.is_visible("#search-help")
