"""Equal views are rendered once: what is shared, with whom, and for how long."""

import asyncio
import gzip

import pytest

from flower_ng.errors import NotFound
from flower_ng.web.http.page_cache import Rendered, Sheet
from tests.web.pages.shop import Shop
from tests.web.site import OPEN_API, session

LIVE = {"Flower-Live": "1"}
BOTH = "me@example.com|you@example.com"


class Kitchen:
    """Makes numbered sheets, each when it is told to; `beat` and `now` are what the test sets."""

    def __init__(self):
        self.beat, self.now, self.made = 0, 0.0, 0
        self.may_finish = asyncio.Event()
        self.rendered = Rendered(lambda: self.beat, clock=lambda: self.now, max_pages=2)

    async def make(self):
        self.made += 1
        number = self.made
        await self.may_finish.wait()
        return Sheet.of(b"%d" % number)

    async def ask(self, key="page"):
        sheet = await self.rendered.sheet(key, self.make)
        return sheet.body


@pytest.fixture
async def kitchen():
    return Kitchen()


async def test_who_asks_while_a_page_is_made_waits_for_it(kitchen):
    asked = [asyncio.ensure_future(kitchen.ask()) for _ in range(50)]
    await asyncio.sleep(0)
    kitchen.may_finish.set()

    assert await asyncio.gather(*asked) == [b"1"] * 50
    assert kitchen.made == 1


async def test_a_page_serves_until_something_changes_or_a_second_is_over(kitchen):
    kitchen.may_finish.set()
    answers = [await kitchen.ask(), await kitchen.ask()]
    kitchen.beat += 1
    answers.append(await kitchen.ask())
    kitchen.now += 0.9
    answers.append(await kitchen.ask())
    kitchen.now += 0.1
    answers.append(await kitchen.ask())

    assert answers == [b"1", b"1", b"2", b"2", b"3"]


async def test_one_who_leaves_while_making_it_takes_it_from_nobody(kitchen):
    first, second = (asyncio.ensure_future(kitchen.ask()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    kitchen.may_finish.set()

    assert await second == b"2"


async def test_a_failure_reaches_only_who_ran_into_it(kitchen):
    async def fail():
        await kitchen.may_finish.wait()
        raise NotFound("gone")

    failing = asyncio.ensure_future(kitchen.rendered.sheet("page", fail))
    await asyncio.sleep(0)
    waiting = asyncio.ensure_future(kitchen.ask())
    kitchen.may_finish.set()

    assert await waiting == b"1"
    with pytest.raises(NotFound):
        await failing


async def test_the_pages_that_are_kept_are_bounded(kitchen):
    kitchen.may_finish.set()
    answers = [await kitchen.ask(key) for key in ("a", "b", "c", "b", "a")]

    assert answers == [b"1", b"2", b"3", b"2", b"4"]


@pytest.fixture
def shop():
    cluster = Shop()
    cluster.store.start()
    yield cluster
    cluster.store.stop()


async def test_browsers_that_follow_one_page_share_a_rendering_until_a_tick(shop, serve):
    client = serve(cluster=shop)
    await client.get("/tasks")  # the counts around the list are there from now on
    await client.ask("GET", "/tasks", LIVE)
    shop.task("5eed")
    shared = await client.ask("GET", "/tasks", LIVE)
    shop.events.happen()
    await asyncio.sleep(0.01)
    newer = await client.ask("GET", "/tasks", LIVE)

    assert "5eed" not in shared.text
    assert "5eed" in newer.text


async def test_a_page_that_is_opened_is_always_new(shop, serve):
    client = serve(cluster=shop)
    await client.ask("GET", "/tasks", LIVE)
    shop.task("5eed")

    assert "5eed" in (await client.get("/tasks")).text


async def test_nobody_is_shown_what_another_person_sees(shop, serve):
    client = serve(cluster=shop, auth=BOTH)
    texts = [
        (await client.ask("GET", "/tasks", LIVE | {"Cookie": session(who)})).text
        for who in BOTH.split("|")
    ]
    stranger = await client.ask("GET", "/tasks", LIVE)

    assert ["me@" in text for text in texts] == [True, False]
    assert ["you@" in text for text in texts] == [False, True]
    assert stranger.status == 302


async def test_a_message_for_one_browser_is_shown_to_no_other(shop, serve):
    client = serve(cluster=shop, environ=OPEN_API)
    shop.beat()
    done = await client.post("/do/worker/pool/grow/w1@box", {"n": "2"})
    toast = done.cookies["flower_toast"].partition(";")[0]
    mine = await client.ask("GET", "/tasks", LIVE | {"Cookie": f"flower_toast={toast}"})
    other = await client.ask("GET", "/tasks", LIVE)

    assert "command done" in mine.text
    assert "command done" not in other.text


async def test_a_page_that_is_the_same_is_not_sent_again(shop, serve):
    client = serve(cluster=shop)
    first = await client.get("/tasks")
    same = await client.get("/tasks", **{"If-None-Match": first.headers["Etag"]})
    shop.task("5eed")
    other = await client.get("/tasks", **{"If-None-Match": first.headers["Etag"]})

    assert (same.status, same.body, other.status) == (304, b"", 200)


@pytest.mark.parametrize("headers", [{}, LIVE])
async def test_pages_and_files_are_packed_for_who_can_unpack(shop, serve, headers):
    client = serve(cluster=shop)
    for number in range(50):
        shop.task(f"task-{number}")
    await client.get("/tasks")  # the counts around the list are there from now on
    for path in ("/tasks", "/static/css/app.css"):
        plain = await client.ask("GET", path, headers)
        packed = await client.ask("GET", path, headers | {"Accept-Encoding": "gzip"})

        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Vary"] == "Accept-Encoding"
        assert "Content-Encoding" not in plain.headers
        assert gzip.decompress(packed.body) == plain.body
        assert len(packed.body) < len(plain.body) / 2


async def test_a_page_with_a_token_is_not_packed(shop, serve):
    client = serve(cluster=shop, auth=BOTH)
    headers = {"Accept-Encoding": "gzip", "Cookie": session("me@example.com")}

    assert "Content-Encoding" not in (await client.ask("GET", "/tasks", headers)).headers


async def test_a_part_of_a_file_is_sent_as_it_is(serve, shop):
    answer = await serve(cluster=shop).get(
        "/static/css/tokens.css", Range="bytes=0-9", **{"Accept-Encoding": "gzip"}
    )

    assert (answer.status, len(answer.body)) == (206, 10)
    assert "Content-Encoding" not in answer.headers
