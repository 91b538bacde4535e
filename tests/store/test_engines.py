"""Every engine finds, sorts and counts the same tasks as a plain filter in Python does."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import astuple, replace
from functools import partial
from typing import Any

import msgspec
import pytest

from flower_ng.search.conditions import FACETS, TaskQuery
from flower_ng.store.index.engine import TantivyEngine
from flower_ng.store.index.tasks import TaskIndex
from flower_ng.store.index.thread import run
from flower_ng.store.sql.engine import Asking, SqlEngine
from flower_ng.store.sql.kinds import TrendBars
from flower_ng.store.sql.server_engine import PostgresEngine
from flower_ng.store.sql.statements import CursorPosition, cursor_behind, place_of
from flower_ng.store.tables.rows import TaskRow
from flower_ng.store.tables.schema import COLUMNS
from flower_ng.store.writing.writer import note_changed
from tests.store.conftest import emptied
from tests.store.making import NOW, Table
from tests.store.oracle import NAMES, Chance, Oracle, groups, kinds, over_time, rank, sort_key, top

#: Each seed is one store, with so many queries between edits.
SEEDS = range(5)
ROUNDS, QUERIES, TASKS = 4, 15, 60


class Subject:
    """A table of tasks, and the engine that is asked for them."""

    def __init__(self, table: Table, engine: SqlEngine | TantivyEngine) -> None:
        self.table = table
        self.engine = engine
        self.connection = table.connection

    def delete(self, *uuids: str) -> None:
        """Delete tasks, as the bounds of the store do."""
        for uuid in uuids:
            self.table.connection.execute("DELETE FROM task WHERE uuid = ?", (uuid,))

    def asking(self, query: TaskQuery) -> Asking:
        return Asking(self.connection, query, NOW)

    def settle(self) -> None:
        """Do what the engine does at times, as by a commit of its index."""


def plain(_: pytest.FixtureRequest) -> Subject:
    return Subject(Table(), SqlEngine())


def postgresql(request: pytest.FixtureRequest) -> Subject:
    table = emptied(request)
    return Subject(table, PostgresEngine(near=12))


class Indexed(Subject):
    """With an index in memory, which is committed when it settles."""

    def __init__(self) -> None:
        table = Table()
        self.index = TaskIndex(None, table.connection, partial(run, table.connection))
        engine = TantivyEngine(SqlEngine(), lambda: self.index.published, pytest.fail, near=12)
        super().__init__(table, engine)

    def delete(self, *uuids: str) -> None:
        with_one = "uuid IN (SELECT value FROM json_each(?))"
        note_changed(self.connection, with_one, json.dumps(uuids))
        super().delete(*uuids)

    def settle(self) -> None:
        while self.index.step():
            pass


def tantivy(_: pytest.FixtureRequest) -> Subject:
    return Indexed()


@pytest.fixture(params=[plain, postgresql, tantivy], ids=lambda opened: opened.__name__)
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    opened: Callable[..., Subject] = request.param
    made = opened(request)
    with closing(made.connection):
        yield made


def lived(subject: Subject, chance: Chance) -> Iterator[Oracle]:
    """Write, edit and delete tasks; give what there is each time."""
    for _ in range(ROUNDS):
        numbers = chance.random.sample(range(TASKS), TASKS // 2)
        subject.table.write(*map(chance.task, numbers))
        if chance.random.random() < 0.5:
            subject.settle()
        uuids = [row["uuid"] for row in Oracle(subject.table).rows]
        subject.delete(*chance.random.sample(uuids, 5))
        if chance.random.random() < 0.3:
            subject.settle()
        yield Oracle(subject.table)


@pytest.fixture(params=SEEDS)
def asked(request: pytest.FixtureRequest, subject: Subject) -> Iterator[tuple[Oracle, TaskQuery]]:
    """Give queries with what there is when they are asked."""
    chance = Chance(request.param)
    return (
        (oracle, chance.query(oracle.rows))
        for oracle in lived(subject, chance)
        for _ in range(QUERIES)
    )


def rows_of(text: str) -> list[dict[str, Any]]:
    rows = msgspec.json.decode(text, type=list[TaskRow], strict=False)
    return [{name: getattr(row, name) for name in COLUMNS} for row in rows]


def told(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in COLUMNS} for row in rows]


def test_a_page_has_the_tasks_that_match_in_their_order_and_their_number(subject, asked):
    for oracle, query in asked:
        matching = oracle.matching(query)

        found = subject.engine.page(subject.asking(query))

        wanted = matching[query.offset : query.offset + query.limit]
        assert rows_of(found.rows) == told(wanted), query
        counted = (found.total, found.filtered, found.exact)
        assert counted == (len(oracle.rows), len(matching), True), query
        assert subject.engine.count(subject.asking(query)) == len(matching), query


def test_ids_are_those_of_the_tasks_that_match_in_their_order(subject, asked):
    for oracle, query in asked:
        for limit in (query.limit, None):
            some = replace(query, limit=limit)
            end = None if limit is None else query.offset + limit
            wanted = oracle.matching(query)[query.offset : end]

            found = subject.engine.ids(subject.asking(some))

            assert found == [row["id"] for row in wanted], some


def test_cursors_lead_past_every_task_that_matches_once(subject, asked):
    for oracle, query in asked:
        found, place = [], None
        while len(found) <= len(oracle.rows):  # else it goes in circles
            text = subject.engine.after(subject.asking(query), place, 7)
            rows = msgspec.json.decode(text, type=list[TaskRow], strict=False)
            found += [row.uuid for row in rows]
            if len(rows) < 7:
                break
            place = place_of(query, cursor_behind(query, rows[-1]))
        assert found == [row["uuid"] for row in oracle.matching(query)], query


def test_a_cursor_of_a_task_that_is_gone_leads_on_from_its_place(subject, asked):
    for oracle, query in asked:
        gone = oracle.rows[0]
        place = CursorPosition.of(query, sort_key(query, gone), f"{gone['uuid']}-")
        behind = [row for row in oracle.matching(query) if is_behind(query, row, place)]

        text = subject.engine.after(subject.asking(query), place, 5)

        assert rows_of(text) == told(behind[:5]), (query, place)


def is_behind(query: TaskQuery, row: dict[str, Any], place: CursorPosition) -> bool:
    here, there = rank(query, row), (place.key is not None, place.key, place.uuid)
    return here < there if place.is_descending else here > there


def test_facets_count_every_value(subject, asked):
    for oracle, query in asked:
        matching = oracle.matching(query)

        found = subject.engine.facets(subject.asking(query), [*FACETS], 4)

        wanted = {field: top(matching, column, 4) for field, column in FACETS.items()}
        assert ({**found.counts}, found.exact) == (wanted, True), query


def test_failures_are_grouped_by_type_and_exception(subject, asked):
    for oracle, query in asked:
        found = subject.engine.failures(subject.asking(query), 5)

        assert [astuple(group) for group in found] == groups(oracle.matching(query), 5), query


def test_failures_are_sorted_by_kind(subject, asked):
    bars = TrendBars(NOW - 90_000, 4_000.5, 23)
    for oracle, query in asked:
        found = subject.engine.kinds(subject.asking(query), bars)

        failed = [row for row in oracle.matching(query) if row["state"] == "FAILURE"]
        assert (found.looked, found.is_whole, found.since) == (len(failed), True, None), query
        assert {one.digest: astuple(one) for one in found.kinds.values()} == kinds(failed, bars)
        assert [*found.kinds] == sorted(found.kinds, key=lambda one: -found.kinds[one].last)


def test_a_histogram_counts_every_state_over_time(subject, asked):
    start, step_s, buckets = NOW - 90_000, 4_000.5, 23
    for oracle, query in asked:
        counted = (start, step_s, buckets)

        found = subject.engine.histogram(subject.asking(query), *counted)

        wanted = over_time(oracle.matching(query), *counted)
        assert ({**found.counts}, found.exact) == (wanted, True), query


@pytest.mark.parametrize("seed", SEEDS)
def test_among_some_rows_the_others_are_not_there(seed):
    chance, table, engine = Chance(seed), Table(), SqlEngine()
    table.write(*map(chance.task, range(TASKS)))
    oracle = Oracle(table)
    rows = chance.random.sample(oracle.rows, TASKS // 2)
    among = [row["id"] for row in rows]
    for _ in range(QUERIES):
        query = chance.query(rows)
        matching = [row for row in oracle.matching(query) if row in rows]
        some = matching[query.offset : query.offset + query.limit]
        asking = Asking(table.connection, query, NOW, among)

        page = engine.page(asking)
        after = engine.after(asking, None, 9)
        facets = engine.facets(asking, [*FACETS], None)
        failures = engine.failures(asking, None)
        histogram = engine.histogram(asking, NOW - 1e6, 1e4, 101)

        assert (rows_of(page.rows), page.filtered) == (told(some), len(matching))
        assert engine.ids(asking) == [row["id"] for row in some]
        assert rows_of(after) == told(matching[:9])
        assert facets.counts["name"] == top(matching, "name", len(NAMES))
        assert [astuple(group) for group in failures] == groups(matching, TASKS)
        assert histogram.counts == over_time(matching, NOW - 1e6, 1e4, 101)
    table.connection.close()
