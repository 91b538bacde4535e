"""The forms of pages: what their API twins do, and back to the page with a toast."""

import re

import pytest

from tests.web.probes import HANDLERS
from tests.web.site import OPEN_API, basic


@pytest.fixture
def client(serve):
    return serve(HANDLERS, environ=OPEN_API)


def toast_of(answer):
    return f"flower_toast={answer.cookies['flower_toast'].partition(';')[0]}"


async def test_a_form_does_what_its_twin_does_and_goes_back_with_its_words(client):
    answer = await client.post(
        "/do/act/w1@box", {"value": "3"}, Referer=f"http://{client.host}/shown?text=here"
    )
    page = await client.get("/shown", Cookie=toast_of(answer))

    assert (answer.status, answer.headers["Location"]) == (303, "/shown?text=here")
    assert re.search(r"Did (&#39;|&#x27;|')w1@box", page.text)


async def test_a_toast_is_shown_once(client):
    answer = await client.post("/do/act/x")
    page = await client.get("/shown", Cookie=toast_of(answer))

    assert page.cookies["flower_toast"].startswith('""; expires=')


async def test_a_forged_toast_is_not_shown(client):
    page = await client.get("/shown", Cookie='flower_toast=["evil words", false]')

    assert "evil words" not in page.text


@pytest.mark.parametrize("kind", ["refused", "missing", "away", "bad"])
async def test_a_failure_goes_back_with_its_words_too(client, kind):
    answer = await client.post(f"/do/act/{kind}")
    page = await client.get("/shown", Cookie=toast_of(answer))

    assert answer.status == 303
    words = {"refused": "Failed: &lt;reason&gt;", "missing": "Unknown task", "away": "unavailable"}
    assert words.get(kind, "No &lt;good&gt;") in page.text


async def test_a_bug_is_a_page_with_its_number(client):
    answer = await client.post("/do/act/bug")

    assert answer.status == 500
    assert "5eed" in answer.text


@pytest.mark.parametrize(
    ("referer", "wanted", "back"),
    [
        ("http://HOST/flower/shown", "", "/flower/shown"),
        ("http://HOST:8443/flower/shown?a=b", "", "/flower/shown?a=b"),
        ("https://proxy.example/tools/flower/shown", "", "/tools/flower/shown"),
        ("http://HOST//evil.example", "", "/flower/"),
        ("http://[broken", "", "/flower/"),
        ("", "", "/flower/"),
        ("http://HOST/flower/shown", "/flower/also-shown", "/flower/also-shown"),
        ("", "//evil.example", "/flower/"),
    ],
)
async def test_the_way_back_never_leaves_the_site(serve, referer, wanted, back):
    client = serve(HANDLERS, environ=OPEN_API, url_prefix="flower")
    headers = {"Referer": referer.replace("HOST", client.host)} if referer else {}
    answer = await client.post("/flower/do/act/x", {"next": wanted}, **headers)

    assert answer.headers["Location"] == back


@pytest.mark.parametrize(
    ("door", "status"),
    [({}, 401), ({"environ": OPEN_API, "read_only": True}, 403), ({"auth": "me@x.org"}, 403)],
)
async def test_a_form_stands_under_the_rule_of_the_api(serve, door, status):
    client = serve(HANDLERS, **door)

    assert (await client.post("/do/act/x")).status == status
    assert (await client.post("/api/act/x")).status == status


async def test_a_browser_is_asked_for_its_password_by_a_form_too(serve):
    client = serve(HANDLERS, basic_auth=("me:secret",))
    answer = await client.post("/do/act/x")

    assert answer.headers["WWW-Authenticate"] == 'Basic realm="flower"'
    assert (await client.post("/do/act/x", Authorization=basic("me:secret"))).status == 303


async def test_a_form_cannot_be_read(client):
    assert (await client.get("/do/act/x")).status == 405


async def test_what_is_no_action_has_no_form(client):
    assert (await client.post("/do/echo/x")).status == 404


async def test_every_action_is_logged_with_who_and_what_came_of_it(serve, caplog):
    caplog.set_level("INFO", "flower_ng.web.http.base")
    client = serve(HANDLERS, basic_auth=("me:secret",))
    await client.post("/api/act/x", Authorization=basic("me:secret"))
    await client.post("/do/act/refused", Authorization=basic("me:secret"))

    lines = [r.getMessage() for r in caplog.records if r.levelname == "INFO"]
    assert lines == [
        "/api/act/x by me from 127.0.0.1: done",
        "/do/act/refused by me from 127.0.0.1: 403 Failed: <reason>",
    ]
