import pytest

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.records import Task, Worker
from flower_ng.store import Store

from .conftest import WORKER


@pytest.fixture
def store(cluster):
    """A real store; what is written into it comes from no broker."""
    cluster.store = Store(None, max_tasks=100_000, clock=lambda: 1000.0)
    cluster.store.start()
    yield cluster.store
    cluster.store.stop()


def see(store, *tasks):
    for task in tasks:
        event = Event("task-received", WORKER, task.timestamp, uuid=task.uuid)
        store.observe(Change(event, task, task.worker))


def many(count):
    worker = Worker(WORKER)
    return [
        Task(f"id{n:05}", "shop.add", "FAILURE" if n % 3 == 0 else "SUCCESS", received=float(n),
             timestamp=float(n), worker=worker, queue="mail")
        for n in range(count)
    ]  # fmt: skip


async def test_following_the_cursor_leads_through_the_whole_list(client, store):
    see(store, *many(250))
    found, cursor = [], ""
    while cursor is not None:
        page = (await client.get("/api/tasks/page", cursor=cursor, sort="received")).json
        assert (page["total"], page["exact"]) == (250, True)
        found += [task["uuid"] for task in page["tasks"]]
        cursor = page["next"]

    assert found == [f"id{n:05}" for n in range(250)]


async def test_a_page_has_records_with_their_queue_of_tasks_that_match(client, store):
    see(store, *many(9))

    page = (await client.get("/api/tasks/page", search="state:failure", limit=2)).json

    assert [task["uuid"] for task in page["tasks"]] == ["id00006", "id00003"]
    assert (page["tasks"][0]["queue"], page["tasks"][0]["worker"]) == ("mail", WORKER)
    assert len(page["tasks"][0]) == 33
    assert page["total"] == 3


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"limit": 0}, "limit must be from 1 to 1000, not 0"),
        ({"limit": 1001}, "limit must be from 1 to 1000, not 1001"),
        ({"cursor": "x"}, "Invalid cursor 'x', begin without one"),
        ({"sort": "-nothing"}, "Invalid sort '-nothing', expected one of name, "),
        ({"search": "(x"}, "Missing closing parenthesis at position 0."),
        ({"search": "status:failed"}, "No field status; did you mean state:? In quotes it is text"),
    ],
)
async def test_a_page_that_cannot_be_meant_is_refused(client, arguments, words):
    answer = await client.get("/api/tasks/page", **arguments)

    assert (answer.status, answer.text[: len(words)]) == (400, words)


@pytest.mark.usefixtures("store")
async def test_a_state_that_is_none_of_celerys_is_asked_for_with_a_warning(client):
    answer = await client.get("/api/tasks/page", search="state:failed")

    assert answer.status == 200
    warning = "failed is none of Celery's states; did you mean FAILURE?"
    assert answer.headers["Flower-Search-Warning"] == warning


async def test_facets_count_what_matches_by_every_field(client, store):
    see(store, *many(9))

    answer = await client.get("/api/tasks/facets", state="FAILURE")

    assert answer.json == {
        "facets": {
            "state": [{"value": "FAILURE", "count": 3}],
            "name": [{"value": "shop.add", "count": 3}],
            "worker": [{"value": WORKER, "count": 3}],
            "queue": [{"value": "mail", "count": 3}],
            "exception": [],
        },
        "exact": True,
    }


async def test_facets_are_those_asked_for(client, store):
    see(store, *many(9))

    answer = await client.get("/api/tasks/facets", fields="state, queue", limit=1)

    assert answer.json["facets"] == {
        "state": [{"value": "SUCCESS", "count": 6}],
        "queue": [{"value": "mail", "count": 9}],
    }
    refused = await client.get("/api/tasks/facets", fields="args")
    assert (refused.status, refused.text[:20]) == (400, "Invalid field 'args'")


async def test_the_histogram_counts_what_matches_over_time(client, store):
    see(store, *many(9))

    answer = await client.get("/api/tasks/histogram", start=0, end=9, buckets=3)

    assert answer.json == {
        "starts_s": [0, 3, 6],
        "step_s": 3,
        "counts": {"FAILURE": [1, 1, 1], "SUCCESS": [2, 2, 2]},
        "exact": True,
    }


async def test_times_are_the_same_moments_as_their_seconds(client, store):
    see(store, *many(9))

    range_ = {"start": "1970-01-01T00:00", "end": "1970-01-01T00:20", "buckets": 20}
    by_time = await client.get("/api/tasks/histogram", **range_)
    by_seconds = await client.get("/api/tasks/histogram", **range_ | {"start": 0, "end": 1200})

    assert by_time.json == by_seconds.json
    assert by_time.json["step_s"] == 60


async def test_the_histogram_is_of_the_last_hour_unless_told_otherwise(client, store):
    see(store, Task("a", received=999.0), Task("b", received=1e6))

    told = (await client.get("/api/tasks/histogram")).json

    assert (told["starts_s"][0], told["step_s"], len(told["starts_s"])) == (-2600, 60, 60)
    assert sum(told["counts"]["PENDING"]) == 1


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"start": "later"}, "Invalid start 'later', expected UTC seconds"),
        ({"start": 5, "end": 5}, "start must be before end"),
        ({"buckets": 1001}, "buckets must be from 1 to 1000, not 1001"),
    ],
)
async def test_a_histogram_that_cannot_be_meant_is_refused(client, arguments, words):
    answer = await client.get("/api/tasks/histogram", **arguments)

    assert (answer.status, answer.text[: len(words)]) == (400, words)
