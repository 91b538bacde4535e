import pytest

from flower_ng.store import SeriesPage, Store
from flower_ng.store.rollups.recorder import IngestStatus
from tests.store.rollups.making import told

from .conftest import Recorder

#: The clock of the site under test.
NOW = 1000.0
DAY_S = 86_400


@pytest.fixture
async def store(cluster, tmp_path):
    cluster.store = Store(tmp_path / "db", max_tasks=10, clock=lambda: NOW)
    cluster.store.start()
    yield cluster.store
    cluster.store.stop()


@pytest.fixture
def asked(cluster):
    """Queries only: what the store answers to each is tested there."""
    cluster.store = Recorder(series=SeriesPage("task", 60, 0.02, (), ()))
    return cluster.store.calls


async def test_numbers_over_time_are_aligned_with_their_buckets(client, store):
    store.rollups.begin(lambda: IngestStatus(1.0, 0))
    store.rollups.minutes.observe(told("sent", NOW, "shop.add"))

    answer = await client.get("/api/series", kind="task", name="shop.add", start=0, end=NOW)

    found = answer.json
    assert (answer.status, answer.type) == (200, "application/json; charset=UTF-8")
    assert (found["kind"], found["step_s"], found["relative_error"]) == ("task", 60, 0.02)
    assert len(found["buckets"]) == 17
    assert set(found["buckets"][0]) == {"start", "past_s", "observed_s", "dropped", "gap"}
    (series,) = found["series"]
    assert series["name"] == "shop.add"
    assert len(series["points"]) == 17
    assert series["points"][0] is None
    assert series["whole"]["sent"] == series["points"][-1]["sent"] == 1


async def test_an_empty_name_is_all_task_types_and_no_name_is_each(client, store):
    for name in ("a", "b"):
        store.rollups.minutes.observe(told("sent", NOW, name))

    whole = (await client.get("/api/series?kind=task&start=0&name=")).json["series"]
    each = (await client.get("/api/series?kind=task&start=0")).json["series"]

    assert [(one["name"], one["whole"]["sent"]) for one in whole] == [("", 2)]
    assert [(one["name"], one["whole"]["sent"]) for one in each] == [("a", 1), ("b", 1)]


async def test_a_name_cannot_end_a_script(client, store):
    store.rollups.minutes.observe(told("sent", NOW, "</script>"))

    answer = await client.get("/api/series?kind=task&start=0")

    assert "</" not in answer.text
    assert answer.json["series"][0]["name"] == "</script>"


@pytest.mark.parametrize(
    ("start", "end", "begins", "ends"),
    [
        ("60", "120.5", 60, 120.5),
        ("1970-01-02", "1970-01-03", DAY_S, 2 * DAY_S),
        ("1970-01-01T01:00", "1970-01-01T03:00+01:00", 3600, 7200),
        ("1970-01-01T01:00Z", "1970-01-01T02:00:30", 3600, 7230),
        ("-10m", "now", NOW - 600, NOW),
        ("-5m", "now", NOW - 300, NOW),
        ("today", "-1m", 0, NOW - 60),
    ],
)
async def test_times_are_seconds_dates_or_before_now(client, asked, start, end, begins, ends):
    await client.get("/api/series", kind="task", start=start, end=end)

    ((_, query),) = asked
    assert (query.start, query.end) == (begins, ends)


async def test_a_time_is_the_same_moment_as_its_seconds(client, store):
    store.rollups.minutes.observe(told("sent", 500.0, "shop.add"))
    store.rollups.minutes.observe(told("sent", 570.0, "shop.add"))

    async def sent(**range_):
        answer = await client.get("/api/series", kind="task", name="shop.add", **range_)
        return [point and point["sent"] for point in answer.json["series"][0]["points"]]

    by_time = await sent(start="1970-01-01T00:08", end="1970-01-01T00:09")
    assert by_time == await sent(start=480, end=540) == [1]


async def test_the_last_hour_is_asked_for_by_default(client, asked):
    await client.get("/api/series", kind="queue")

    ((_, query),) = asked
    assert (query.kind, query.names, query.end - query.start, query.step_s) == (
        "queue",
        None,
        3600,
        60,
    )


@pytest.mark.parametrize(
    ("range_s", "step_s"),
    [(3600, 60), (DAY_S, 600), (7 * DAY_S, 3600), (365 * DAY_S, DAY_S), (9999 * DAY_S, DAY_S)],
)
async def test_the_default_step_makes_a_chart_of_any_range(client, asked, range_s, step_s):
    await client.get("/api/series", kind="task", start=0, end=range_s)

    assert asked[0][1].step_s == step_s


async def test_a_step_is_seconds_or_a_duration(client, asked):
    for step in ("600", "10m"):
        await client.get("/api/series", kind="task", step=step)

    assert [query.step_s for _, query in asked] == [600, 600]


RIGHT = "expected UTC seconds, a time such as 2026-11-20T10:30, or one before now such as -1h"
WRONG = {
    "": "Missing argument kind",
    "kind=job&start=0": "Unknown kind 'job', expected one of task, queue, worker",
    "kind=task&start=0&step=5s": "Invalid step 5, expected a multiple of 60 seconds",
    "kind=task&step=often": (
        "Invalid step 'often', expected seconds or a duration such as 60, 10m, 1h"
    ),
    "kind=task&" + "&".join(f"name={number}" for number in range(101)): (
        "101 names are too many, expected at most 100"
    ),
    "kind=task&start=soon": f"Invalid start 'soon', {RIGHT}",
    "kind=task&end=nan": f"Invalid end 'nan', {RIGHT}",
    "kind=task&start=2000&end=1000": (
        "Invalid range from 2000.0 to 1000.0, expected a start before its end"
    ),
    "kind=task&start=0&end=864000000": (
        "A step of 86400 s makes more than 2000 buckets of this range,"
        " expected a step of at least 432000"
    ),
}


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("arguments", WRONG)
async def test_a_wrong_argument_is_answered_with_what_would_be_right(client, arguments):
    answer = await client.get(f"/api/series?{arguments}")

    assert (answer.status, answer.text) == (400, WRONG[arguments])
