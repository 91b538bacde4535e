"""The page of the history, and forgetting from the pages' forms."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from flower_ng.store import Gap, TaskQuery
from tests.web.pages.html import Html
from tests.web.site import OPEN_API


@pytest.fixture
def client(serve, shop):
    return serve(cluster=shop, environ=OPEN_API)


def say(shop, **status):
    """Let the store say this of itself."""
    told = replace(shop.store.status(), **status)
    shop.store.status = lambda: told


def forget_form(html):
    forms = [form for form in html.all("form", method="post") if "/forget" in form["action"]]
    return forms[0] if forms else None


def fields(form):
    return {field["name"]: field["value"] for field in form.all("input", type="hidden")}


async def test_the_history_shows_what_it_holds_its_bounds_and_what_went(shop, look):
    say(shop, kind="file", path="/var/db.sqlite3", tasks=1234, bytes=5_000_000, oldest=0.0,
        newest=1.0, max_tasks=1_000_000, max_age_s=30 * 86_400, max_bytes=10**10,
        deleted={"max_age": 5678})  # fmt: skip

    html = await look("/history")

    text = html.one("main").text
    assert "1,234" in text
    assert "5.0 MB" in text
    assert "/var/db.sqlite3" in text
    assert html.facts["Expired"] == "5,678"
    assert html.facts["Age"] == "30 d"
    assert html.facts["Age of failed tasks"] == "no limit"
    assert "None recorded." in text


async def test_a_store_that_cannot_be_written_and_its_gaps_are_shown(shop, look):
    say(shop, failing="The history cannot be written: disk full", waiting=12, lag_s=3.0, lost=77,
        gaps=(Gap(0.0, 60.0, 77, "store"), Gap(90.0, None, None, "broker")))  # fmt: skip

    html = await look("/history")

    assert "disk full" in html.one("main").one("div", role="alert").text
    assert html.facts["Oldest pending change"] == "3.00 s"
    assert "77" in html.one("table").text
    assert "no connection to the broker" in html.one("table").text


async def test_the_list_links_to_its_export_and_to_the_history(shop, look):
    shop.task("5eed")

    links = (await look("/tasks?search=5eed&sort=name")).links

    assert parse_qs(urlsplit(links["CSV"]).query) == {
        "search": ["5eed"], "sort": ["name"], "format": ["csv"],
    }  # fmt: skip
    assert links["History"] == "/history"


async def test_the_export_of_a_list_has_its_tasks_in_its_order(shop, look, client):
    for number in range(5):
        shop.now += 1
        shop.task(f"5eed{number}", name="a" if number % 2 else "b")
    links = (await look("/tasks?name=b")).one("main").links

    answer = await client.get(links["NDJSON"])

    assert [json.loads(line)["uuid"] for line in answer.text.splitlines()] == [
        "5eed4",
        "5eed2",
        "5eed0",
    ]


async def test_what_matches_can_be_forgotten_without_scripts(shop, look, client):
    shop.task("5eed1", name="a")
    shop.task("5eed2", name="b")
    html = await look("/tasks?name=a")
    form = html.one("form", id="many")
    url = next(one["formaction"] for one in form.all("button") if one.text == "Forget")
    assert fields(form) == {"search": "name:=a"}
    assert "All 1 that match" in form.text

    review = Html.parsed((await client.post(url, {**fields(form), "all": "true"})).text)
    confirm = review.one("section", id="review").one("form")
    shop.task("5eed3", name="a")
    answer = await client.post(url, fields(confirm))

    assert answer.status == 303
    assert {row.uuid for row in (await shop.store.tasks(TaskQuery())).rows} == {"5eed2", "5eed3"}
    assert "5eed1" not in shop.state.tasks


async def test_only_the_chosen_are_exported(shop, look, client):
    for number in range(3):
        shop.task(f"5eed{number}", name="a")
    html = await look("/tasks")
    assert [box["value"] for box in html.all("input", name="ids")] == ["5eed2", "5eed1", "5eed0"]
    button = next(one for one in html.all("button") if one.text == "Export as CSV")

    answer = await client.post(
        button["formaction"], [("format", "ndjson"), ("ids", "5eed0"), ("ids", "5eed2")]
    )

    lines = answer.text.splitlines()
    assert [json.loads(line)["uuid"] for line in lines] == ["5eed0", "5eed2"]


async def test_a_task_can_be_forgotten_and_leads_back_to_the_list(shop, look, client):
    shop.task("5eed")
    form = forget_form(await look("/task/5eed"))

    review = Html.parsed((await client.post(form["action"], fields(form))).text)
    assert await shop.store.task("5eed") is not None
    confirm = review.one("section", id="review").one("form")
    answer = await client.post(form["action"], fields(confirm))

    assert (answer.status, answer.headers["Location"]) == (303, "/tasks")
    assert await shop.store.task("5eed") is None


async def test_nothing_is_offered_to_be_forgotten_where_all_is_read_only(shop, look):
    shop.task("5eed")

    assert forget_form(await look("/task/5eed", read_only=True)) is None
    html = await look("/tasks?state=SUCCESS", read_only=True)
    assert not html.all("form", method="post")
    assert not html.all("input", name="ids")


async def test_where_the_controls_are_shut_so_is_forgetting(shop, look):
    shop.task("5eed")

    html = await look("/task/5eed", environ={})

    assert forget_form(html) is None
    assert not (await look("/tasks", environ={})).all("input", name="ids")
    assert any("Forget" in button.text for button in html.all("button", disabled=""))
