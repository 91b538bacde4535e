import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from msgspec.structs import asdict

from flower_ng.errors import Unavailable
from flower_ng.records import Worker
from flower_ng.store import Store, TaskQuery, parse_search
from flower_ng.store.index.engine import TantivyEngine
from flower_ng.store.sql.engine import SqlEngine
from flower_ng.store.sql.server_engine import PostgresEngine
from tests.store.making import change, heartbeat, task


@pytest.fixture
def store(history):
    made = Store(None, max_tasks=100, history=history)
    made.start()
    yield made
    made.stop()


def observe(store, *tasks, **options):
    for one in tasks:
        store.observe(change(one, **options))


async def uuids(store, **query):
    return [row.uuid for row in (await store.tasks(TaskQuery(**query))).rows]


async def test_reading_includes_what_was_observed_before(store):
    for number in range(5):
        observe(store, task(f"u{number}"))

        assert len(await uuids(store)) == number + 1


async def test_a_page_tells_how_many_there_are_and_how_many_match(store):
    observe(store, *(task(f"u{n}", "FAILURE" if n < 3 else "SUCCESS") for n in range(8)))

    page = await store.tasks(TaskQuery(search=parse_search("state:failure"), limit=2))

    assert (page.total, page.filtered, len(page.rows), page.exact) == (8, 3, 2, True)


@pytest.mark.parametrize(
    ("offset", "limit", "told", "matching"),
    [
        (0, 2, 1, (2, False)),
        (1, 2, 1, (3, False)),
        (0, 2, 7, (7, False)),
        (0, 5, 1, (3, True)),
        (2, 5, 9, (3, True)),
        (9, 5, 1, (1, False)),
        (0, 0, 1, (1, False)),
    ],
)
async def test_a_page_never_says_fewer_match_than_it_has(
    store, monkeypatch, offset, limit, told, matching
):
    for engine in (TantivyEngine, SqlEngine, PostgresEngine):  # a small store counts exactly
        monkeypatch.setattr(engine, "page", about(engine.page, told))
    observe(store, *(task(f"u{number}") for number in range(3)))

    found = await store.tasks(TaskQuery(offset=offset, limit=limit))

    assert (found.filtered, found.exact) == matching


def about(page, told):
    def estimated(*asked):
        return replace(page(*asked), filtered=told, exact=False)

    return estimated


async def test_a_record_has_flowers_31_keys_in_its_order(store):
    observe(store, task("u", name="n", root_id="r", parent_id="p", worker=Worker("w@box")))

    record = (await store.task("u")).record()

    assert " ".join(record) == (
        "uuid name state received sent started rejected succeeded failed retried revoked args"
        " kwargs eta expires retries worker result exception timestamp runtime traceback exchange"
        " routing_key clock client root root_id parent parent_id children"
    )
    assert (record["root"], record["parent"], record["worker"]) == ("r", "p", "w@box")
    assert json.dumps(record)


async def test_the_children_of_a_task_are_those_that_name_it_as_parent(store):
    observe(store, task("p"), task("a", parent_id="p"), task("b", parent_id="p"), task("c"))

    assert sorted((await store.task("p")).children) == ["a", "b"]
    assert (await store.task("c")).children == []


async def test_several_tasks_are_read_in_the_order_asked_for_without_the_unknown(store):
    observe(store, task("p"), task("a", parent_id="p"), task("b"))

    rows = await store.those(["b", "gone", "p"])

    assert [(row.uuid, row.children) for row in rows] == [("b", []), ("p", ["a"])]
    assert await store.those([]) == []


async def test_an_unknown_task_is_none(store):
    assert await store.task("nothing") is None


async def test_a_stream_yields_every_task_once_in_order(history):
    store = Store(None, max_tasks=5000, history=history)
    store.start()
    observe(store, *(task(f"u{n:04}", timestamp=float(n)) for n in range(2500)))

    pages = [page async for page in store.stream(TaskQuery())]
    store.stop()

    assert [len(page) for page in pages] == [1000, 1000, 500]
    assert [row.uuid for page in pages for row in page] == [f"u{n:04}" for n in range(2499, -1, -1)]


async def test_a_stream_is_not_shifted_by_tasks_that_come_meanwhile(history):
    store = Store(None, max_tasks=5000, history=history)
    store.start()
    observe(store, *(task(f"u{n:04}", timestamp=float(n)) for n in range(1500)))
    seen = []

    async for page in store.stream(TaskQuery()):
        seen += [row.uuid for row in page]
        observe(store, *(task(f"new{n}", timestamp=1e6) for n in range(500)))
    store.stop()

    assert sorted(seen) == [f"u{n:04}" for n in range(1500)]


async def test_a_stream_of_nothing_yields_nothing(store):
    assert [page async for page in store.stream(TaskQuery(limit=10))] == []


async def test_a_page_without_limit_holds_all(store):
    observe(store, *(task(f"u{n:02}") for n in range(50)))

    page = await store.tasks(TaskQuery(offset=10))

    assert (len(page.rows), page.filtered) == (40, 50)


async def test_past_the_bound_the_oldest_finished_tasks_go_first(history):
    store = Store(None, max_tasks=4, history=history)
    store.start()
    observe(store, task("running", "STARTED", 1.0), *(task(f"u{n}", timestamp=n) for n in (2, 3)))
    await store.tasks(TaskQuery())
    observe(store, task("u4", timestamp=4.0), task("u5", timestamp=5.0))

    assert await uuids(store, sort="timestamp") == ["running", "u3", "u4", "u5"]

    observe(store, *(task(f"r{n}", "STARTED", float(n)) for n in (6, 7, 8, 9)))

    assert await uuids(store, sort="timestamp") == ["r6", "r7", "r8", "r9"]
    store.stop()


async def test_the_bound_holds_over_thousands_of_tasks(history):
    store = Store(None, max_tasks=300, history=history)
    store.start()
    for start in range(0, 3000, 100):
        observe(store, *(task(f"u{n}", timestamp=float(n)) for n in range(start, start + 100)))
        page = await store.tasks(TaskQuery(limit=1))

        assert page.total == min(start + 100, 300)
    store.stop()


def test_without_a_loop_flush_writes(tmp_path, history):
    store = Store(tmp_path / "db", max_tasks=10, history=history)
    store.start()
    observe(store, task("u"))
    store.flush()

    assert store.waiting == 0
    store.stop()


def test_a_restart_finds_tasks_workers_and_counters_again(tmp_path, history):
    box = Worker("w2@box", pid=7, heartbeats=(1.5, 2.5), loadavg=(0.1, 0.2, 0.3), heard_at=2.5)
    first = Worker("w9@box")
    with_all = task("u", "FAILURE", 3.25, name="n", worker=box, retries=2, runtime=0.1, queue="q")
    store = Store(tmp_path / "db", max_tasks=10, history=history)
    store.start()
    store.counters_from({"w9@box": {"worker-online": 1}, "w2@box": {"task-failed": 3}})
    store.observe(heartbeat(first))
    store.observe(change(with_all, worker=box))
    store.observe(change(task("gone", "SENT", worker=Worker("purged@box")), worker=None))
    store.stop()

    store.start()
    restored = store.restored()
    tasks = {one.uuid: one for one in restored.tasks}
    store.stop()

    assert [asdict(worker) for worker in restored.workers] == [asdict(first), asdict(box)]
    assert restored.counters == {"w9@box": {"worker-online": 1}, "w2@box": {"task-failed": 3}}
    assert list(restored.counters) == ["w9@box", "w2@box"]
    progress = tasks["u"].progress  # as the store worked it out
    assert asdict(tasks["u"]) == asdict(with_all) | {
        "worker": restored.workers[1],
        "progress": progress,
        "is_partial": True,  # it was retried: the store knows more of it
    }
    assert tasks["gone"].worker.hostname == "purged@box"


def test_restored_tasks_come_oldest_first_and_within_a_lowered_bound(tmp_path, history):
    store = Store(tmp_path / "db", max_tasks=10, history=history)
    store.start()
    observe(store, *(task(f"u{n}", timestamp=float(n)) for n in range(10)))
    store.stop()

    store = Store(tmp_path / "db", max_tasks=3, history=history)
    store.start()
    found = [one.uuid for one in store.restored().tasks]
    store.stop()

    assert found == ["u7", "u8", "u9"]


def test_a_forgotten_worker_is_not_restored_but_one_that_returned_is(tmp_path, history):
    gone, back = Worker("gone@box"), Worker("back@box")
    store = Store(tmp_path / "db", max_tasks=10, history=history)
    store.start()
    store.counters_from({"gone@box": {"x": 1}, "back@box": {"x": 2}})
    for worker in (gone, back):
        store.observe(heartbeat(worker))
    store.flush()
    for worker in (gone, back):
        store.forgotten(worker.hostname)
    store.observe(heartbeat(back))
    store.stop()

    store.start()
    restored = store.restored()
    store.stop()

    assert [worker.hostname for worker in restored.workers] == ["back@box"]
    assert restored.counters == {"back@box": {"x": 2}}


def test_nothing_is_restored_from_a_temporary_file(store):
    restored = store.restored()

    assert (restored.workers, restored.counters, list(restored.tasks)) == ([], {}, [])


async def test_a_stopped_store_says_so():
    store = Store(None, max_tasks=10)
    store.start()
    store.stop()
    store.stop()

    with pytest.raises(Unavailable, match="not running"):
        await store.task("u")


async def test_a_rerun_names_the_task_it_repeats_whichever_is_known_first(store):
    await store.rerun("again", "first")
    observe(store, task("first", "FAILURE"), task("again"), task("other"))
    await store.rerun("later", "first")
    await store.rerun("other", "unknown")

    first, again, other = [await store.task(uuid) for uuid in ("first", "again", "other")]

    assert (first.rerun_of, sorted(first.reruns)) == (None, ["again", "later"])
    assert (again.rerun_of, again.reruns) == ("first", [])
    assert other.rerun_of == "unknown"


async def test_a_forgotten_task_is_no_rerun_any_more(store):
    observe(store, task("first"), task("again"))
    await store.rerun("again", "first")

    assert await store.forget_task("again")

    assert (await store.task("first")).reruns == []


async def test_a_rerun_that_cannot_be_noted_is_only_logged(tmp_path, caplog):
    store = Store(tmp_path / "db", max_tasks=100)
    store.start()
    with closing(sqlite3.connect(f"{tmp_path}/db.sqlite3")) as other:
        other.execute("ALTER TABLE rerun RENAME TO elsewhere")

    with caplog.at_level("WARNING"):
        await store.rerun("again", "first")
    store.stop()

    assert "again is a rerun of first, which could not be noted" in caplog.text


async def test_a_rerun_while_the_history_is_closed_is_only_logged(tmp_path, caplog):
    store = Store(tmp_path / "db", max_tasks=100)

    with caplog.at_level("WARNING"):
        await store.rerun("again", "first")  # it has been published all the same

    assert "again is a rerun of first, which could not be noted" in caplog.text


def test_an_opening_that_fails_half_way_does_not_lock_out_the_next_one(tmp_path, monkeypatch):
    def fails(*_, **__):
        raise sqlite3.OperationalError("database or disk is full")

    store = Store(tmp_path / "db", max_tasks=100)
    with monkeypatch.context() as patched:
        patched.setattr("flower_ng.store.beside.BesideTasks.open", fails)
        with pytest.raises(sqlite3.OperationalError, match="full"):
            store.start()

    store.start()
    assert store.is_persistent
    store.stop()
