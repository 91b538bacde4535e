"""The page of one workflow, and what the API says of it."""

import pytest

from flower_ng.hook import Hook
from flower_ng.monitor.remote.lineage import Kin
from tests.web.site import OPEN_API

BOX = "{http://www.w3.org/2000/svg}a"


@pytest.fixture
def client(serve, shop):
    return serve(cluster=shop, environ=OPEN_API)


async def told(client, path):
    answer = await client.get(path)
    assert answer.status == 200, answer.text
    return answer.json


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

    told = html.one("main").text
    assert "The body of a chord is known when it is sent" in told
    assert "a later task of a chain after the one before it" in told
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
