import sqlite3

import pytest

from flower_ng.store import Store, TaskQuery
from flower_ng.store.backends.migrations import migrate
from flower_ng.store.tables.schema import VERSION
from flower_ng.store.writing.repair import Repair
from tests.store.making import change, task

#: The tables as version 1 made them.
TEXTS = """uuid name state args kwargs eta expires worker result exception traceback exchange
    routing_key client root_id parent_id queue"""
TASK_1 = """CREATE TABLE task (id INTEGER PRIMARY KEY, uuid TEXT, name TEXT, state TEXT,
    received REAL, sent REAL, started REAL, rejected REAL, succeeded REAL, failed REAL,
    retried REAL, revoked REAL, args TEXT, kwargs TEXT, eta TEXT, expires TEXT, retries INTEGER,
    worker TEXT, result TEXT, exception TEXT, timestamp REAL, runtime REAL, traceback TEXT,
    exchange TEXT, routing_key TEXT, clock INTEGER, client TEXT, root_id TEXT, parent_id TEXT,
    queue TEXT, precedence INTEGER, retry_passed INTEGER, pairs TEXT, {twins}, UNIQUE (uuid))"""
VERSION_1 = (
    TASK_1.format(twins=", ".join(f"{name}_folded TEXT" for name in TEXTS.split())),
    "CREATE INDEX task_newest ON task (timestamp, uuid, state)",
    "CREATE INDEX task_children ON task (parent_id) WHERE parent_id IS NOT NULL",
    "CREATE TABLE worker (hostname TEXT PRIMARY KEY, record TEXT NOT NULL)",
    "CREATE TABLE counter (hostname TEXT PRIMARY KEY, counts TEXT NOT NULL)",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
    "INSERT INTO meta VALUES ('schema', '1')",
    "PRAGMA application_id = 1718382183",
    "PRAGMA user_version = 1",
)
TASKS = """INSERT INTO task (id, uuid, name, name_folded, state, timestamp, clock, precedence,
    retry_passed, exception, traceback, traceback_folded) VALUES
    (3, 'a', 'Shop', 'shop', 'FAILURE', 5.25, 1, 4, 0, 'ValueError(1)', 'At x', 'at x'),
    (4, 'b', 'shop', NULL, 'FAILURE', 6.5, 1, 4, 0, 'odd', 'At x', 'at x'),
    (9, 'c', 'shop', NULL, 'SUCCESS', 7.5, 1, 0, 0, NULL, NULL, NULL)"""


@pytest.fixture
def old(tmp_path):
    """A file of version 1 with three tasks; `<db>` of it."""
    connection = sqlite3.connect(f"{tmp_path}/db.sqlite3", isolation_level=None)
    for statement in (*VERSION_1, TASKS):
        connection.execute(statement)
    connection.close()
    return tmp_path / "db"


async def test_a_file_of_version_1_is_brought_forward_and_goes_on(old):
    store = Store(old, max_tasks=100)
    store.start()
    assert store.warnings == []
    a, b, c = (await store.tasks(TaskQuery(sort="uuid"))).rows

    assert (a.name, a.state, a.timestamp, a.traceback) == ("Shop", "FAILURE", 5.25, "At x")
    assert [row.exception_class for row in (a, b, c)] == ["ValueError", None, None]
    assert [row.exception_line for row in (a, b, c)] == ["ValueError(1)", "odd", None]
    assert (b.traceback, c.traceback, c.events_left_out) == ("At x", None, 0)

    store.observe(change(task("a", "FAILURE", 8.0, exception="KeyError()")))
    (row,) = (await store.tasks(TaskQuery(name="SHOP", sort="timestamp", limit=1, offset=2))).rows
    store.stop()
    assert (row.uuid, row.exception_class, row.traceback) == ("a", "KeyError", "At x")


def test_a_file_brought_forward_has_the_tables_of_a_new_one(old, tmp_path):
    shapes = []
    for db in (old, tmp_path / "new"):
        store = Store(db, max_tasks=100)
        store.start()
        store.stop()
        connection = sqlite3.connect(f"{db}.sqlite3")
        shape = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name")
        shapes.append([row for row in shape.fetchall() if row[1] != "rollup"])
        assert connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchall() == [
            (str(VERSION),)
        ]
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        connection.close()

    assert shapes[0] == shapes[1]


def test_a_step_that_fails_leaves_the_file_as_it_was(old):
    connection = sqlite3.connect(f"{old}.sqlite3", isolation_level=None)
    connection.execute("CREATE TABLE traceback (in_the_way)")

    with pytest.raises(sqlite3.Error, match="already exists"):
        migrate(connection, 1)

    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert connection.execute("SELECT count(*) FROM task").fetchone() == (3,)
    connection.close()


def test_a_file_of_version_2_loses_its_triggers(old):
    connection = sqlite3.connect(f"{old}.sqlite3", isolation_level=None)
    migrate(connection, 1)
    for event in ("INSERT", "UPDATE", "DELETE"):
        connection.execute(
            f"CREATE TRIGGER task_{event.lower()} AFTER {event} ON task BEGIN SELECT 1; END"
        )
    migrate(connection, 2)

    triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    assert triggers.fetchall() == []
    connection.close()


def test_a_file_of_version_4_gets_the_columns_that_it_lacks(old):
    connection = sqlite3.connect(f"{old}.sqlite3", isolation_level=None)
    migrate(connection, 1)
    for column in ("original_name", "original_name_folded"):
        connection.execute(f"ALTER TABLE task DROP COLUMN {column}")

    migrate(connection, 4)

    names = connection.execute("SELECT uuid, original_name FROM task ORDER BY uuid").fetchall()
    assert names == [("a", None), ("b", None), ("c", None)]
    connection.close()


def test_what_0_1_0_kept_is_repaired_after_a_file_of_version_4_is_brought_forward(old):
    connection = sqlite3.connect(f"{old}.sqlite3", isolation_level=None)
    migrate(connection, 1)
    connection.execute("UPDATE task SET state = 'RETRY', parent_id = uuid, started = 2.0")
    connection.execute("UPDATE task SET succeeded = 3.0 WHERE uuid = 'a'")
    connection.execute("DELETE FROM meta WHERE key = 'repair'")
    migrate(connection, 4)
    repair = Repair()
    repair.open(connection)
    assert repair.share == 0

    repair.step(connection)

    rows = connection.execute("SELECT state, parent_id FROM task ORDER BY uuid").fetchall()
    assert rows == [("SUCCESS", None), ("RETRY", None), ("RETRY", None)]
    assert repair.share is None
    connection.close()
