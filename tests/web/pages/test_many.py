"""Actions on many tasks over HTTP: what is chosen, frozen, refused, asked for, recorded."""

import asyncio

import pytest

from flower_ng.audit_record import AuditEntry
from flower_ng.store import AuditQuery
from tests.web.pages.html import Html
from tests.web.site import OPEN_API, basic


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


async def test_an_unknown_batch_is_not_found(client):
    for answer in (
        await client.get("/api/batches/nope"),
        await client.post("/api/batches/pause/nope"),
        await client.post("/api/batches/rate/nope", {"rate": "5"}),
    ):
        assert (answer.status, answer.text) == (404, "Unknown batch 'nope'")
