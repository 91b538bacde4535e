import asyncio
import re
from urllib.parse import quote

import msgspec
import pytest

from flower_ng.changes import Change
from flower_ng.errors import NoBackend, NotFound
from flower_ng.event_record import Event
from flower_ng.records import Task, Worker
from flower_ng.store import Store, TaskPage
from tests.monitor.yard import eventually

from .conftest import WORKER


@pytest.fixture
def store(cluster):
    """A real store; what is written into it comes from no broker."""
    cluster.store = Store(None, max_tasks=100_000, clock=lambda: 1000.0)
    cluster.store.start()
    cluster.format_task = lambda row: row
    yield cluster.store
    cluster.store.stop()


def see(store: Store, *tasks: Task) -> None:
    for task in tasks:
        event = Event("task-received", WORKER, task.timestamp, uuid=task.uuid)
        store.observe(Change(event, task, task.worker))


def many(count: int, size: int = 0) -> list[Task]:
    worker = Worker(WORKER)
    return [
        Task(f"id{n:05}", "shop.add", "SUCCESS", received=float(n), timestamp=float(n),
             args="x" * size, worker=worker)
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.usefixtures("store")
async def test_no_tasks_are_an_empty_object(client):
    answer = await client.get("/api/tasks")

    assert (answer.status, answer.json) == (200, {})
    assert answer.type == "application/json; charset=UTF-8"


async def test_a_list_of_several_pages_is_whole_and_in_order(client, store):
    see(store, *many(3500))

    answer = await client.get("/api/tasks")

    assert list(answer.json) == [f"id{n:05}" for n in reversed(range(3500))]


async def test_a_large_list_is_sent_in_pieces_and_has_no_etag(client, store):
    see(store, *many(3500, size=500))

    answer = await client.get("/api/tasks")

    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert "Etag" not in answer.headers
    assert len(answer.json) == 3500


async def test_a_large_list_lets_other_requests_through(client, store):
    see(store, *many(20_000))
    await eventually(lambda: not store.waiting)  # a read waits for what is written, not for ever
    large = asyncio.ensure_future(client.get("/api/tasks"))
    await asyncio.sleep(0.1)

    other = await client.get("/api/task/types")

    assert other.status == 200
    assert not large.done()
    assert len((await large).json) == 20_000


async def test_a_large_list_ends_quietly_when_the_client_leaves(client, store, caplog):
    see(store, *many(20_000, size=1000))
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(b"GET /api/tasks HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.read(1000)

    writer.transport.abort()

    assert (await client.get("/api/task/types")).status == 200
    await asyncio.sleep(0.3)
    assert caplog.records == []


async def test_a_store_that_fails_is_unavailable(client, store):
    store.stop()

    answer = await client.get("/api/tasks")

    assert (answer.status, answer.text) == (503, "The store is not running")


async def test_a_retried_task_is_its_own_child(client, store):
    see(store, Task("a", "shop.add", parent_id="a", root_id="a", timestamp=1.0))

    record = (await client.get("/api/task/info/a")).json

    assert (record["children"], record["parent"], record["root"]) == (["a"], "a", "a")


@pytest.mark.parametrize("task_id", ["a/b", "a b", "<&'\">", "ü"])
async def test_any_id_can_be_asked_for(client, store, task_id):
    see(store, Task(task_id, timestamp=1.0))

    answer = await client.get(f"/api/task/info/{quote(task_id)}")

    assert answer.json["uuid"] == task_id


async def test_an_answer_is_ascii(client, store):
    see(store, Task("a", args="ü</script>", timestamp=1.0))

    text = (await client.get("/api/tasks")).text

    assert text.isascii()
    assert r"<\/script>" in text


async def test_what_cannot_be_filtered_by_is_everything(client, store):
    see(store, *many(3))

    answer = await client.get("/api/tasks", workername="All", taskname="All", state="All")

    assert len(answer.json) == 3


async def test_types_come_from_the_events(client, cluster):
    cluster.state.types = ("shop.add", "shop.pay")

    answer = await client.get("/api/task/types")

    assert answer.json == {"task-types": ["shop.add", "shop.pay"]}


async def test_a_result_is_one_call(client, cluster):
    cluster.publisher.answers["result"] = {"task-id": "7", "state": "PENDING"}

    await client.get("/api/task/result/7")
    answer = await client.get("/api/task/result/7", timeout="1.5")

    assert answer.json == {"task-id": "7", "state": "PENDING"}
    assert cluster.publisher.calls == [("result", "7", None), ("result", "7", 1.5)]


async def test_without_a_result_backend_there_is_no_result(client, cluster):
    cluster.publisher.answers["result"] = NoBackend("No result backend is configured")

    answer = await client.get("/api/task/result/7")

    assert (answer.status, answer.text) == (503, "No result backend is configured")
    assert answer.type == "text/html; charset=UTF-8"


async def test_a_task_is_aborted(client, cluster):
    answer = await client.post("/api/task/abort/7")

    assert answer.json == {"message": "Aborted '7'"}
    assert cluster.publisher.calls == [("abort", "7")]


async def test_an_abort_that_fails_is_told(client, cluster):
    cluster.publisher.answers["abort"] = NotFound("Nothing to abort")

    assert (await client.post("/api/task/abort/7")).status == 404


async def test_an_unknown_field_is_text_as_in_flower_with_a_warning(client, store):
    see(store, Task("a", args="('status:failed',)"), Task("b", state="FAILURE"))
    answer = await client.get("/api/tasks", search="status:failed")
    table = await client.get(f"{TABLE.format(0, 5)}&search[value]=status:failed")
    plain = await client.get("/api/tasks", search='"status:failed"')

    warning = "No field status; did you mean state:?"
    assert list(answer.json) == list(plain.json) == ["a"]
    assert answer.headers["Flower-Search-Warning"] == warning
    assert (table.json["recordsFiltered"], table.json["searchWarning"]) == (1, warning)
    assert "Flower-Search-Warning" not in plain.headers


TABLE = "/tasks/datatable?draw=2&start={}&length={}&order[0][column]=0"


async def test_the_table_shows_what_format_task_makes_of_a_row(client, cluster, store):
    see(store, Task("a", args="(1234,)", timestamp=1.0))
    cluster.format_task = lambda row: msgspec.structs.replace(row, args="***")

    table = (await client.get(TABLE.format(0, 5))).json
    record = (await client.get("/api/task/info/a")).json

    assert table["data"][0]["args"] == "***"
    assert record["args"] == "(1234,)"


async def test_a_page_of_the_table_is_capped(client, store):
    see(store, *many(10_500))

    table = (await client.get(TABLE.format(0, 1_000_000))).json

    assert (len(table["data"]), table["recordsTotal"]) == (10_000, 10_500)


async def test_a_count_that_is_a_lower_bound_says_so(client, store):
    async def bounded_page(_query):
        return TaskPage([], 90_000, 10_000, exact=False)

    store.tasks = bounded_page  # today's store counts exactly

    table = (await client.get(TABLE.format(0, 5))).json

    assert table["recordsFilteredExact"] is False


@pytest.mark.parametrize("missing", ["draw", "start", "length", r"order\[0\]\[column\]"])
async def test_each_number_of_the_table_is_required(client, missing):
    path = re.sub(rf"{missing}=[^&]*", "", TABLE.format(0, 5))

    answer = await client.get(path)

    assert (answer.status, answer.type) == (400, "text/plain")
    assert answer.text == f"Missing argument {missing.replace(chr(92), '')}"
