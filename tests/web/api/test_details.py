"""All that is known of one task, as its page shows it."""

import pytest

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.monitor.remote.verifying import Verifier
from flower_ng.monitor.state.backend_outcome import Outcome
from flower_ng.monitor.state.state import ClusterState
from flower_ng.records import BACKEND, Task, Worker
from flower_ng.store import Store
from tests.web.site import NoBackend


@pytest.fixture
def store(cluster):
    """A real store; what is written into it comes from no broker."""
    cluster.store = Store(None, max_tasks=1000, clock=lambda: 1000.0)
    cluster.store.start()
    yield cluster.store
    cluster.store.stop()


def see(store, task):
    store.observe(
        Change(Event("task-received", "w1@box", 5.0, uuid=task.uuid, retries=0), task, task.worker)
    )


def task(**fields):
    return Task("a", "shop.pay", **{"state": "FAILURE", "timestamp": 5.0, **fields})


async def test_the_record_comes_first_and_then_what_the_page_shows(client, store):
    text = "x" * 20_000
    see(store, task(queue="mail", exception="KeyError('a')", failed=5.0, result=text))
    store.flush()

    told = (await client.get("/api/task/details/a")).json
    record = (await client.get("/api/task/info/a")).json

    assert list(told)[: len(record)] == list(record)
    assert told.items() >= record.items()
    assert {name: told[name] for name in ("queue", "exception_class", "state_source", "doubt")} == {
        "queue": "mail",
        "exception_class": "KeyError",
        "state_source": "events",
        "doubt": "",
    }
    assert told["cut"] == {"result": {"by": "flower_ng", "length": 20_000, "is_sure": True}}
    assert [event["type"] for event in told["events"]] == ["received"]
    assert [phase["kind"] for phase in told["phases"]] == ["queued", "held", "ran"]
    (attempt,) = told["attempts"]
    assert (attempt["number"], attempt["received"], attempt["state"]) == (1, 5.0, None)
    assert told["backend"] is None


async def test_it_tells_what_it_repeats_and_what_repeats_it(client, store):
    see(store, task())
    await store.rerun("b", "a")
    see(store, Task("b", state="SUCCESS", timestamp=6.0))

    assert (await client.get("/api/task/details/a")).json["reruns"] == ["b"]
    assert (await client.get("/api/task/details/b")).json["rerun_of"] == "a"


async def test_a_state_that_no_event_told_has_its_source(client, store):
    see(store, task(state_source=BACKEND))

    assert (await client.get("/api/task/details/a")).json["state_source"] == "result backend"


async def test_an_end_that_may_be_that_of_another_attempt_is_marked(client, store):
    state = ClusterState(observers=(store,))
    of_a = {"uuid": "a", "hostname": "w1@box", "name": "shop.pay", "retries": 0}
    for kind, at in (("received", 1.0), ("started", 2.0), ("started", 4.0), ("failed", 5.0)):
        state.event({**of_a, "type": f"task-{kind}", "timestamp": at})

    told = (await client.get("/api/task/details/a")).json

    assert (told["state"], told["state_source"]) == ("FAILURE", "inferred")
    assert state.tasks["a"].state_source == "inferred"
    assert [(one["state"], one["inferred"]) for one in told["attempts"]] == [
        (None, False),
        ("FAILURE", True),
    ]
    found = (await client.get("/api/tasks/page?search=is:inferred")).json["tasks"]
    assert [one["state_source"] for one in found] == ["inferred"]
    assert (await client.get("/api/tasks/page?search=is:from-backend")).json["tasks"] == []


async def test_a_doubt_and_what_the_result_backend_said_of_it_are_told(client, cluster, store):
    cluster.health.doubt = lambda _uuid, worker: f"{worker} is gone."
    cluster.verifier.refusal = "No result backend is configured"
    see(store, task(state="STARTED", worker=Worker("w1@box")))

    told = (await client.get("/api/task/details/a")).json

    assert told["doubt"] == (
        "w1@box is gone. Can't check whether it ended: no result backend is configured."
    )
    assert told["backend"] == {"state": None, "at": None, "why": "No result backend is configured"}


class Failed(NoBackend):
    """Has it of every task that it failed."""

    async def refusal(self):
        return ""

    async def outcomes(self, task_ids):
        return dict.fromkeys(task_ids, Outcome("FAILURE", 19.0, "KeyError('a')"))


@pytest.mark.parametrize("heard_again", [(), ("started",)])
async def test_the_end_of_a_task_that_left_memory_is_learned_and_kept(
    client, cluster, store, heard_again
):
    state = ClusterState(max_tasks_in_memory=1, observers=(store,), clock=lambda: 1000.0)
    cluster.verifier = Verifier(state, Failed(), lambda _worker: False)

    def event(kind, at, uuid="a", **fields):
        told = {"type": f"task-{kind}", "uuid": uuid, "hostname": "w1@box", "timestamp": at}
        state.event({**told, **fields})

    event("received", 10.0, name="shop.pay", retries=0)
    event("started", 11.0)
    event("retried", 12.0, exception="OSError()")
    event("received", 13.0, name="shop.pay", retries=1)
    event("received", 14.0, "b", name="shop.pay", retries=0)
    for kind in heard_again:
        event(kind, 15.0)
    told = (await client.get("/api/task/details/a")).json

    assert (told["state"], told["state_source"], told["failed"]) == ("FAILURE", BACKEND, 19.0)
    assert (told["name"], told["retries"], told["worker"]) == ("shop.pay", 1, "w1@box")
    assert told["exception"] == "KeyError('a')"
    assert [one["received"] for one in told["attempts"]] == [10.0, 13.0]
    assert list((await client.get("/api/tasks?state=FAILURE")).json) == ["a"]


async def test_nobody_knows_it(client, store):  # noqa: ARG001 - it is empty
    answer = await client.get("/api/task/details/nope")

    assert (answer.status, answer.text) == (404, "Unknown task 'nope'")
