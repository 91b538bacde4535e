"""Firefox shows what Chromium does: every page in its window, and what people do on pages."""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.browser.conftest import PATHS
from tests.services import PATIENCE, ROOT, firefox, need
from tests.web.site import OPEN_API

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser-pages"),
]

DRIVER = Path(__file__).with_name("firefox.js")
#: A form's answer and a page of developers are no addresses to go to.
PAGES = {name: path for name, path in PATHS.items() if name not in ("review", "style guide")}
DEEDS = {
    "a search",
    "the palette",
    "a review",
    "a live update",
    "the places of a phone",
    "one moment in all charts",
    "tabs",
}
LONGEST_S = 70


@asynccontextmanager
async def driven(root: str) -> AsyncIterator[asyncio.StreamReader]:
    """Start Firefox on a site; gives what its driver prints, and ends both."""
    given = [root, firefox(), str(PATIENCE), json.dumps(PAGES)]
    driver = await asyncio.create_subprocess_exec(node(), DRIVER, *given, stdout=PIPE)
    assert driver.stdout
    try:
        yield driver.stdout
    finally:
        if driver.returncode is None:
            driver.terminate()  # which ends the browser too
        await driver.wait()


def node() -> str:
    """The Node.js of the checkout, else the system's."""
    own = ROOT / ".venv-node/bin/node"
    return str(own) if own.exists() else need("node")


async def nothing(_task_id: str) -> None:
    """The result backend has no arguments."""


async def test_firefox_shows_every_page_and_does_what_people_do(server, busy):
    busy.publisher.stored_arguments = nothing
    site = server.start(cluster=busy, environ=OPEN_API)
    troubles = {}
    async with asyncio.timeout(LONGEST_S * PATIENCE), driven(f"http://{site.host}") as lines:
        async for line in lines:
            match json.loads(line):
                case "event":
                    busy.task("5eed")
                    busy.events.happen()
                case {"name": name, "troubles": found}:
                    troubles[name] = found

    assert {name: found for name, found in troubles.items() if found} == {}
    assert troubles.keys() == PAGES.keys() | DEEDS
