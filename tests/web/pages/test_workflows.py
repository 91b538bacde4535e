"""The list of workflows, the page of one, and what the API says of both."""

from urllib.parse import urlencode

import pytest

from flower_ng.hook import Hook
from flower_ng.monitor.remote.lineage import Kin
from flower_ng.web.lookups.workflow_list import STALLED_S
from tests.web.pages.shop import NOW
from tests.web.site import OPEN_API

BOX = "{http://www.w3.org/2000/svg}a"


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


@pytest.mark.parametrize("subject", ["order", "order-1", "order-body"])
async def test_a_workflow_is_found_by_any_of_its_tasks(shop, client, look, subject):
    shop.chord("order")
    found = await told(client, f"/api/workflow/{subject}")
    html = await look(f"/workflow/{subject}")

    assert (found["root_id"], found["group_id"], len(found["tasks"])) == ("order", None, 5)
    (body,) = [one for one in found["tasks"] if one["uuid"] == "order-body"]
    assert sorted(body["waits_for"]) == ["order-0", "order-1", "order-2"]
    assert body["waits_for_is_sure"]
    assert found["critical"][-1] == "order-body"
    marked = [str(box["aria-label"]) for box in html.all(BOX, aria_current="true")]
    assert len(marked) == (subject != "order")  # the root is where the list leads to
    assert all(subject in words for words in marked)
    assert [box["data-state"] for box in html.all(BOX)].count("FAILURE") == 1


async def test_the_id_of_a_group_finds_the_workflow_of_the_task_that_sent_it(shop, client):
    shop.chord("order")

    assert (await told(client, "/api/workflow/order-group"))["root_id"] == "order"


async def test_a_group_that_no_task_sent_is_put_together_from_results(shop, client, look):
    for number in range(3):
        shop.task(f"a{number}", root_id=f"a{number}")
        shop.lineage.kin[f"a{number}"] = Kin(group="g")
    shop.task("other", root_id="other")
    for subject in ("g", "a1"):
        found = await told(client, f"/api/workflow/{subject}")
        assert (found["root_id"], found["group_id"]) == (None, "g")
        assert sorted(one["uuid"] for one in found["tasks"]) == ["a0", "a1", "a2"]
        assert "No task sent this group" in found["notes"][0]
    html = await look("/workflow/g")
    assert html.one("h1").text.strip() == "Group"


async def test_a_saved_group_is_known_before_its_tasks_have_ended(shop, client):
    for number in range(2):
        shop.task(f"a{number}", ends="task-received", root_id=f"a{number}")
    shop.lineage.saved["g"] = ("a0", "a1", "a2")

    found = await told(client, "/api/workflow/g")
    assert sorted(one["uuid"] for one in found["tasks"]) == ["a0", "a1"]


async def test_an_id_that_nobody_knows_is_explained(shop, client, look):
    shop.chord("order")
    html = await look("/workflow/nobody", status=404)

    assert "The body of a chord is known when it is sent" in html.one("main").text
    assert (await client.get("/api/workflow/nobody")).status == 404


async def test_without_a_result_backend_it_says_what_is_not_known(shop, client):
    shop.chord("order")
    shop.lineage.kin.clear()
    shop.lineage.refusal = "No result backend is configured"

    notes = (await told(client, "/api/workflow/order"))["notes"]
    assert any("no result backend is configured" in note for note in notes)


async def test_failed_ones_and_open_ones_can_be_acted_on_with_a_review(shop, look):
    shop.chord("order")
    shop.task("order-3", ends="task-received", root_id="order", parent_id="order")
    html = await look("/workflow/order")

    forms = {form["action"]: form for form in html.all("form")}
    assert {"/do/batches/rerun", "/do/batches/revoke", "/do/batches/terminate"} <= set(forms)
    search = forms["/do/batches/rerun"].one("input", name="search")
    assert search["value"] == "root:=order state:FAILURE"


async def test_names_are_shown_as_format_task_says(shop, client, look):
    def hidden(task):
        task.name = "hidden"
        return task

    shop.chord("order")
    shop.format_task = Hook(hidden)
    assert (await told(client, "/api/workflows"))["workflows"][0]["name"] == "hidden"
    assert {one["name"] for one in (await told(client, "/api/workflow/order"))["tasks"]} == {
        "hidden"
    }
    html = await look("/workflow/order")
    assert "shop.order" not in html.text


async def test_the_page_of_a_task_leads_to_its_workflow(shop, look):
    shop.chord("order")

    assert (await look("/task/order-1")).links["Graph and times"] == "/workflow/order-1"
