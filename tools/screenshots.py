"""Takes pictures of every page of the demo, light and dark, wide and narrow, into screenshots/.

Run by `make screenshots`; needs Chromium.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from playwright.async_api import Browser, async_playwright

from flower_ng.web.pages.styleguide import Styleguide
from flower_ng.web.routes import PAGES

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "screenshots"
SIZES = {"wide": (1440, 900), "desktop": (1280, 800), "phone": (390, 844)}
SCHEMES = ("light", "dark")
#: Long enough for the demo to have something of everything to show.
WARM_UP_S = 30
START_S = 30
TASK = "main tbody a[href*='/task/']"
#: Waits for what pages fetch after they were opened.
SETTLE_MS = 1200


@contextmanager
def demo() -> Iterator[str]:
    """Run the demo on a free port; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from flower_ng.cli.script import main; main()", "demo"]
    process = subprocess.Popen(
        [*command, f"--port={port}", "--address=127.0.0.1", "--debug=true"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


async def until_up(root: str) -> None:
    """Wait for the demo to answer, and for its shop to have done some business."""
    async with asyncio.timeout(START_S):
        while not await asyncio.to_thread(answers, root):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)
    await asyncio.sleep(WARM_UP_S)


def answers(root: str) -> bool:
    """Say whether the site is up."""
    try:
        urllib.request.urlopen(f"{root}/healthcheck", timeout=1)
    except (urllib.error.URLError, OSError):
        return False
    return True


async def paths(browser: Browser, root: str) -> dict[str, str]:
    """Return the address of each page by its name, with examples of what has a page each."""
    found = {page.__name__.removesuffix("Page").lower(): page.path for page in (*PAGES, Styleguide)}
    named = {name: path for name, path in found.items() if "(" not in path}
    page = await browser.new_page()
    for name, where, link in (
        ("worker", "/workers", "main tbody a.key"),
        ("task", "/tasks?state=FAILURE", TASK),
        ("type", "/types", "main tbody a.key"),
        ("queue", "/queues", "main tbody a.key"),
        ("workflow", "/workflows", "main tbody a[href*='/workflow/']"),
        ("failure", "/failures", "main tbody a[href*='/failures/']"),
    ):
        await page.goto(root + where)
        address = await page.locator(link).first.get_attribute("href")
        named[name] = str(address)
    failed = {"all": "true", "search": "state:FAILURE"}
    batch = await page.request.post(f"{root}/api/batches/rerun", form=failed)
    named["batch"] = f"/batches/{(await batch.json())['batch']}"
    some = await (await page.request.get(f"{root}/api/tasks?limit=2&state=SUCCESS")).json()
    named["compare"] = f"/compare?{urlencode([('ids', one) for one in some])}"
    await page.close()
    then = {f"{name}-then": f"/{name}?at=-1m" for name in ("overview", "workers", "queues")}
    return named | {"workers": "/workers"} | then


async def take(browser: Browser, root: str, named: dict[str, str]) -> None:
    """Take all pictures."""
    for size, (width, height) in SIZES.items():
        for scheme in SCHEMES:
            context = await browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="light" if scheme == "light" else "dark",
            )
            page = await context.new_page()
            for name, path in named.items():
                await page.goto(root + path)
                await page.wait_for_timeout(SETTLE_MS)
                await page.screenshot(path=TARGET / f"{name}-{size}-{scheme}.png")
            await context.close()


async def run() -> None:
    """Start the demo and a browser, and take the pictures."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        raise SystemExit("Chromium was not found: run `make test-setup`")
    TARGET.mkdir(exist_ok=True)
    with demo() as root:
        await until_up(root)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium, args=["--headless", "--no-sandbox", "--disable-gpu"]
            )
            await take(browser, root, await paths(browser, root))
            await browser.close()


if __name__ == "__main__":
    asyncio.run(run())
