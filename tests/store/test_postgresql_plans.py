"""PostgreSQL's plans for what the pages ask of 100,000 tasks: hardly any go through the table."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import pytest

from flower_ng.store.backends.postgresql import INDEXES, Database, opened_database
from flower_ng.store.search.conditions import TaskQuery
from flower_ng.store.search.parser import parse_search
from flower_ng.store.sql import engine, statements
from flower_ng.store.tables.dialect import POSTGRESQL
from flower_ng.web.pages.tasks.columns import COLUMNS
from tests.services import Postgres

pytestmark = pytest.mark.xdist_group("plans")

NOW: Final = 1_000_000.0
#: Large texts are in no index that sorts: docs/performance.md tells what that costs.
SORTED_BY_ALL: Final = {"args", "kwargs", "result", "exception"}

FILTERS: Final[list[dict[str, Any]]] = [
    {"state": "SUCCESS"},
    {"state": "FAILURE"},
    {"state": "UNHEARD"},
    {"name": "shop.job7"},
    {"worker": "w7@box"},
    {"queue": "mail"},
    {"exception": "KeyError"},
    {"state": "FAILURE", "name": "shop.job7", "worker": "w7@box"},
    {"received_start": NOW - 60.0},
    {"received_start": NOW - 60.0, "received_end": NOW - 30.0, "state": "SUCCESS"},
]
SEARCHES: Final = [
    "customer-777",
    "'no such 7'",
    "args:777",
    "result:777",
    "exception:777",
    "traceback:line",
    "name:job7",
    "id:ff*",
    "runtime:>2",
    "wait:>2",
    "is:running",
    "state:FAILURE customer-777",
    "-state:SUCCESS",
    "retries:>1",
]

FILL: Final = """
INSERT INTO task (uuid, name, state, state_folded, received, started, succeeded, failed, args,
 kwargs, retries, worker, result, exception, exception_class, exception_class_folded, timestamp,
 runtime, clock, progress, events, timeline)
SELECT md5(i::text), 'shop.job' || i % 40, state, lower(state), at - 2, at - 1,
 CASE state WHEN 'SUCCESS' THEN at END, CASE state WHEN 'FAILURE' THEN at END,
 '(' || i || ', ''customer-' || i % 1000 || ''')', '{''order'': ' || i || '}', i % 3,
 'w' || i % 10 || '@box', CASE state WHEN 'SUCCESS' THEN '''done ' || i || '''' END,
 CASE state WHEN 'FAILURE' THEN 'KeyError(' || i || ')' END,
 CASE state WHEN 'FAILURE' THEN 'KeyError' END, CASE state WHEN 'FAILURE' THEN 'keyerror' END,
 at, i % 1000 / 100.0, i, 1, 3, repeat('.', 200)
FROM (SELECT i, 1000000 - i / 100.0 AS at,
 CASE WHEN i % 20 = 0 THEN 'FAILURE' WHEN i % 50 = 1 THEN 'STARTED' ELSE 'SUCCESS' END AS state
 FROM generate_series(1, 100000) i) made
"""


@pytest.fixture(scope="module")
def large(postgres: Postgres) -> Iterator[Database]:
    """A database of 100,000 tasks, whose indexes are made when they are all there."""
    url = postgres.new_database()
    opened_database(url, warn=print).close()
    name = url.rpartition("/")[2]
    dropped = ", ".join([*INDEXES, "task_texts"])
    postgres.say(f"DROP INDEX {dropped}; {FILL}", name)
    made = opened_database(url, warn=print)
    postgres.say("VACUUM ANALYZE task", name)
    yield made
    made.close()


def plan(database: Database, asked: statements.Statement) -> str:
    with closing(database.connect()) as connection:
        lines = connection.execute(f"EXPLAIN {asked.text}", asked.parameters).fetchall()
    return "\n".join(line for (line,) in lines)


def goes_through_all(database: Database, asked: statements.Statement) -> bool:
    return "Seq Scan on task" in plan(database, asked)


def selection(**query: Any) -> statements.Selection:
    return statements.Selection.of(TaskQuery(**query), NOW, POSTGRESQL)


def page(**query: Any) -> statements.Statement:
    return statements.page(selection(**{"limit": 15} | query))


def test_only_lists_sorted_by_large_texts_go_through_the_table(large):
    keys = {column.key for column in COLUMNS.values() if column.key} | {None}
    found = {
        key
        for key in keys
        for descending in (True, False)
        if goes_through_all(large, page(sort=key, descending=descending))
    }

    assert found == SORTED_BY_ALL


@pytest.mark.parametrize("query", FILTERS, ids=str)
@pytest.mark.parametrize("sort", ["received", "timestamp", "runtime"])
def test_no_filter_goes_through_the_table(large, query, sort):
    assert not goes_through_all(large, page(sort=sort, descending=True, **query))


@pytest.mark.parametrize("search", SEARCHES)
def test_no_search_goes_through_the_table(large, search):
    query = {"search": parse_search(search), "sort": "received", "descending": True}

    assert not goes_through_all(large, page(**query))


@pytest.mark.parametrize("search", ["zq", "a-b", "args:77"])
def test_what_has_no_trigram_is_not_looked_for_in_all_of_their_index(large, search):
    asked = page(search=parse_search(search), sort="received", descending=True)

    assert "task_texts" not in plan(large, asked)


@pytest.mark.parametrize("query", [{}, *FILTERS], ids=str)
def test_no_count_goes_through_the_table(large, query):
    asked, fields = selection(**query), list(engine.FACETS)

    for statement in (
        engine.facets(asked, fields, 10),
        engine.failures(asked, 10),
        engine.histogram(asked, NOW - 600, 60.0, 10),
    ):
        assert not goes_through_all(large, statement)
