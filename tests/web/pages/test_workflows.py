"""The list of workflows, and what the API says of it."""

from urllib.parse import urlencode

import pytest

from flower_ng.web.lookups.workflow_list import STALLED_S
from tests.web.pages.shop import NOW
from tests.web.site import OPEN_API


@pytest.fixture
def client(serve, shop):
    return serve(cluster=shop, environ=OPEN_API)


async def told(client, path, **query):
    answer = await client.get(f"{path}?{urlencode(query)}" if query else path)
    assert answer.status == 200, answer.text
    return answer.json


async def test_workflows_are_listed_by_their_roots_and_lone_tasks_are_not(shop, client, look):
    shop.task("alone", root_id="alone")
    shop.chord("order")
    page = await told(client, "/api/workflows")
    html = await look("/workflows")

    (one,) = page["workflows"]
    assert (one["root_id"], one["name"], one["state"]) == ("order", "shop.order", "failed")
    assert (one["tasks"], one["ended"], one["states"]) == (5, 5, {"SUCCESS": 4, "FAILURE": 1})
    assert (page["stalled"], page["next"], page["cut"]) == ([], None, False)
    assert [row[1] for row in html.rows] == ["failed"]
    assert "/workflow/order" in html.links.values()


async def test_pages_follow_each_other_without_doubles(shop, client):
    for number in range(7):
        shop.now = NOW - number
        shop.chord(f"order{number}")
    shop.now = NOW
    found, cursor = [], ""
    while cursor is not None:
        page = await told(client, "/api/workflows", limit=3, cursor=cursor)
        found.append([one["root_id"] for one in page["workflows"]])
        cursor = page["next"]

    assert found == [
        ["order0", "order1", "order2"],
        ["order3", "order4", "order5"],
        ["order6"],
    ]


async def test_what_goes_on_and_is_silent_for_long_stands_first(shop, client, look):
    shop.now = NOW - STALLED_S - 1
    shop.task("slow", "shop.order", root_id="slow")
    shop.task("slow-1", ends="task-received", root_id="slow", parent_id="slow")
    shop.now = NOW
    shop.chord("order")
    page = await told(client, "/api/workflows")
    html = await look("/workflows")

    assert [one["root_id"] for one in page["stalled"]] == ["slow"]
    marks = [[row.all("td")[0].text for row in one.all("tr")[1:]] for one in html.all("table")]
    assert marks == [["stalled"], ["failed", "stalled"]]
    only = await told(client, "/api/workflows", state="stalled")
    assert ([one["root_id"] for one in only["stalled"]], only["workflows"]) == (["slow"], [])


@pytest.mark.parametrize(
    ("query", "roots"),
    [
        ({"state": "failed"}, ["order"]),
        ({"state": "running"}, ["trip"]),
        ({"name": "shop.trip"}, ["trip"]),
        ({"name": "shop.nothing"}, []),
        ({"search": "shop.total"}, ["order"]),
        ({"search": "state:RECEIVED"}, ["trip"]),
    ],
)
async def test_the_list_is_narrowed(shop, client, query, roots):
    shop.chord("order")
    shop.task("trip", "shop.trip", root_id="trip")
    shop.task("trip-1", ends="task-received", root_id="trip", parent_id="trip")

    page = await told(client, "/api/workflows", **query)
    assert [one["root_id"] for one in page["workflows"]] == roots


@pytest.mark.parametrize("query", ["state=x", "cursor=x", "cursor=nan:a", "limit=0", "search=("])
@pytest.mark.usefixtures("shop")
async def test_what_cannot_be_meant_is_refused_in_a_line(client, query):
    answer = await client.get(f"/api/workflows?{query}")

    assert answer.status == 400
    assert "\n" not in answer.text.strip()
