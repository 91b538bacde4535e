"""The table of tasks in each kind of database: what holds for one holds for both."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from typing import Any

import pytest

from flower_ng.records import Task
from flower_ng.store import Store
from flower_ng.store.backends.postgresql import Database, opened_database
from flower_ng.store.tables.dialect import POSTGRESQL
from flower_ng.store.tables.schema import SHARED
from tests.services import Postgres
from tests.store.making import Table

Tables = Callable[..., AbstractContextManager[Table]]


class Connections:
    """What sqlite3 has connected since; a limit of a file's size holds for one connection only."""

    def __init__(self) -> None:
        self.made: list[sqlite3.Connection] = []

    def execute(self, statement: str) -> list[Any]:
        """Have each that is open execute a statement; return the first row of each."""
        rows = []
        for one in self.made:
            with suppress(sqlite3.ProgrammingError):  # it is closed
                rows.append(one.execute(statement).fetchone())
        return rows


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Connections:
    """Hold every connection that sqlite3 makes from now on."""
    made, connect = Connections(), sqlite3.connect

    def connected(*args: Any, **options: Any) -> sqlite3.Connection:
        made.made.append(connect(*args, **options))
        return made.made[-1]

    monkeypatch.setattr(sqlite3, "connect", connected)
    return made


@pytest.fixture(scope="session")
def database(postgres: Postgres) -> Iterator[Database]:
    """One database for all tables, which are emptied for each."""
    made = opened_database(postgres.new_database(), warn=print)
    yield made
    made.close()


@pytest.fixture(scope="session", params=["SQLite", "PostgreSQL"])
def table(request: pytest.FixtureRequest) -> Tables:
    """Open the table, with these tasks in it: `with table(task(…)) as tasks`."""

    @contextmanager
    def opened(*tasks: Task) -> Iterator[Table]:
        made = Table() if request.param == "SQLite" else emptied(request)
        with closing(made.connection):
            made.write(*tasks)
            yield made

    return opened


def emptied(request: pytest.FixtureRequest) -> Table:
    database: Database = request.getfixturevalue("database")
    connection: Any = database.connect(writes=True)
    for name in ("task", SHARED):
        connection.execute(f"DELETE FROM {name}")
    return Table(connection, POSTGRESQL)


@pytest.fixture
def opened_beside(tmp_path, history):
    """Open a store of the same history beside those that are open; with each kind of database."""
    stores = []

    def open_store():
        if not history:
            for store in stores:
                store.stop()
        path = None if history else tmp_path / "kept"
        stores.append(
            Store(path, max_tasks=10, history=history or None, clock=lambda: 1_790_000_000.0)
        )
        stores[-1].start()
        return stores[-1]

    yield open_store
    for store in stores:
        store.stop()
