"""Actions on many tasks: what is chosen, refused, recorded, and the page of a batch."""

import asyncio

import pytest
from msgspec.structs import replace

from flower_ng.audit_record import AuditEntry
from flower_ng.batch_record import BatchItem, BatchRecord, BatchState, ItemState
from flower_ng.monitor.remote.many import WorkerOutcome
from flower_ng.store import AuditQuery
from tests.web.pages.html import Html
from tests.web.pages.shop import NOW, W1
from tests.web.site import OPEN_API, basic

PAUSED = BatchRecord(
    "0a1b", "rerun", 3, NOW - 5, "ann", search="state:FAILURE", reason="a bad deploy",
    state=BatchState.PAUSED, why="ann paused it",
)  # fmt: skip


async def shown(shop, look, batch=PAUSED, path="/batches/0a1b", **options):
    tables = shop.store.batches
    await tables.add(batch, ["a", "b", "c"])
    await tables.settle("0a1b", BatchItem(0, "a", ItemState.DONE, "new"))
    await tables.settle("0a1b", BatchItem(1, "b", ItemState.UNKNOWN, "lost", "The broker failed"))
    return await look(path, **options)


async def test_each_task_is_listed_with_its_outcome_and_what_was_sent(shop, look):
    shop.task("new", ends="task-succeeded")

    html = await shown(shop, look)

    assert html.rows == [
        ["a", "done", "new", "SUCCESS", "–"],
        ["b", "unknown", "lost", "–", "The broker failed"],
        ["c", "waiting", "–", "–", "–"],
    ]
    assert html.links["new"] == "/task/new"
    assert "Ann paused it." in html.one("main").text
    assert html.facts["Reason"] == "a bad deploy"
    assert html.facts["Tasks"] == "those that matched state:FAILURE when it was reviewed"
    buttons = [one.text for one in html.one("main").all("button")]
    assert buttons == ["Change", "Resume", "Stop"]


async def test_one_outcome_alone_is_shown(shop, look):
    html = await shown(shop, look, path="/batches/0a1b?outcome=unknown")

    assert [row[0] for row in html.rows] == ["b"]
    assert html.links["waiting 1"] == "/batches/0a1b?outcome=waiting"


@pytest.mark.parametrize(("place", "is_before"), [("-1" + 40 * "0", True), ("1" + 40 * "0", False)])
async def test_a_place_that_no_list_has_is_before_or_behind_it(shop, look, place, is_before):
    html = await shown(shop, look, path=f"/batches/0a1b?after={place}")

    assert ("The broker failed" in html.one("main").text) == is_before


async def test_a_batch_that_has_ended_offers_nothing_to_do(shop, look):
    html = await shown(shop, look, replace(PAUSED, state=BatchState.STOPPED, why=""))

    assert html.one("main").all("button") == []


async def test_one_that_nobody_runs_any_more_is_said_to_be_broken_off(shop, look):
    html = await shown(shop, look, replace(PAUSED, state=BatchState.RUNNING, why=""))

    assert "The dashboard ended while it ran." in html.one("main").text
    assert "paused" in html.one("main").text


async def test_an_unknown_batch_is_not_found(look):
    assert "Back to the start page" in (await look("/batches/nope", status=404)).links


@pytest.fixture
def client(serve, shop):
    return serve(cluster=shop, environ=OPEN_API)


@pytest.fixture
def strict(serve, shop):
    """The site of a dashboard that asks for reasons."""
    return serve(cluster=shop, environ=OPEN_API, require_reason=True)


async def recorded(shop) -> list[AuditEntry]:
    return list((await shop.store.audit(AuditQuery())).entries)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "No task is chosen: give ids, or all=true with a search that finds some"),
        ({"search": "name:a"}, "No task is chosen"),
        ({"all": "true", "search": "name:nothing"}, "No task is chosen"),
        ({"all": "true", "search": "stat:FAILURE"}, "state"),
        ({"all": "true", "state": "FAILURE"}, "No task is chosen"),
        ({"ids": "5eed", "rate": "0"}, "rate must be from 1 to 100, not 0"),
        ({"ids": "5eed", "rate": "ten"}, "ten"),
        ({"ids": "5eed", "most_failed": "101"}, "most_failed must be from 0 to 100, not 101"),
        ({"ids": "5eed", "digest": "0123"}, "Which tasks were reviewed is not known any more"),
    ],
    ids=lambda value: value if isinstance(value, str) else ",".join(value) or "nothing",
)
async def test_what_is_wrong_with_a_request_is_said_in_a_line(client, form, words):
    answer = await client.post("/api/batches/rerun", form)

    assert answer.status == (409 if "digest" in form else 400)
    assert words in answer.text
    assert len(answer.text.splitlines()) == 1


async def test_the_tasks_are_those_that_were_reviewed_whatever_matches_later(shop, client):
    shop.task("a", name="x")
    review = (await client.post("/api/batches/forget?dry_run=1", {"all": "1", "search": "x"})).json
    shop.task("b", name="x")
    again = (await client.post("/api/batches/forget?dry_run=1", {"all": "1", "search": "x"})).json
    assert (review["count"], again["count"]) == (1, 2)

    done = await client.post("/api/batches/forget", {"digest": review["digest"]})

    assert done.json == {"message": "Forgot 1 task", "forgotten": 1}
    assert await shop.store.task("b") is not None
    assert (await client.post("/api/batches/forget", {"digest": review["digest"]})).status == 409


async def test_many_are_revoked_and_those_that_ended_are_refused(shop, client):
    shop.task("waits", ends="task-received")
    shop.task("ended", ends="task-succeeded")
    form = [("ids", "waits"), ("ids", "ended"), ("ids", "gone"), ("rate", "100")]
    shop.holds.revoke = acknowledging
    review = (await client.post("/api/batches/revoke?dry_run=1", form)).json
    assert "Refused will be 1 task: they have ended (SUCCESS)." in review["cautions"]
    assert "Refused will be 1 task: their ids are not known here any more." in review["cautions"]

    batch = (await client.post("/api/batches/revoke", form)).json["batch"]
    told = await ended(client, batch)

    assert [(one["task"], one["outcome"], one["why"]) for one in told["items"]] == [
        ("waits", "done", ""),
        ("ended", "refused", "It has ended already (SUCCESS)"),
        ("gone", "refused", "No task of this id is known any more"),
    ]
    assert shop.control.calls == [("task_revoke", "waits", False, "SIGTERM")]
    over, begun = await recorded(shop)
    assert (begun.action, begun.result) == ("batches/revoke", f"batch {batch}, count 3")
    assert (over.target, over.result) == (batch, "ended: 1 done, 2 refused")


async def acknowledging(*_revoke):
    return {W1: WorkerOutcome("done", "")}


async def ended(client, batch):
    async with asyncio.timeout(20):
        while True:
            told = (await client.get(f"/api/batches/{batch}")).json
            if told["state"] != "running":
                return told
            await asyncio.sleep(0.02)


async def test_where_all_would_be_refused_nothing_is_begun(shop, client):
    shop.task("ended", ends="task-succeeded")

    answer = await client.post("/api/batches/terminate", {"ids": "ended"})

    assert answer.status == 409
    assert "1 task: they have ended (SUCCESS)" in answer.text
    assert (await client.get("/api/batches")).json["batches"] == []


async def test_reviewed_actions_ask_for_a_reason_where_it_is_required(shop, strict):
    shop.task("5eed")
    refused = await strict.post("/api/batches/forget", {"ids": "5eed"})
    assert (refused.status, refused.text) == (
        400,
        "reason is missing: say why you want to forget (--require_reason). Nothing was done",
    )
    assert (await strict.post("/api/batches/forget?dry_run=1", {"ids": "5eed"})).status == 200
    assert (await strict.post("/api/task/revoke/5eed")).status == 200

    form = {"ids": "5eed", "reason": "it was a test"}
    assert (await strict.post("/api/batches/forget", form)).status == 200

    entry = next(one for one in await recorded(shop) if "reason" in one.parameters)
    assert (entry.action, entry.parameters["reason"]) == ("batches/forget", "it was a test")


async def test_a_form_has_its_reason_filled_in_and_keeps_it(shop, strict):
    shop.task("5eed")

    page = Html.parsed((await strict.post("/do/batches/forget", {"ids": "5eed"})).text)
    field = page.one("input", name="reason")
    confirm = page.one("section", id="review").one("form")
    fields = {one["name"]: one["value"] for one in confirm.all("input", type="hidden")}
    without = await strict.post("/do/batches/forget", fields)
    done = await strict.post("/do/batches/forget", {**fields, "reason": "it was a test"})

    assert "required" in field
    assert (without.status, await shop.store.task("5eed")) == (303, None)
    assert done.status == 303


async def test_only_admins_forget_many(serve, shop):
    options = {"basic_auth": ("op:secret", "ann:secret"), "roles": ("operator:op", "admin:ann")}
    client = serve(cluster=shop, **options)
    shop.task("5eed")
    keys = [{"Authorization": basic(f"{name}:secret")} for name in ("op", "ann")]

    answers = [await client.post("/api/batches/forget", {"ids": "5eed"}, **key) for key in keys]

    assert [one.status for one in answers] == [403, 200]


async def test_an_unknown_batch_is_answered_with_404(client):
    for answer in (
        await client.get("/api/batches/nope"),
        await client.post("/api/batches/pause/nope"),
        await client.post("/api/batches/rate/nope", {"rate": "5"}),
    ):
        assert (answer.status, answer.text) == (404, "Unknown batch 'nope'")
