"""The feed of actions, and the actions on the pages of what they were done to."""

import pytest

from flower_ng.audit_record import AuditEntry
from flower_ng.batch_record import BatchItem, BatchRecord, BatchState, ItemState
from tests.web.pages.shop import NOW, W1

BATCH = BatchRecord(
    "0a1b", "rerun", 2, NOW - 5, "ann", search="state:FAILURE", state=BatchState.PAUSED
)


@pytest.fixture
def done(shop):
    """Let this be recorded: `done("task/revoke", "5eed")`."""

    def record(action, target="", who="ann", **more):
        shop.now += 1
        shop.store.record(AuditEntry(shop.now, who, "basic", "10.0.0.1", action, target, **more))

    return record


async def test_what_people_did_is_told_the_newest_first_and_leads_there(look, done):
    done("worker/shutdown", W1, outcome="refused", reason="It is busy")
    done("login", who="bob")
    done("task/rerun", "5eed", parameters={"reason": "a bad deploy"}, result="task-id 5eed2")

    html = await look("/actions")

    first, second = (item.text for item in html.one("ul", class_="past-actions").all("li"))
    assert "ann Run a task again 5eed done: task-id 5eed2 “a bad deploy”" in first
    assert f"ann Shut a worker down {W1} refused: It is busy" in second
    assert html.links["5eed"] == "/task/5eed"
    assert html.links[W1] == f"/worker/{W1}"
    assert "bob" not in html.one("main").text
    assert "10.0.0.1" not in html.one("main").text


async def test_older_actions_are_a_link_away(look, done):
    for number in range(60):
        done("task/revoke", f"task-{number}")

    html = await look("/actions")
    older = await look(html.links["Older actions"])

    assert len(html.one("ul", class_="past-actions").all("li")) == 50
    assert [item.one("a").text for item in older.one("ul", class_="past-actions").all("li")] == [
        f"task-{number}" for number in range(9, -1, -1)
    ]


async def test_a_batch_that_goes_on_stands_above_with_how_far_it_is(shop, look):
    await shop.store.batches.add(BATCH, ["5eed", "5eed2"])
    await shop.store.batches.settle("0a1b", BatchItem(0, "5eed", ItemState.DONE, "new"))

    html = await look("/actions")

    panel = html.all("section", class_="batch")[0]
    assert "Run many tasks again" in panel.text
    assert "paused" in panel.text
    assert "1 of 2" in panel.text
    assert panel.links["Run many tasks again"] == "/batches/0a1b"


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("/task/5eed", ("task/revoke", "5eed")),
        (f"/worker/{W1}", ("worker/pool/grow", W1)),
        ("/queues/celery", ("queue/purge", "celery")),
    ],
)
async def test_who_did_what_to_it_stands_on_the_page_of_it(shop, look, done, path, action):
    shop.task("5eed")
    shop.beat()
    shop.queues = ["celery"]
    done(*action, who="ann%")
    done(action[0], "another%", who="eve")

    html = await look(path)

    (item,) = html.one("ul", class_="past-actions").all("li")
    assert "ann%" in item.text
    assert not (await look(path, environ={})).all("ul", class_="past-actions")


async def test_a_queue_and_a_worker_are_named_by_arguments_too(shop, look, done):
    shop.beat()
    shop.queues = ["slow"]
    done("worker/queue/cancel-consumer", W1, parameters={"queue": "slow"})
    done("task/rate-limit", "shop.pay", parameters={"workername": W1})

    of_queue = (await look("/queues/slow")).one("ul", class_="past-actions").all("li")
    of_worker = (await look(f"/worker/{W1}")).one("ul", class_="past-actions").all("li")

    assert (len(of_queue), len(of_worker)) == (1, 2)


async def test_a_task_says_in_which_batch_it_was(shop, look):
    shop.task("5eed")
    await shop.store.batches.add(BATCH, ["5eed", "5eed2"])
    await shop.store.batches.settle("0a1b", BatchItem(0, "5eed", ItemState.REFUSED, why="No args"))

    (item,) = (await look("/task/5eed")).one("ul", class_="past-actions").all("li")

    assert "In a batch: run many tasks again batch refused: No args" in item.text
    assert item.links == {"batch": "/batches/0a1b"}
