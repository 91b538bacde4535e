"""The table of tasks in each kind of database: what holds for one holds for both."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import pytest

from flower_ng.records import Task
from flower_ng.store.backends.postgresql import Database, opened_database
from flower_ng.store.tables.dialect import POSTGRESQL
from flower_ng.store.tables.schema import SHARED
from tests.services import Postgres
from tests.store.making import Table

Tables = Callable[..., AbstractContextManager[Table]]


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
