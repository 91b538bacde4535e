"""The Types page and a type's own: what each costs, how often it fails, how long it takes."""

import pytest

from flower_ng.health.facts.baselines import Baselines
from flower_ng.monitor.state.backend_outcome import Outcome
from flower_ng.monitor.state.state import ClusterState
from flower_ng.store import Store
from flower_ng.store.rollups.points import Bucket, TaskPoint
from flower_ng.store.rollups.recorder import IngestStatus
from flower_ng.store.rollups.series import NamedSeries, SeriesPage
from flower_ng.web.ui.format import share
from flower_ng.web.ui.task_charts import task_charts
from tests.store.rollups.making import told
from tests.web.pages.shop import NOW, Shop


@pytest.fixture
async def shop():
    """A shop whose numbers over time follow the clock of the site."""
    cluster = Shop()
    store = cluster.store = Store(None, max_tasks=1000, clock=lambda: NOW)
    cluster.state = ClusterState(
        observers=(store, store.rollups.minutes), clock=lambda: cluster.now
    )
    store.start()
    store.rollups.begin(lambda: IngestStatus(NOW, 0))
    yield cluster
    store.stop()


def row(html, name):
    """The row of a type, by the heads of its columns."""
    heads = [head.text for head in html.one("thead").all("th")]
    (found,) = [cells for cells in html.rows if cells[0] == name]
    return dict(zip(heads, found, strict=True))


async def test_every_link_about_a_name_that_was_cut_leads_somewhere(shop, look):
    shop.task("a", "shop." + "x" * 600, "task-failed", exception="ValueError()")
    found = {}
    for path in ("/types", "/tasks", "/task/a"):
        html = await look(path)
        found |= {url: path for url in (a["href"] for a in html.all("a")) if "xxx" in url}

    assert found
    assert any(url.startswith("/types/") for url in found)
    for url in found:
        await look(url)


def test_a_share_is_never_shown_as_none_when_there_is_some():
    shown = [share(value) for value in (None, 0.0, 0.0004, 0.004, 0.12, 1.0)]

    assert shown == ["–", "0 %", "< 0.1 %", "0.4 %", "12 %", "100 %"]


async def test_each_type_tells_what_its_tasks_cost_and_how_they_ended(shop, look):
    shop.task("a", "shop.pay", runtime=2.0)
    shop.task("b", "shop.pay", "task-failed", exception="ValueError('empty')")
    shop.task("c", "shop.ship", runtime=1.0)

    html = await look("/types")

    assert [cells[0] for cells in html.rows] == ["shop.pay", "shop.ship"]
    pay = row(html, "shop.pay")
    assert (pay["Tasks"], pay["Failed"], pay["Total time"]) == ("2", "50 %", "2.00 s")
    assert pay["Last exception"] == "ValueError('empty')"
    assert (row(html, "shop.ship")["Failed"], row(html, "shop.ship")["Last exception"]) == (
        "0 %", "–",
    )  # fmt: skip


async def test_failures_that_no_event_told_are_told_apart_from_the_counted_ones(shop, look):
    shop.task("a", "shop.pay", "task-failed", exception="ValueError('x')")
    shop.task("b", "shop.pay", "task-started")
    shop.state.learn("b", Outcome("FAILURE", exception="ValueError('y')", ended_at=shop.now))

    html = await look("/types/shop.pay")

    _, failed, *_ = html.all("a", class_="card")
    assert failed.text.startswith("Failed1")
    counted = await look(failed.links[failed.text])
    assert [cells[1] for cells in counted.rows] == ["a"]
    assert "1 failed task of the last hour is known from the result backend only." in html.text


async def test_a_task_that_is_tried_again_is_one_task_of_its_type(shop, look):
    for uuid in ("a", "b"):
        for retries in range(3):
            shop.happen("task-received", uuid=uuid, name="shop.flaky", retries=retries)
            shop.happen("task-started", uuid=uuid)
            shop.happen("task-retried" if retries < 2 else "task-succeeded", uuid=uuid)
            shop.now += 1

    assert row(await look("/types"), "shop.flaky")["Tasks"] == "2"
    html = await look("/types/shop.flaky")
    tasks, *_ = html.all("a", class_="card")
    assert tasks.text == "Tasks2in the last hour, received 6 times"


def test_the_chart_of_tasks_counts_each_once():
    six_attempts_of_two_tasks = TaskPoint(6, 6, 6, 2, 0, 4, 0, 0, tasks=2)
    buckets, points = (Bucket(0, 60, 60, 0, "none"),), (six_attempts_of_two_tasks,)
    page = SeriesPage("task", 60, 0.02, buckets, (NamedSeries("a", points, points[0]),), 0, 60)

    received, succeeded, _ = task_charts(page, (), str)[0].curves

    assert (received.last, succeeded.last) == (2 / 60, 2 / 60)


async def test_what_is_usual_is_exact_for_one_run_and_said_to_be_about_for_more(shop, look):
    shop.task("5eed", runtime=900.0)
    assert (await look("/task/5eed")).facts["Run"].endswith("median 15m 00s, p95 15m 00s")
    assert "p99 15m 00s" in (await look("/types/shop.pay")).text

    shop.task("other", runtime=900.0)
    assert "median ~15m" in (await look("/task/5eed")).facts["Run"]
    assert "p99 ~15m" in (await look("/types/shop.pay")).text


async def test_types_are_sorted_and_filtered_by_links(shop, look):
    shop.task("a", "shop.pay", runtime=2.0)
    shop.task("b", "shop.ship", runtime=1.0)

    assert (await look("/types?sort=total")).rows[0][0] == "shop.ship"
    assert [cells[0] for cells in (await look("/types?search=PAY")).rows] == ["shop.pay"]
    assert "No task type matches" in (await look("/types?search=nothing")).text


async def test_without_tasks_the_page_says_which_setting_tells_of_them(look):
    assert "worker_send_task_events" in (await look("/types")).text


async def test_a_type_has_charts_and_its_newest_failures(shop, look):
    shop.task("a", "shop.pay", runtime=2.0)
    shop.task("b", "shop.pay", "task-failed", exception="ValueError('empty')")

    html = await look("/types/shop.pay?span=24h")

    assert [figure.one("strong").text for figure in html.all("figure")] == [
        "Tasks per second", "Failure rate", "Run time", "Queue and worker wait",
    ]  # fmt: skip
    assert html.rows[0][0] == "ValueError('empty')"
    assert "24 h" in html.one("nav", aria_label="Time").text


async def test_a_type_that_nobody_has_seen_is_not_found(look):
    assert (
        "Unknown task type 'shop.nothing'" in (await look("/types/shop.nothing", status=404)).text
    )


async def test_a_type_without_numbers_leads_to_its_tasks(shop, look):
    shop.state = ClusterState(observers=(shop.store,), clock=lambda: shop.now)
    shop.task("a", "shop.pay")

    html = await look("/types/shop.pay")

    assert not html.all("figure")
    assert "/tasks?name=shop.pay" in [link["href"] for link in html.one("main").all("a")]


MANY = 5000
LATER = 1_800_000_000.0


@pytest.fixture
async def many_types(shop, tmp_path):
    """Types of which each was received in two minutes, and the last one in a third."""
    shop.store = store = Store(tmp_path / "db", max_tasks=1000, clock=lambda: LATER)
    store.start()
    for at in (LATER - 500, LATER - 60):
        for number in range(MANY):
            store.rollups.minutes.observe(told("received", at, f"shop.number_{number:04}"))
    store.rollups.minutes.observe(told("received", LATER - 1, "shop.number_4999"))
    yield shop
    store.stop()


@pytest.mark.usefixtures("many_types")
@pytest.mark.parametrize("span", ["1h", "24h", "7d"])
async def test_thousands_of_types_are_listed_page_by_page(look, span):
    html = await look(f"/types?span={span}&sort=-count&size=30", clock=lambda: LATER)

    assert (len(html.rows), html.rows[0][0]) == (30, "shop.number_4999")
    assert row(html, "shop.number_4999")["Tasks"] == "3"
    assert "of 5,000" in html.text
    assert all(path["d"] for path in html.one("tbody").all("path"))


@pytest.mark.usefixtures("many_types")
async def test_one_of_thousands_of_types_is_found_by_a_part_of_its_name(look):
    html = await look("/types?search=NUMBER_123&sort=name", clock=lambda: LATER)

    assert [cells[0] for cells in html.rows] == [f"shop.number_123{last}" for last in range(10)]


async def test_what_is_usual_of_thousands_of_types_is_known(many_types):
    usual = Baselines(many_types.store.series, lambda: LATER, 60.0)

    await usual.look()

    assert usual.types is not None
    assert {one.recent.received for one in usual.types} == {2}


async def test_failed_runs_count_as_time_that_a_type_cost(shop, look):
    shop.happen("task-received", uuid="a", name="shop.pay")
    shop.happen("task-started", uuid="a")
    shop.now += 90
    shop.happen("task-failed", uuid="a", exception="ValueError('empty')")
    shop.task("b", "shop.ship", runtime=2.0)

    html = await look("/types")

    assert [cells[0] for cells in html.rows] == ["shop.pay", "shop.ship"]
    assert row(html, "shop.pay")["Total time"] == "1m 30s"
    assert row(html, "shop.pay")["Run mean"] == "–"
    assert "1m 30s" in (await look("/types/shop.pay")).text
