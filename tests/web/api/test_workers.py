import msgspec
import pytest

from flower_ng.errors import Unavailable
from flower_ng.records import Worker

from .conftest import WORKER

RECORD = {"timestamp": 5.0, "registered": ["shop.add"]}


@pytest.fixture(autouse=True)
def inspected(cluster):
    cluster.inspector.workers = {WORKER: RECORD}


async def test_all_inspected_workers_are_listed(client):
    answer = await client.get("/api/workers")

    assert (answer.status, answer.json) == (200, {WORKER: RECORD})


@pytest.mark.parametrize("arguments", [{}, {"workername": WORKER}])
async def test_tasks_are_told_as_format_task_api_has_them(client, cluster, arguments):
    request = {"id": "a", "name": "shop.add", "args": ["card"], "kwargs": {}, "pid": 7}
    scheduled = {"eta": "2030-01-01", "request": request}
    record = RECORD | {"active": [request, "odd"], "reserved": None, "scheduled": [scheduled]}
    cluster.inspector.workers = {WORKER: record}
    before = (await client.get("/api/workers", **arguments)).json
    cluster.format_for_api = lambda row: msgspec.structs.replace(row, args="***")

    told = (await client.get("/api/workers", **arguments)).json[WORKER]

    hidden = request | {"args": "***", "kwargs": "{}"}
    assert before == {WORKER: record}
    assert told == record | {
        "active": [hidden, "odd"], "scheduled": [scheduled | {"request": hidden}]
    }  # fmt: skip


async def test_nothing_inspected_is_an_empty_object(client, cluster):
    cluster.inspector.workers = {}

    assert (await client.get("/api/workers")).json == {}


async def test_thousands_of_workers_are_sent_in_slices_that_are_one_object(client, cluster):
    cluster.inspector.workers = {f"w{n}@box": {**RECORD, "pid": n} for n in range(250)}

    answer = await client.get("/api/workers")

    assert answer.json == cluster.inspector.workers
    assert answer.headers.get("Transfer-Encoding") == "chunked"


async def test_one_worker_is_listed_by_its_name(client, cluster):
    cluster.inspector.workers["w2@box"] = {}

    answer = await client.get("/api/workers", workername=WORKER)

    assert answer.json == {WORKER: RECORD}


async def test_an_empty_name_means_all(client):
    assert (await client.get("/api/workers?workername=")).json == {WORKER: RECORD}


async def test_a_worker_known_from_events_only_has_an_empty_record(client, cluster):
    cluster.state.workers["new@box"] = Worker("new@box")

    answer = await client.get("/api/workers", workername="new@box")

    assert (answer.status, answer.json) == (200, {"new@box": {}})


async def test_an_unknown_name_is_not_found_and_not_asked_for(client, cluster):
    answer = await client.get("/api/workers", workername="nobody@box")

    assert (answer.status, answer.text) == (404, "Unknown worker 'nobody@box'")
    assert cluster.inspector.calls == []


async def test_status_tells_who_is_alive_and_ignores_the_name(client, cluster):
    cluster.state.workers["dead@box"] = Worker("dead@box")

    answer = await client.get("/api/workers", status="1", workername="nobody@box")

    assert list(answer.json.items()) == [("dead@box", False), (WORKER, True)]  # by name


async def test_refresh_inspects_all_workers_first(client, cluster):
    await client.get("/api/workers", refresh="true")

    assert cluster.inspector.calls == [("inspect", None)]


async def test_refresh_with_a_known_name_inspects_that_worker(client, cluster):
    await client.get("/api/workers", refresh="1", workername=WORKER)

    assert cluster.inspector.calls == [("inspect", WORKER)]


async def test_refresh_with_an_unknown_name_inspects_all_once(client, cluster):
    answer = await client.get("/api/workers", refresh="1", workername="late@box")

    assert cluster.inspector.calls == [("inspect", None)]
    assert answer.status == 404


async def test_a_worker_that_answered_this_very_refresh_is_shown(client, cluster):
    async def answer_late():
        cluster.inspector.workers["late@box"] = RECORD

    cluster.inspector.answers["inspect"] = answer_late

    answer = await client.get("/api/workers", refresh="1", workername="late@box")

    assert answer.json == {"late@box": RECORD}


async def test_a_failed_inspection_is_unavailable(client, cluster):
    cluster.inspector.answers["inspect"] = Unavailable("the pool is closed")

    answer = await client.get("/api/workers", refresh="1")

    assert (answer.status, answer.text) == (503, "Failed to update workers: the pool is closed")


@pytest.mark.parametrize("query", ["refresh=maybe", "status=2", "status="])
async def test_a_boolean_that_is_none_is_a_bad_request(client, query):
    answer = await client.get(f"/api/workers?{query}")

    assert answer.status == 400
    assert answer.text.startswith("Invalid argument '")


async def test_the_refresh_button_goes_back_with_words(client, cluster):
    answer = await client.post("/do/workers", workername=WORKER, next="/workers")

    assert (answer.status, answer.headers["Location"]) == (303, "/workers")
    assert cluster.inspector.calls == [("inspect", WORKER)]
