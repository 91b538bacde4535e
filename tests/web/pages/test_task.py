"""The page of one task: everything that is known of it, and its end."""

import zoneinfo
from urllib.parse import quote

import pytest

from flower_ng.hook import WITHHELD, Hook
from tests.web.pages.html import Html
from tests.web.pages.shop import NOW, W1
from tests.web.site import OPEN_API, session


def blocks(html):
    return {block["id"]: block.text for block in html.all("pre")}


def deeds(html):
    """The forms, but for the one that every task has."""
    actions = [form["action"] for form in html.all("form", method="post")]
    return [action for action in actions if not action.startswith("/do/task/forget/")]


async def test_a_task_shows_what_it_is(shop, look):
    shop.task("5eed-0123456", result="42", runtime=1.5)

    html = await look("/task/5eed-0123456")

    assert html.one("title").text == "shop.pay 5eed-012 · flower_ng"
    assert html.one("h1").links == {"shop.pay": "/tasks?name=shop.pay"}
    assert html.one("code", id="uuid").text == "5eed-0123456"
    assert html.one("main").one("a", class_="state").text == "SUCCESS"
    assert blocks(html) == {"args": "(1,)", "kwargs": "{}", "result": "42"}
    assert html.facts["Runtime"] == "1.50 s"
    assert html.links[W1] == "/worker/w1@box"


async def test_every_other_field_that_is_known_is_shown(shop, look):
    shop.happen("task-sent", "gen1@web", uuid="5eed", exchange="x", routing_key="r", queue="q")
    shop.task("5eed", retries=2, eta="2026-01-01", expires="2027-01-01", ends="task-started")

    facts = (await look("/task/5eed")).facts

    assert {
        "Exchange": "x",
        "Routing key": "r",
        "Queue": "q",
        "Client": "gen1@web",
        "Retries": "2",
        "ETA": "2026-01-01",
        "Expires": "2027-01-01",
        "Clock": "1",
        "Timestamp": "1970-01-01 00:16:40.000",
    }.items() <= facts.items()
    assert "Runtime" not in facts


async def test_times_come_in_their_order_each_with_the_wait_before_it(shop, look):
    shop.happen("task-received", uuid="5eed")
    shop.now += 2
    shop.happen("task-started", uuid="5eed")
    shop.now += 0.5
    shop.happen("task-succeeded", uuid="5eed")

    facts = (await look("/task/5eed")).facts

    assert [name for name in facts if name.endswith("ed")] == ["Received", "Started", "Succeeded"]
    assert facts["Received"] == "1970-01-01 00:16:40.000"
    assert facts["Started"] == "1970-01-01 00:16:42.000 +2.00 s"
    assert facts["Succeeded"] == "1970-01-01 00:16:42.500 +500.00 ms"


async def test_where_its_time_went_is_told_beside_what_is_usual(shop, look):
    shop.happen("task-sent", "gen1@web", uuid="5eed", name="shop.pay")
    shop.now += 1
    shop.happen("task-received", uuid="5eed", name="shop.pay")
    shop.now += 2
    shop.happen("task-started", uuid="5eed")
    shop.happen("task-succeeded", uuid="5eed", runtime=3.0)

    parts = (await look("/task/5eed")).facts

    assert parts["In the queue"].startswith("1.00 s")
    assert parts["In the worker"].startswith("2.00 s")
    assert parts["Ran"].startswith("3.00 s")


async def test_a_failure_shows_its_exception_and_traceback(shop, look):
    trace = 'Traceback\n  File "<x>", line 1\nValueError'
    shop.task("5eed", ends="task-failed", exception="ValueError('<b>')", traceback=trace)

    shown = blocks(await look("/task/5eed"))

    assert shown["exception"] == "ValueError('<b>')"
    assert shown["traceback"] == " ".join(trace.split())
    assert "result" not in shown


async def test_relatives_are_links_also_when_nobody_knows_them(shop, look):
    shop.task("5eed", parent_id="gone", root_id="first")
    shop.task("child/1", parent_id="5eed")

    html = await look("/task/5eed")

    assert html.links["gone"] == "/task/gone"
    assert html.links["first"] == "/task/first"
    assert html.links["child/1"] == "/task/child%2F1"


async def test_a_retried_task_is_not_sent_to_itself(shop, look):
    shop.task("5eed", parent_id="5eed", root_id="5eed")

    facts = (await look("/task/5eed")).facts

    assert (facts["Root id"], facts["Parent id"], facts["Children"]) == ("this task",) * 3


async def test_of_many_children_the_rest_are_counted(shop, look):
    for number in range(130):
        shop.task(f"child-{number}", parent_id="5eed")
    shop.task("5eed")

    assert (await look("/task/5eed")).facts["Children"].endswith("and 30 more")


async def test_what_is_not_known_is_a_dash(shop, look):
    shop.happen("task-sent", "gen1@web", uuid="5eed")

    html = await look("/task/5eed")

    assert html.one("h1").text == "Task without a name"
    assert blocks(html) == {"args": "–", "kwargs": "–"}
    assert html.facts["Children"] == "–"


@pytest.mark.parametrize("uuid", ["5eed", "<b>", "a/b", "☃"])
async def test_an_unknown_task_is_404(serve, shop, uuid):
    answer = await serve(cluster=shop).get(f"/task/{quote(uuid)}")

    assert answer.status == 404
    assert "Unknown task &#x27;" in answer.text


@pytest.mark.parametrize(
    ("ends", "label", "terminates"),
    [
        ("task-started", "Terminate", True),
        ("task-received", "Revoke", False),
        ("task-retried", "Revoke", False),
    ],
)
async def test_a_task_that_has_not_ended_can_be_ended(shop, look, ends, label, terminates):
    shop.task("a/b", ends=ends)

    html = await look("/task/a/b")

    form = html.one("form", action="/do/task/revoke/a%2Fb")
    assert form.one("button").text == f"{label} this task"
    fields = {field["name"]: field["value"] for field in form.all("input")}
    assert fields == ({"terminate": "true"} if terminates else {})


@pytest.mark.parametrize("ends", ["task-succeeded", "task-failed", "task-revoked"])
async def test_a_task_that_has_ended_cannot(shop, look, ends):
    shop.task("5eed", ends=ends)

    assert deeds(await look("/task/5eed")) == []


async def test_buttons_are_shut_with_the_api_and_say_why_and_absent_in_read_only(shop, look):
    shop.task("5eed", ends="task-started")

    is_shut = await look("/task/5eed", environ={})
    is_read_only = await look("/task/5eed", environ=OPEN_API, read_only=True)

    buttons = is_shut.one("main").all("button")
    assert [(button.text, "disabled" in button) for button in buttons] == [
        ("Terminate", True),
        ("Forget", True),
    ]
    assert "Set --basic_auth or --auth" in is_shut.one("section", id="banners").text
    assert is_read_only.one("main").all("button") == []


async def test_a_form_carries_the_token_where_a_session_vouches_for_it(shop, serve):
    shop.task("5eed", ends="task-started")
    client = serve(cluster=shop, auth="me@example.com")
    answer = await client.get("/task/5eed", Cookie=session("me@example.com"))

    forms = Html.parsed(answer.text).all("form", method="post")
    tokens = {form.one("input", name="_xsrf")["value"] for form in forms}
    assert tokens == {answer.cookies["_xsrf"].partition(";")[0].strip('"')}


async def test_format_task_has_its_say(shop, look):
    shop.format_task = Hook(lambda task: task.kwargs.pop("x"))
    shop.task("5eed", args="('hunter2',)", result="hunter2")

    shown = blocks(await look("/task/5eed"))

    assert shown == {"args": WITHHELD, "kwargs": WITHHELD, "result": WITHHELD}


async def test_the_page_says_the_time_of_the_app(shop, look):
    shop.timezone = zoneinfo.ZoneInfo("Asia/Kolkata")
    shop.now = NOW
    shop.happen("task-received", uuid="5eed")

    assert (await look("/task/5eed")).facts["Received"] == "1970-01-01 05:46:40.000"
