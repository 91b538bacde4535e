"""Lists by run time, in which running tasks have their place by age; on a real store."""

import pytest

from flower_ng.monitor.state.tallies import running
from flower_ng.store import TaskQuery, TaskRow, parse_search
from flower_ng.web.pages.tasks.by_runtime import by_runtime, runtime_s
from tests.web.pages.shop import NOW, W1, Shop


@pytest.fixture
def shop():
    """Six tasks; `run2` and `run9` run for so many seconds, `ran1` to `ran8` ran for as many."""
    shop = Shop()
    shop.store.start()
    for age_s in (2, 9):
        shop.now = NOW - age_s
        shop.task(f"run{age_s}", ends="task-started")
    shop.now = NOW
    for ran_s in (1, 5, 8):
        shop.task(f"ran{ran_s}", runtime=float(ran_s))
    shop.task("waits", ends="task-received")
    yield shop
    shop.store.stop()


async def order(shop, **asked):
    page = await by_runtime(shop.store, TaskQuery(sort="runtime", **asked), NOW)
    return [row.uuid for row in page.rows], page.filtered


async def test_running_tasks_stand_among_the_others_by_their_age(shop):
    longest = ["run9", "ran8", "ran5", "run2", "ran1", "waits"]

    assert await order(shop, descending=True, limit=10) == (longest, 6)
    assert await order(shop, limit=10) == (longest[::-1], 6)


async def test_a_task_in_a_state_of_its_own_runs_as_long_as_no_end_is_told(shop):
    shop.now = NOW - 6
    shop.task("own", ends="task-started")
    shop.happen("task-progress", uuid="own", current=1)
    shop.task("over", ends="task-started")
    shop.happen("task-progress", uuid="over", current=1)
    shop.happen("task-failed", uuid="over", exception="E()")
    shop.now = NOW

    for search in ("is:running", "running:>1s"):
        query = TaskQuery(search=parse_search(search), sort="uuid")
        found = await shop.store.tasks(query)
        assert [row.uuid for row in found.rows] == ["own", "run2", "run9"]
    longest, _ = await order(shop, descending=True, limit=4)
    assert longest == ["run9", "ran8", "own", "ran5"]
    assert running(shop.state.tallies.workers[W1]) == 3


@pytest.mark.parametrize("size", [1, 2, 4])
async def test_pages_follow_one_another_without_a_gap(shop, size):
    pages = [await order(shop, descending=True, limit=size, offset=at) for at in range(0, 6, size)]

    uuids = [uuid for page, _ in pages for uuid in page]
    assert uuids == ["run9", "ran8", "ran5", "run2", "ran1", "waits"]


@pytest.mark.parametrize("is_descending", [True, False])
async def test_any_number_of_running_tasks_has_its_place_on_any_page(shop, is_descending):
    for age_s in range(1100):
        shop.now = NOW - 100 - age_s
        shop.task(f"live{age_s:03}", ends="task-started")
    shop.now = NOW
    for ran_s in range(300):
        shop.task(f"slow{ran_s:03}", runtime=100.5 + 2 * ran_s)
    whole, count = await order(shop, descending=is_descending, limit=3000)

    assert count == len(whole) == 1406
    assert whole.index("live300") - whole.index("slow150") == (1 if is_descending else -1)
    for at in (0, 250, 777, 1380, 5000):
        part, _ = await order(shop, descending=is_descending, limit=30, offset=at)
        assert part == whole[at : at + 30]


async def test_a_search_narrows_both(shop):
    found = parse_search("run9 OR ran5")

    assert await order(shop, search=found, descending=True, limit=10) == (["run9", "ran5"], 2)


def test_the_run_time_of_a_running_task_is_its_age_and_never_negative():
    assert runtime_s(TaskRow("a", state="STARTED", started=NOW - 3), NOW) == 3
    assert runtime_s(TaskRow("a", state="STARTED", started=NOW + 3), NOW) == 0
    assert runtime_s(TaskRow("a", state="STARTED"), NOW) is None
    assert runtime_s(TaskRow("a", state="FAILURE", started=NOW), NOW) is None
    assert runtime_s(TaskRow("a", state="SUCCESS", runtime=7.0, started=1.0), NOW) == 7
