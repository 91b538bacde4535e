import hashlib
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery.events import state as celery

from flower_ng.errors import FlowerError
from flower_ng.records import Worker
from flower_ng.store import Store, TaskQuery, found_at
from flower_ng.store.tables.timeline import attempts, events
from tests.services import Dashboard, running
from tests.store.making import change, task
from tests.store.shelves import NDBM, REAL, TASKS, copied, said, shelf, state


@contextmanager
def started(path, **options):
    store = Store(path, **{"max_tasks": 200_000, **options})
    store.start()
    try:
        yield store
    finally:
        store.stop()


@pytest.fixture
def store(tmp_path):
    with started(tmp_path / "ours") as one:
        yield one


@pytest.fixture(params=REAL)
def real(request, tmp_path):
    return copied(request.param, tmp_path)


async def rows(store):
    return {row.uuid: row for row in (await store.tasks(TaskQuery())).rows}


def hosts(store):
    kept = store.restored()
    list(kept.tasks)
    return kept


@pytest.mark.parametrize("name", REAL)
async def test_every_field_of_every_task_is_as_flowers_api_said_it(name, tmp_path, store):
    done = store.import_flower(found_at(copied(name, tmp_path)))

    records = {uuid: row.record() for uuid, row in (await rows(store)).items()}
    assert records == said(name)["tasks"]
    assert (done.tasks, done.workers, done.left_out) == (TASKS, 1, {})


async def test_ndbm_is_read_with_pythons_module_or_the_package_is_named(tmp_path, store):
    shelf = found_at(copied(NDBM, tmp_path))

    if has_ndbm():
        store.import_flower(shelf)
        records = {uuid: row.record() for uuid, row in (await rows(store)).items()}
        assert records == said(NDBM)["tasks"]
    else:
        with pytest.raises(FlowerError, match="package libpython3-stdlib"):
            store.import_flower(shelf)


def has_ndbm():
    try:
        import dbm.ndbm  # noqa: F401, PLC0415 - whether it is there is the question
    except ImportError:
        return False
    return True


async def test_a_history_in_postgresql_takes_the_same(tmp_path, postgres):
    with started(None, history=postgres.new_database()) as store:
        store.import_flower(found_at(copied("2.2.0-sqlite", tmp_path)))

        records = {uuid: row.record() for uuid, row in (await rows(store)).items()}
        assert records == said("2.2.0-sqlite")["tasks"]
        assert hosts(store).counters["w1@box"]["task-received"] == TASKS


def test_workers_come_with_their_software_and_heartbeats(store, real):
    store.import_flower(found_at(real))

    (worker,) = hosts(store).workers
    assert (worker.hostname, worker.sw_ident, worker.sw_sys) == ("w1@box", "py-celery", "Linux")
    assert len(worker.heartbeats) == 4
    assert worker.beat_at == worker.heard_at == worker.heartbeats[-1]


def test_counters_come_with_publishers(store, tmp_path):
    store.import_flower(found_at(copied("2.2.0-sqlite", tmp_path)))

    counters = hosts(store).counters
    assert counters["w1@box"]["task-received"] == TASKS
    assert sum(counts.get("task-sent", 0) for counts in counters.values()) == TASKS + 1


async def test_the_times_that_flower_kept_are_the_timeline(store, real):
    store.import_flower(found_at(real))

    flaky = next(row for row in (await rows(store)).values() if row.name == "shop.flaky")
    row = await store.task(flaky.uuid)
    told = events(row.timeline)
    types = ["sent", "retried", "received", "started", "succeeded"]
    assert [event.type for event in told] == types
    assert [one.outcome for one in attempts(told)] == ["RETRY", "SUCCESS"]
    assert told[1].exception == "OSError('not yet')"


def test_flowers_file_is_as_it_was(store, real):
    before = state_of(real.parent)

    store.import_flower(found_at(real))

    assert state_of(real.parent) == before


def state_of(folder):
    return {
        path.name: (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns)
        for path in folder.iterdir()
        if path.is_file()
    }


def test_a_file_in_a_folder_that_may_not_be_written_is_read(store, real):
    for path in (*real.parent.iterdir(), real.parent):
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        assert store.import_flower(found_at(real)).tasks == TASKS
    finally:
        real.parent.chmod(0o755)


async def test_a_task_that_is_known_is_never_moved_back_and_gets_what_it_lacked(store, tmp_path):
    store.observe(change(task("u", "SUCCESS", timestamp=20.0, result="7")))
    store.flush()
    old = {"uuid": "u", "state": "STARTED", "timestamp": 10.0, "started": 10.0, "name": "shop.add"}

    store.import_flower(found_at(shelf(tmp_path / "flower", state(old))))

    row = (await rows(store))["u"]
    assert (row.state, row.timestamp, row.result) == ("SUCCESS", 20.0, "7")
    assert (row.started, row.name) == (10.0, "shop.add")


async def test_twice_is_once(store, tmp_path):
    found = found_at(copied("2.2.0-sqlite", tmp_path))
    store.import_flower(found)
    once = await rows(store), hosts(store).counters

    store.import_flower(found)

    again = await rows(store), hosts(store).counters
    assert {uuid: row.record() for uuid, row in again[0].items()} == {
        uuid: row.record() for uuid, row in once[0].items()
    }
    assert again[1] == once[1]


def test_of_two_counts_the_greater_stays_and_a_known_worker_is_left_alone(store, tmp_path):
    ours = Worker("w@box", pid=2, processed=9)
    store.counters_from({"w@box": {"task-sent": 5, "task-received": 1}})
    store.observe(change(task("t"), worker=ours))
    store.flush()
    theirs = celery.Worker("w@box", pid=1), celery.Worker("v@box", pid=3)
    counter = {"w@box": {"task-received": 4, "task-failed": 2}}

    store.import_flower(found_at(shelf(tmp_path / "flower", state(workers=theirs), counter)))

    kept = hosts(store)
    assert [(worker.hostname, worker.pid) for worker in kept.workers] == [
        ("w@box", 2),
        ("v@box", 3),
    ]
    assert kept.counters == {"w@box": {"task-sent": 5, "task-received": 4, "task-failed": 2}}


async def test_no_more_tasks_are_kept_than_the_bound_the_newest_of_them(tmp_path):
    old = [{"uuid": f"u{at}", "state": "SUCCESS", "timestamp": float(at)} for at in (3, 1, 2, 4)]
    with started(tmp_path / "ours", max_tasks=2) as store:
        store.import_flower(found_at(shelf(tmp_path / "flower", state(*old))))

        assert set(await rows(store)) == {"u3", "u4"}


def test_where_there_is_no_file_of_flowers_the_error_says_what_to_name(tmp_path):
    with pytest.raises(FlowerError, match="name what its option db named"):
        found_at(tmp_path / "nothing")


async def test_at_the_start_the_file_that_db_names_is_imported_once(real):
    with started(real) as store:
        store.import_once()
        first = await rows(store)
        uuid = next(iter(first))
        assert await store.forget_task(uuid)
    with started(real) as store:
        store.import_once()
        again = await rows(store)

    assert len(first) == TASKS
    assert first.keys() - again.keys() == {uuid}


async def test_at_the_start_a_file_that_flower_wrote_anew_is_imported_again(tmp_path):
    db = shelf(tmp_path / "flower", state({"uuid": "a", "timestamp": 1.0}))
    with started(db) as store:
        store.import_once()
    shelf(db, state({"uuid": "a", "timestamp": 1.0}, {"uuid": "b", "timestamp": 2.0}))
    with started(db) as store:
        store.import_once()

        assert set(await rows(store)) == {"a", "b"}


async def test_at_the_start_an_unusable_file_is_warned_about_and_left_alone(tmp_path, caplog):
    db = shelf(tmp_path / "flower", b"no pickle")
    before = state_of(tmp_path)
    with started(db) as store:
        store.import_once()
        warnings, found = list(store.warnings), await rows(store)

    assert found == {}
    assert len(warnings) == 1
    assert f"{db}.dat (dumb) could not be read: it is damaged" in warnings[0]
    assert warnings[0] in caplog.text
    assert before.items() <= state_of(tmp_path).items()


@pytest.fixture
def occupied(tmp_path):
    """A shelf whose place for our own file is taken."""
    db = shelf(tmp_path / "flower", state({"uuid": "a", "timestamp": 1.0}))
    Path(f"{db}.sqlite3").write_text("not ours")
    return db


async def test_at_the_start_nothing_is_imported_into_what_does_not_last(occupied):
    with started(occupied, optional=True) as store:
        store.import_once()

        assert await rows(store) == {}


def test_a_dashboard_in_flowers_place_shows_what_flower_did(tmp_path):
    db = copied("2.2.0-sqlite", tmp_path)
    options = ("--persistent", f"--db={db}")

    with running(Dashboard(tmp_path, "memory://", options=options)) as dashboard:
        tasks = dashboard.get("/api/tasks")
        workers = dashboard.get("/workers", json=1)["data"]

    assert tasks == said("2.2.0-sqlite")["tasks"]
    assert [(row["hostname"], row["task-received"]) for row in workers] == [("w1@box", TASKS)]
