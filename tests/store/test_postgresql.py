"""What is PostgreSQL's alone: sharing it, its outages, whose it is. The rest is in other tests."""

import asyncio
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from random import randrange

import psycopg
import pytest

from flower_ng.errors import SettingsError, Unavailable
from flower_ng.monitor.state.state import ClusterState
from flower_ng.records import Worker
from flower_ng.reports import LOG_LENGTH, read
from flower_ng.store import Store, TaskQuery
from flower_ng.store.backends.postgresql import opened_database
from flower_ng.store.reading.threads import Reader
from flower_ng.store.tables.dialect import EndedError, StoreError
from tests.store.making import change, heartbeat, task


@pytest.fixture
def url(postgres):
    return postgres.new_database()


@contextmanager
def started(url, **options):
    store = Store(None, history=url, **{"max_tasks": 10_000} | options)
    store.start()
    try:
        yield store
    finally:
        store.stop()


def observe(store, *tasks):
    for one in tasks:
        store.observe(change(one))


async def uuids(store):
    return sorted(row.uuid for row in (await store.tasks(TaskQuery())).rows)


async def until(happened, timeout_s=15.0):
    end = time.monotonic() + timeout_s
    while not await happened():
        assert time.monotonic() < end, happened
        await asyncio.sleep(0.05)


async def test_lines_that_two_dashboards_wrote_are_there_once_and_their_text_is_bounded(url):
    with started(url) as one, started(url) as other:
        states = [ClusterState(observers=(store,)) for store in (one, other)]
        for number in range(40):
            event = {
                "type": "task-log",
                "hostname": "w1@box",
                "uuid": "a",
                "timestamp": 2.0 + number,
            }
            for state, store in zip(states, (one, other), strict=True):
                state.event({**event, "message": f"{number} " + "é" * 990})
                store.flush()
        row = await one.task("a")

    lines, is_cut = read(row.log)
    assert (len(row.log), is_cut) == (LOG_LENGTH, True)
    assert [int(line.message.split()[0]) for line in lines] == list(range(40 - len(lines), 40))


async def test_what_one_dashboard_wrote_others_read(url):
    with started(url) as one, started(url) as other:
        observe(one, task("a", name="n"))
        one.flush()
        observe(other, task("b"))

        assert await uuids(other) == ["a", "b"]
        assert (await other.task("a")).name == "n"
        assert one.status().kind == "postgresql"


def test_dashboards_that_start_at_once_make_the_tables_once(url):
    def start(number):
        with started(url) as store:
            observe(store, task(f"u{number}"))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(start, range(6)))

    with started(url) as store:
        assert [one.uuid for one in store.restored(100).tasks] == [f"u{n}" for n in range(6)]


async def test_dashboards_of_one_broker_write_the_same_tasks_and_never_fail(url):
    workers = [Worker(f"w{n}@box") for n in range(20)]

    def write(backwards):
        numbers = range(499, -1, -1) if backwards else range(500)
        with started(url) as store:
            for round_ in range(3):
                for state in ("RECEIVED", "STARTED", "SUCCESS"):
                    observe(store, *(task(f"u{n:04}", state, float(round_)) for n in numbers))
                for worker in workers[:: -1 if backwards else 1]:
                    store.observe(heartbeat(worker))
                store.flush()
            return store.failures

    with ThreadPoolExecutor(3) as threads:
        failures = list(threads.map(write, [True, False, True]))

    with started(url) as store:
        assert await store.count(TaskQuery(state="SUCCESS")) == 500
        assert len(store.restored(1).workers) == 20
    assert failures == [0, 0, 0]


async def test_one_of_several_dashboards_keeps_the_bounds(url):
    with started(url, max_tasks=50) as first, started(url, max_tasks=50) as second:
        observe(first, *(task(f"a{n:02}", timestamp=float(n)) for n in range(80)))
        assert (await first.tasks(TaskQuery(limit=1))).total == 50
        observe(second, *(task(f"b{n:02}", timestamp=100.0 + n) for n in range(60)))
        second.flush()
        assert (await second.tasks(TaskQuery(limit=1))).total == 110
        observe(first, task("new", timestamp=200.0))

        first.flush()

        assert await uuids(second) == [*(f"b{n:02}" for n in range(11, 60)), "new"]
        assert first.status().deleted["max_tasks"] == 91
        assert second.status().deleted["max_tasks"] == 0


async def test_when_the_one_that_keeps_the_bounds_ends_another_does(url):
    with started(url, max_tasks=50) as second:
        with started(url, max_tasks=50) as first:
            observe(first, *(task(f"a{n:02}", timestamp=float(n)) for n in range(60)))
            first.flush()
        observe(second, *(task(f"b{n:02}", timestamp=100.0 + n) for n in range(60)))

        async def is_narrowed():  # as soon as PostgreSQL has seen that the other one went
            observe(second, task("b59", timestamp=159.0))
            return (await second.tasks(TaskQuery(limit=1))).total == 50

        await until(is_narrowed)


async def test_when_the_database_is_away_nothing_is_lost_and_it_is_said(own_postgres):
    with started(own_postgres.new_database()) as store:
        observe(store, task("before"))
        assert await uuids(store) == ["before"]

        own_postgres.stop()
        observe(store, *(task(f"u{n:04}") for n in range(3000)))
        await asyncio.sleep(0.5)
        with pytest.raises(Unavailable, match="cannot be read"):
            await store.task("before")
        assert "cannot be written" in store.failing
        assert store.waiting == 3000

        own_postgres.start()

        async def all_arrived():
            return store.failing is None and store.waiting == 0

        await until(all_arrived)
        assert len(await uuids(store)) == 3001
        assert store.lost == 0


async def test_a_connection_that_was_ended_is_replaced_unseen(postgres, url):
    with started(url) as store:
        observe(store, task("a"))
        assert await uuids(store) == ["a"]
        postgres.say(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{url.rpartition('/')[2]}'"
        )
        observe(store, task("b"))

        assert await uuids(store) == ["a", "b"]
        assert store.failures == 0


async def test_a_query_that_takes_too_long_is_ended_on_the_server(url):
    database = opened_database(url, warn=print)
    reader = Reader(database.connect, limit_s=0.2)

    with pytest.raises(Unavailable, match=r"longer than 0\.2 s"):
        await reader.row("SELECT pg_sleep(60)")

    assert (await reader.row(SLEEPING))[0] == 0
    reader.close()
    database.close()


async def test_a_query_is_ended_on_the_server_when_its_asker_leaves(url):
    database = opened_database(url, warn=print)
    reader = Reader(database.connect, limit_s=60)
    askers = [asyncio.create_task(reader.row("SELECT pg_sleep(60)")) for _ in range(4)]
    await asyncio.sleep(0.1)
    for asker in askers:
        asker.cancel()

    async def none_sleeps():
        return (await reader.row(SLEEPING))[0] == 0

    await until(none_sleeps, 3.0)
    reader.close()
    database.close()


def test_a_write_that_takes_too_long_is_ended_and_leaves_the_connection_usable(url):
    database = opened_database(url, warn=print)

    with closing(database.connect(writes=True, limit_s=0.2)) as connection:
        with pytest.raises(EndedError):
            connection.execute("SELECT pg_sleep(60)")

        assert connection.execute("SELECT 1").fetchone() == (1,)
    database.close()


def test_a_server_that_stopped_answering_is_left_for_a_new_connection(url):
    database = opened_database(url, warn=print)

    with closing(database.connect(writes=True, limit_s=0.2)) as connection:
        (stuck,) = connection.execute("SELECT pg_backend_pid()").fetchone()
        os.kill(stuck, signal.SIGSTOP)
        try:
            (other,) = connection.execute("SELECT pg_backend_pid()").fetchone()
        finally:
            os.kill(stuck, signal.SIGCONT)

    assert other != stuck
    database.close()


def test_readers_cannot_write(url):
    database = opened_database(url, warn=print)

    with (
        closing(database.connect()) as connection,
        pytest.raises(StoreError, match="read-only"),
    ):
        connection.execute("DELETE FROM task")
    database.close()


def test_a_number_that_no_column_takes_does_not_hold_up_the_rest(url):
    with started(url) as store:
        observe(store, task("huge", clock=2**70), task("nul", args="a\0b"), task("lone\ud800"))
        store.flush()

        assert (store.failing, store.lost) == (None, 0)
        assert [one.uuid for one in store.restored(10).tasks] == ["huge", "lone?", "nul"]


async def test_a_task_whose_texts_no_index_takes_is_lost_alone(url):
    with started(url) as store:
        name = "".join(chr(randrange(0x4E00, 0x9FFF)) for _ in range(4000))
        observe(store, *(task(f"u{n}") for n in range(5)), task("long", name=name), task("v"))
        store.flush()

        assert await uuids(store) == ["u0", "u1", "u2", "u3", "u4", "v"]
        assert (store.lost, store.failing) == (1, None)


def test_indexes_that_are_not_needed_any_more_make_room_for_those_that_are(postgres, url):
    database = url.rpartition("/")[2]
    opened_database(url, warn=print).close()
    postgres.say("DROP INDEX task_listed; CREATE INDEX task_by_state ON task (state)", database)

    opened_database(url, warn=print).close()

    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'task'")
        names = {name for (name,) in found.fetchall()}
    assert {"task_listed", "task_texts"} <= names
    assert "task_by_state" not in names


async def test_the_number_of_tasks_is_right_whoever_writes(postgres, url):
    database = url.rpartition("/")[2]
    with started(url) as store, started(url) as other:
        observe(store, task("a"), task("b"))
        store.flush()
        observe(other, task("b"), task("c"))
        other.flush()
        postgres.say("DELETE FROM task WHERE uuid = 'a'", database)
        postgres.say("INSERT INTO task (uuid, state) VALUES ('x', 'SENT'), ('y', 'SENT')", database)

        assert (await store.tasks(TaskQuery(limit=1))).total == 4

        await store.forget_task("c")
        assert (await other.tasks(TaskQuery(limit=1))).total == 3

        postgres.say("TRUNCATE task", database)
        assert (await store.tasks(TaskQuery(limit=1))).total == 0


@pytest.mark.parametrize(
    "before",
    ["DROP TABLE task_total; DROP FUNCTION task_total_kept CASCADE", "DROP TABLE task_total",
     "UPDATE task_total SET tasks = 77"],
)  # fmt: skip
async def test_the_number_of_tasks_is_right_from_the_start(postgres, url, before):
    with started(url) as store:
        observe(store, task("a"), task("b"))
    postgres.say(before, url.rpartition("/")[2])

    with started(url) as store:
        observe(store, task("c"))
        store.flush()

        assert (await store.tasks(TaskQuery(limit=1))).total == 3


def test_a_newer_schema_is_refused(postgres, url):
    with started(url):
        pass
    postgres.say("UPDATE meta SET value = '99'", url.rpartition("/")[2])

    with pytest.raises(SettingsError, match=r"newer flower_ng \(schema 99.*upgrade"):
        opened_database(url, warn=print)


def test_tables_of_others_are_left_alone(postgres, url):
    postgres.say("CREATE TABLE task (x int)", url.rpartition("/")[2])

    with pytest.raises(SettingsError, match="not made by flower_ng"):
        opened_database(url, warn=print)


def test_each_schema_of_a_database_holds_a_history_of_its_own(postgres, url):
    postgres.say("CREATE SCHEMA east", url.rpartition("/")[2])
    with started(url) as store:
        observe(store, task("here"))

    with started(f"{url}?options=-csearch_path%3Deast") as east:
        assert list(east.restored(10).tasks) == []


@pytest.mark.parametrize(
    "url",
    ["mysql://user:hush@host/db", "postgresql://user:hush@host", "nonsense", "postgresql://h:x/d"],
)
def test_what_is_no_url_of_a_database_is_refused_without_repeating_it(url):
    with pytest.raises(SettingsError, match="not a URL such as postgresql://") as refused:
        opened_database(url, warn=print)

    assert "hush" not in str(refused.value)


def test_a_database_that_is_away_at_the_start_is_named_without_its_password():
    url = "postgresql://user:hush@127.0.0.1:1/db?sslpassword=hush"

    with pytest.raises(SettingsError, match=r"user:\*\*\*@127\.0\.0\.1:1/db.*refused") as refused:
        opened_database(url, warn=print)

    assert "hush" not in str(refused.value)


def test_without_the_extra_it_says_what_to_install(monkeypatch, url):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for name in ("postgresql", "postgresql_connection"):
        monkeypatch.delitem(sys.modules, f"flower_ng.store.backends.{name}", raising=False)

    with pytest.raises(SettingsError, match=r"pip install 'flower-ng\[postgresql\]'"):
        Store(None, max_tasks=1, history=url).start()


def test_without_pg_trgm_searches_go_through_all_tasks_and_it_is_said(postgres, url):
    name = url.rpartition("/")[2]
    postgres.say("CREATE ROLE plain LOGIN")
    postgres.say("GRANT CREATE ON SCHEMA public TO plain", name)

    with started(url.replace("postgres:", "plain:")) as store:
        observe(store, task("u", args="('needle',)"))
        warnings = store.warnings

    assert any("pg_trgm" in warning for warning in warnings)


#: How many of this database's connections sleep.
SLEEPING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND state = 'active' AND query LIKE 'SELECT pg_sleep%'"
)


def test_tables_of_an_older_version_get_the_columns_that_they_lack(postgres, url):
    with started(url) as store:
        observe(store, task("old"))
    database = url.rpartition("/")[2]
    postgres.say(
        "ALTER TABLE task DROP COLUMN original_name; UPDATE meta SET value = '4'", database
    )

    with started(url) as store:
        observe(store, task("new", original_name="shop.first"))
        store.flush()

        kept = {one.uuid: one.original_name for one in store.restored(10).tasks}
        assert kept == {"old": None, "new": "shop.first"}
