"""What a page of another site can do with a dashboard that its reader is logged in to: nothing."""

import pytest
import pytest_asyncio
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from flower_ng.store import AuditQuery
from tests.web.site import OPEN_API, session

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),
]
ME = "me@example.com"
LOCKS = {
    "open API": {"environ": OPEN_API},
    "session": {"auth": ME},
}


class Evil(RequestHandler):
    """A page without any rule of its own, on which tests do as its author would."""

    def get(self) -> None:
        self.finish("<!doctype html><title>evil</title><body>")


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere():
    server = HTTPServer(Application([(".*", Evil)], log_function=lambda _: None))
    socket, port = bind_unused_port()
    server.add_socket(socket)
    yield f"http://localhost:{port}/"
    server.stop()
    await server.close_all_connections()


@pytest_asyncio.fixture(loop_scope="session", params=LOCKS)
async def visit(request, chromium, server, shop, elsewhere):
    """Our root, and a page of another site in a browser that is logged in to ours."""
    client = server.start(cluster=shop, address="127.0.0.1", **LOCKS[request.param])
    root = f"http://{client.host}"
    context = await chromium.new_context()
    name, _, value = session(ME).partition("=")
    await context.add_cookies([{"name": name, "value": value, "url": root}])
    page = await context.new_page()
    await page.goto(f"{root}/tasks")
    assert "Tasks" in await page.title()
    await page.goto(elsewhere)
    yield root, page
    await context.close()


FRAME = """(url) => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.onload = done;
  frame.src = url;
  document.body.append(frame);
})"""
READ = """(url) => fetch(url, { credentials: "include" })
  .then((answer) => answer.text(), String)"""
SEND = """(url) => fetch(url, {
  method: "POST", mode: "no-cors", credentials: "include",
  headers: { "Content-Type": "text/plain" }, body: "{}",
}).then(String, String)"""
ASK = """(url) => fetch(url, { method: "POST", body: "{}" })
  .then(async (answer) => `${answer.status} ${await answer.text()}`)"""
PRESS = """(url) => {
  const form = document.createElement("form");
  form.method = "post";
  form.action = url;
  document.body.append(form);
  form.submit();
}"""


async def test_it_is_neither_framed_nor_read_nor_operated(visit, shop):
    root, page = visit
    await page.evaluate(FRAME, f"{root}/tasks")
    inside = [await frame.content() for frame in page.frames[1:]]
    paths = ("/api/workers", "/tasks", "/metrics")
    read = [await page.evaluate(READ, f"{root}{path}") for path in paths]
    sent = await page.evaluate(SEND, f"{root}/api/task/async-apply/shop.order")
    async with page.expect_navigation():
        await page.evaluate(PRESS, f"{root}/do/queue/purge/celery")
    entries = (await shop.store.audit(AuditQuery())).entries

    assert len(inside) == 1
    assert "flower_ng" not in inside[0]
    assert read == ["TypeError: Failed to fetch"] * 3
    assert sent == "TypeError: Failed to fetch"  # what the answer was is hidden, too
    assert "Cross-site request forbidden" in await page.inner_text("body")
    assert [(one.status, one.outcome) for one in entries] == [(403, "refused")] * 2


async def test_a_page_whose_name_leads_here_operates_nothing(chromium, server, shop):
    client = server.start(cluster=shop, environ=OPEN_API)
    root = f"http://rebind.example:{client.port}"
    page = await chromium.new_page()
    await page.goto(f"{root}/tasks")
    buttons = await page.locator("#many button").count()
    sent = await page.evaluate(ASK, f"{root}/api/task/async-apply/shop.order")
    async with page.expect_navigation():
        await page.evaluate(PRESS, f"{root}/do/queue/purge/celery")
    pressed = await page.inner_text("body")
    entries = (await shop.store.audit(AuditQuery())).entries
    await page.close()

    assert buttons == 0
    assert sent.startswith("403 Browsers may change nothing under the host name rebind.example")
    assert "--trusted_hosts=rebind.example" in pressed
    assert [(one.status, one.outcome) for one in entries] == [(403, "refused")] * 2
