"""The page of a batch: how far it is, and what came of each task."""

from msgspec.structs import replace

from flower_ng.batch_record import BatchItem, BatchRecord, BatchState, ItemState
from tests.web.pages.shop import NOW

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


async def test_a_batch_that_has_ended_offers_nothing_to_do(shop, look):
    html = await shown(shop, look, replace(PAUSED, state=BatchState.STOPPED, why=""))

    assert html.one("main").all("button") == []


async def test_one_that_nobody_runs_any_more_is_said_to_be_broken_off(shop, look):
    html = await shown(shop, look, replace(PAUSED, state=BatchState.RUNNING, why=""))

    assert "The dashboard ended while it ran." in html.one("main").text
    assert "paused" in html.one("main").text


async def test_an_unknown_batch_is_not_found(look):
    assert "Back to the start page" in (await look("/batches/nope", status=404)).links
