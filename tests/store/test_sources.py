"""Who told a task's state is kept with the state, and goes with it."""

from flower_ng.monitor.state.backend_outcome import Outcome
from flower_ng.monitor.state.state import ClusterState
from flower_ng.records import BACKEND
from flower_ng.store import Store, TaskQuery, parse_search
from tests.store.making import task


def test_a_state_of_the_result_backend_keeps_its_source_until_an_event_tells_one(table):
    with table(task("u", "STARTED", 2.0, name="shop.pay")) as tasks:
        tasks.write(task("u", "SUCCESS", 5.0, state_source=BACKEND))
        assert (tasks.task("u").state, tasks.task("u").state_source) == ("SUCCESS", BACKEND)

        tasks.write(task("u", "STARTED", 2.0))
        assert (tasks.task("u").state, tasks.task("u").state_source) == ("SUCCESS", BACKEND)

        tasks.write(task("u", "SUCCESS", 5.0, result="7"))
        assert (tasks.task("u").state, tasks.task("u").state_source) == ("SUCCESS", None)


async def test_an_end_that_was_learned_is_kept_found_and_there_after_a_restart(tmp_path):
    started = {"type": "task-started", "hostname": "w1@box", "timestamp": 990.0}

    def begun():
        store = Store(tmp_path / "history", max_tasks=100, clock=lambda: 1000.0)
        store.start()
        return store, ClusterState(observers=(store,), clock=lambda: 1000.0)

    store, state = begun()
    for uuid in ("a", "b"):
        state.event({**started, "uuid": uuid})
    state.learn("a", Outcome("FAILURE", 995.0, "KeyError('x')", "T"))
    learned = TaskQuery(search=parse_search("is:from-backend"))
    page = await store.tasks(learned)
    store.stop()

    assert [(row.uuid, row.state, row.failed) for row in page.rows] == [("a", "FAILURE", 995.0)]
    assert page.rows[0].exception_class == "KeyError"
    store, state = begun()
    state.take_back(store.restored(100).tasks)
    assert {uuid: one.state_source for uuid, one in state.tasks.items()} == {
        "a": BACKEND,
        "b": None,
    }
    assert (await store.task("a")).state_source == BACKEND
    store.stop()
