import pytest

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.records import Task
from flower_ng.store import Limits, Store

from .conftest import WORKER


@pytest.fixture
def store(cluster):
    """A real store; what is written into it comes from no broker."""
    cluster.store = Store(None, max_tasks=100, limits=Limits(86_400.0), clock=lambda: 1000.0)
    cluster.store.start()
    yield cluster.store
    cluster.store.stop()


def see(store, *tasks):
    for task in tasks:
        event = Event("task-received", WORKER, task.timestamp, uuid=task.uuid)
        store.observe(Change(event, task, task.worker))


async def known(client):
    return sorted((await client.get("/api/tasks")).json)


async def test_the_history_tells_what_it_holds_and_its_bounds(client, store):
    see(store, Task("a", timestamp=3.0))
    store.flush()

    told = (await client.get("/api/history")).json

    assert told["kind"] == "temporary"
    assert (told["tasks"], told["oldest"], told["newest"]) == (1, 3.0, 3.0)
    assert (told["max_tasks"], told["max_age_s"], told["max_bytes"]) == (100, 86_400, None)
    assert (told["waiting"], told["failing"], told["lost"], told["gaps"]) == (0, None, 0, [])
    assert told["deleted"] == {
        "max_tasks": 0, "max_age": 0, "max_failure_age": 0, "max_bytes": 0, "forgotten": 0,
    }  # fmt: skip
    assert told["bytes"] > 0


async def test_a_task_is_forgotten(client, store):
    see(store, Task("a"), Task("b"))

    answer = await client.post("/api/task/forget/a")

    assert (answer.status, answer.json) == (200, {"message": "Forgot 'a'"})
    assert await known(client) == ["b"]


@pytest.mark.usefixtures("store")
async def test_a_task_that_nobody_knows_cannot_be_forgotten(client):
    answer = await client.post("/api/task/forget/a")

    assert (answer.status, answer.text) == (404, "Unknown task 'a'")


async def test_without_the_number_tasks_are_only_counted(client, store):
    see(store, Task("a", state="FAILURE"), Task("b", state="SUCCESS"))

    answer = await client.post("/api/tasks/forget", state="failure")

    assert answer.json == {
        "count": 1,
        "forgotten": 0,
        "message": "1 tasks match. To forget them, confirm the number",
    }
    assert await known(client) == ["a", "b"]


async def test_with_their_number_those_that_match_are_forgotten(client, store):
    see(store, *(Task(f"a{n}", kwargs="{'customer': 7}") for n in range(3)), Task("b"))

    answer = await client.post("/api/tasks/forget", search="kwargs.customer:7", confirm=3)

    assert (answer.status, answer.json["forgotten"]) == (200, 3)
    assert await known(client) == ["b"]


async def test_those_that_were_reviewed_are_forgotten_and_not_others(client, store):
    see(store, Task("a", state="FAILURE"), Task("b", state="SUCCESS"))
    review = (await client.post("/api/tasks/forget?dry_run=1", state="failure")).json
    assert (review["count"], await known(client)) == (1, ["a", "b"])
    digest = review["digest"]

    other = await client.post("/api/tasks/forget", state="success", digest=digest)
    done = await client.post("/api/tasks/forget", state="failure", digest=digest)

    assert (other.status, "search was" in other.text) == (409, True)
    assert (done.json["forgotten"], await known(client)) == (1, ["b"])


async def test_with_another_number_nothing_is_forgotten(client, store):
    see(store, Task("a"), Task("b"))

    answer = await client.post("/api/tasks/forget", confirm=1)

    assert (answer.status, answer.text) == (
        400,
        "2 tasks match now, not 1: nothing was forgotten",
    )
    assert await known(client) == ["a", "b"]


class TestReadOnly:
    @pytest.fixture
    def read_only(self):
        return True

    @pytest.mark.parametrize("path", ["/api/task/forget/a", "/api/tasks/forget"])
    async def test_nothing_is_forgotten(self, client, store, path):
        see(store, Task("a"))

        assert (await client.post(path, confirm=1)).status == 403
        assert await known(client) == ["a"]


async def test_a_list_without_a_limit_is_no_longer_than_max_tasks(serve, cluster, store):
    see(store, *(Task(f"a{n}", timestamp=float(n)) for n in range(9)))
    client = serve(cluster=cluster, environ={"FLOWER_UNAUTHENTICATED_API": "true"}, max_tasks=4)

    assert list((await client.get("/api/tasks")).json) == ["a8", "a7", "a6", "a5"]
    assert len((await client.get("/api/tasks?limit=6")).json) == 6
