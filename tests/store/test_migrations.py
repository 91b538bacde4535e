import asyncio
import sqlite3

import pytest

from flower_ng.errors import SettingsError
from flower_ng.store import Store, TaskQuery
from flower_ng.store.tables.schema import STORED, VERSION
from tests.store.making import change, task

#: The tables as 0.1.0 made them, which is version 4.
TEXTS = """uuid name state args kwargs eta expires worker result exception exchange routing_key
    client root_id parent_id queue exception_class"""
TASK_4 = """CREATE TABLE task (id INTEGER PRIMARY KEY, uuid TEXT, name TEXT, state TEXT,
    received REAL, sent REAL, started REAL, rejected REAL, succeeded REAL, failed REAL,
    retried REAL, revoked REAL, args TEXT, kwargs TEXT, eta TEXT, expires TEXT, retries INTEGER,
    worker TEXT, result TEXT, exception TEXT, timestamp REAL, runtime REAL, traceback INTEGER,
    exchange TEXT, routing_key TEXT, clock INTEGER, client TEXT, root_id TEXT, parent_id TEXT,
    queue TEXT, precedence INTEGER, retry_passed INTEGER, pairs TEXT, exception_class TEXT,
    exception_line TEXT, timeline TEXT, events INTEGER, {twins}, UNIQUE (uuid))"""
VERSION_4 = (
    TASK_4.format(twins=", ".join(f"{name}_folded TEXT" for name in TEXTS.split())),
    "CREATE INDEX task_newest ON task (timestamp, uuid, state)",
    "CREATE INDEX task_received ON task (received, uuid)",
    "CREATE INDEX task_children ON task (parent_id) WHERE parent_id IS NOT NULL",
    "CREATE INDEX task_traceback ON task (traceback) WHERE traceback IS NOT NULL",
    "CREATE TABLE traceback (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",
    "CREATE TABLE sealed (id INTEGER NOT NULL, epoch INTEGER NOT NULL)",
    "INSERT INTO sealed VALUES (0, 0)",
    "CREATE TABLE stale (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL)",
    "CREATE TABLE rerun (uuid TEXT PRIMARY KEY, rerun_of TEXT NOT NULL)",
    "CREATE INDEX rerun_of ON rerun (rerun_of)",
    """CREATE TABLE gap (began REAL, why TEXT, writer TEXT, ended REAL, lost INTEGER,
    PRIMARY KEY (began, why, writer))""",
    "CREATE TABLE worker (hostname TEXT PRIMARY KEY, record TEXT NOT NULL)",
    "CREATE TABLE counter (hostname TEXT PRIMARY KEY, counts TEXT NOT NULL)",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
    "INSERT INTO meta VALUES ('schema', '4')",
    "PRAGMA application_id = 1718382183",
    "PRAGMA user_version = 4",
)
TASKS = """INSERT INTO task (id, uuid, name, name_folded, state, state_folded, parent_id, started,
    succeeded, timestamp, clock, precedence, retry_passed, exception, exception_class,
    exception_line, traceback, events) VALUES
    (3, 'a', 'Shop', 'shop', 'FAILURE', 'failure', NULL, 2.0, NULL, 5.25, 1, 4, 0,
     'ValueError(1)', 'ValueError', 'ValueError(1)', 7, 0),
    (4, 'b', 'shop', NULL, 'RETRY', 'retry', 'b', 2.0, 3.0, 6.5, 1, 4, 0, NULL, NULL, NULL, NULL,
     0),
    (9, 'c', 'shop', NULL, 'RETRY', 'retry', NULL, 2.0, NULL, 7.5, 1, 0, 0, NULL, NULL, NULL, NULL,
     0)"""


@pytest.fixture
def old(tmp_path):
    """A file of version 4 with three tasks; `<db>` of it."""
    connection = sqlite3.connect(f"{tmp_path}/db.sqlite3", isolation_level=None)
    for statement in (*VERSION_4, "INSERT INTO traceback VALUES (7, 'At x')", TASKS):
        connection.execute(statement)
    connection.close()
    return tmp_path / "db"


@pytest.fixture
def connection(old):
    """A connection to it."""
    made = sqlite3.connect(f"{old}.sqlite3", isolation_level=None)
    yield made
    made.close()


async def test_a_file_of_version_4_is_brought_forward_and_goes_on(old):
    store = Store(old, max_tasks=100)
    store.start()
    assert store.warnings == []
    a, b, c = (await store.tasks(TaskQuery(sort="uuid"))).rows

    assert (a.name, a.state, a.timestamp, a.traceback) == ("Shop", "FAILURE", 5.25, "At x")
    assert [row.exception_class for row in (a, b, c)] == ["ValueError", None, None]
    assert [row.original_name for row in (a, b, c)] == [None, None, None]
    assert (b.traceback, c.traceback, c.events_left_out) == (None, None, 0)

    store.observe(change(task("a", "FAILURE", 8.0, exception="KeyError()")))
    (row,) = (await store.tasks(TaskQuery(name="SHOP", sort="timestamp", limit=1, offset=2))).rows
    store.stop()
    assert (row.uuid, row.exception_class, row.traceback) == ("a", "KeyError", "At x")


def test_a_file_brought_forward_has_the_version_and_the_columns_of_a_new_one(old, connection):
    store = Store(old, max_tasks=100)
    store.start()
    store.stop()

    columns = connection.execute("SELECT name, type FROM pragma_table_info('task')").fetchall()
    assert STORED.items() <= dict(columns).items()
    version = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    assert version == (str(VERSION),)
    assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)


async def test_what_0_1_0_kept_is_repaired_after_a_file_of_version_4_is_brought_forward(old):
    store = Store(old, max_tasks=100)
    store.start()
    assert store.repaired == 0

    store.begin()
    while store.repaired is not None:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.02)

    rows = (await store.tasks(TaskQuery(sort="uuid"))).rows
    assert [(row.state, row.parent_id) for row in rows] == [
        ("FAILURE", None),
        ("SUCCESS", None),
        ("RETRY", None),
    ]
    store.stop()


def test_a_step_that_fails_leaves_the_file_as_it_was(old, connection):
    connection.execute("DROP TABLE meta")
    connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY)")
    store = Store(old, max_tasks=100)

    with pytest.raises(SettingsError, match="meta has 1 columns"):
        store.start()

    columns = connection.execute("SELECT name FROM pragma_table_info('task')").fetchall()
    assert ("original_name",) not in columns
    assert connection.execute("PRAGMA user_version").fetchone() == (4,)
    assert connection.execute("SELECT count(*) FROM task").fetchone() == (3,)


@pytest.mark.parametrize("version", [0, 1, 3])
def test_a_file_from_before_the_first_release_is_left_alone(old, connection, version):
    connection.execute(f"PRAGMA user_version = {version}")
    store = Store(old, max_tasks=100)

    with pytest.raises(SettingsError, match=r"before flower_ng 0\.1\.0 .* start 0\.1\.0 with it"):
        store.start()

    assert connection.execute("SELECT count(*) FROM task").fetchone() == (3,)
