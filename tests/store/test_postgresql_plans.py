"""PostgreSQL's plans for what the pages ask of 100,000 tasks: hardly any go through the table."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, Final

import pytest

from flower_ng.search.conditions import FACETS, TaskQuery
from flower_ng.search.parser import parse_search
from flower_ng.store.backends.postgresql import Database, opened_database
from flower_ng.store.backends.postgresql_tables import INDEXES
from flower_ng.store.sql.engine import Asking, ReadConnection, StatementResult
from flower_ng.store.sql.server_engine import PostgresEngine
from flower_ng.store.sql.statements import CursorPosition
from flower_ng.store.sql.walks import NUMBERS, WALKED
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

#: A value in the midst of those of each column; texts have others.
KEYS: Final = dict.fromkeys(NUMBERS, NOW - 500) | {
    "runtime": 5.0, "name": "shop.job25", "state": "started", "worker": "w5@box", "retries": "1",
}  # fmt: skip

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


class Explained:
    """A connection that has each query explained as it runs: `plans` holds what was done."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.plans: list[dict[str, Any]] = []

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> StatementResult:
        if statement.startswith(("SELECT", "WITH")):
            explained = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
            ((plan,),) = self._connection.execute(explained, parameters).fetchall()
            self.plans.append(json.loads(plan)[0]["Plan"])
        return self._connection.execute(statement, parameters)

    def __enter__(self) -> None:
        self._connection.__enter__()

    def __exit__(self, *error: object) -> None:
        self._connection.__exit__(*error)

    @property
    def scans(self) -> list[dict[str, Any]]:
        """What was done to find tasks."""
        return [step for plan in self.plans for step in steps(plan) if "Scan" in step["Node Type"]]

    @property
    def goes_through_all(self) -> bool:
        return any(
            step["Node Type"] == "Seq Scan" and step["Relation Name"] == "task"
            for step in self.scans
        )

    @property
    def tasks_read(self) -> float:
        """How many rows, or entries of indexes, were looked at."""
        return sum(
            step["Actual Loops"] * (step["Actual Rows"] + step.get("Rows Removed by Filter", 0))
            for step in self.scans
            if step.get("Relation Name", "task") == "task"
        )

    def has_index(self, name: str) -> bool:
        return any(step.get("Index Name") == name for step in self.scans)


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from steps(part)


def explained(
    database: Database, ask: Callable[[PostgresEngine, Asking], object], **query: Any
) -> Explained:
    """Have a question answered, however long it takes, and tell how."""
    with closing(database.connect()) as connection:
        made = Explained(connection)
        reading: ReadConnection = made
        engine = PostgresEngine(count_ms=5000, summary_ms=5000)
        ask(engine, Asking(reading, TaskQuery(**{"limit": 15} | query), NOW))
        return made


def page(database: Database, **query: Any) -> Explained:
    return explained(database, PostgresEngine.page, **query)


def newest(database: Database, search: str) -> Explained:
    query = {"search": parse_search(search), "sort": "received", "descending": True}
    return page(database, **query)


@pytest.mark.parametrize("descending", [True, False])
def test_only_lists_sorted_by_large_texts_go_through_the_table(large, descending):
    keys = {column.key for column in COLUMNS.values() if column.key} | {None}
    found = {key for key in keys if page(large, sort=key, descending=descending).goes_through_all}

    assert found == SORTED_BY_ALL


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("column", sorted(WALKED))
def test_a_sorted_list_reads_some_more_tasks_than_it_shows(large, column, descending):
    first = page(large, sort=column, descending=descending)
    place = CursorPosition(column, descending, KEYS.get(column, "x"), "7f")
    behind = explained(
        large, lambda engine, asking: engine.after(asking, place, 15), sort=column,
        descending=descending,
    )  # fmt: skip

    assert first.tasks_read < 3_000
    assert behind.tasks_read < 3_000


@pytest.mark.parametrize("query", FILTERS, ids=str)
@pytest.mark.parametrize("sort", ["received", "timestamp", "runtime", "name"])
def test_no_filter_goes_through_the_table(large, query, sort):
    assert not page(large, sort=sort, descending=True, **query).goes_through_all


@pytest.mark.parametrize("search", SEARCHES)
def test_no_search_goes_through_the_table(large, search):
    assert not newest(large, search).goes_through_all


def test_a_frequent_word_is_found_among_the_newest_and_counted_by_a_sample(large):
    with closing(large.connect()) as connection:
        made = Explained(connection)
        query = TaskQuery(search=parse_search("customer"), sort="received", limit=15)

        found = PostgresEngine(count_ms=1).page(Asking(made, query, NOW))

    assert (found.total, found.exact) == (100_000, False)
    assert found.filtered == 100_000  # all of the sample match
    assert made.tasks_read < 20_000
    assert not made.goes_through_all


def test_a_rare_word_is_looked_up(large):
    assert newest(large, "'no such 7'").has_index("task_texts")


@pytest.mark.parametrize("search", ["zq", "a-b", "args:77"])
def test_what_has_no_trigram_is_not_looked_for_in_all_of_their_index(large, search):
    assert not newest(large, search).has_index("task_texts")


@pytest.mark.parametrize("query", [{}, *FILTERS], ids=str)
def test_no_count_goes_through_the_table(large, query):
    fields = list(FACETS)
    asked: list[Callable[[PostgresEngine, Asking], object]] = [
        lambda engine, asking: engine.facets(asking, fields, 10),
        lambda engine, asking: engine.failures(asking, 10),
        lambda engine, asking: engine.histogram(asking, NOW - 600, 60.0, 10),
    ]
    for ask in asked:
        assert not explained(large, ask, **query).goes_through_all
