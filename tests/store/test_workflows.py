"""Workflows by their roots: what moved last, what stands still, in both databases, by indexes."""

import sqlite3
from contextlib import closing

import pytest

from flower_ng.store.backends.sqlite import opened as opened_file
from flower_ng.store.sql import workflows
from flower_ng.store.sql.workflows import RootPlace
from flower_ng.store.tables.dialect import SQLITE
from tests.store.making import NOW, Table, task


def asked(table, statement):
    return table.connection.execute(statement.text, statement.parameters).fetchone()


def newest(table, before=None):
    return workflows.walk_of(asked(table, workflows.newest(before, table.dialect)))


def standing(table, before):
    return workflows.walk_of(asked(table, workflows.standing(before, table.dialect)))


def of_root(uuid, root, state="SUCCESS", at=1.0, **fields):
    return task(uuid, state, at, root_id=root, parent_id=root if uuid != root else None, **fields)


def test_roots_come_by_when_a_task_below_them_moved_last(table):
    tasks = (
        *(of_root("a", "a", at=9.0), of_root("a1", "a", at=2.5), of_root("a2", "a", at=4.125)),
        *(of_root("b", "b"), of_root("b1", "b", at=3.0)),
        *(of_root("alone", "alone", at=5.0), task("rootless")),
    )
    with table(*tasks) as kept:
        walk = newest(kept)
        assert walk.roots == [RootPlace("a", 4.125), RootPlace("b", 3.0)]
        assert (walk.looked, walk.last, walk.is_whole) == (3, 2.5, True)
        assert newest(kept, 3.0).roots == [RootPlace("b", 3.0), RootPlace("a", 2.5)]


def test_a_store_without_workflows_has_none(table):
    with table(task("a"), of_root("b", "b")) as kept:
        assert newest(kept) == workflows.RootWalk([], 0, None)
        assert standing(kept, NOW).roots == []


def test_what_stands_still_is_found_by_its_open_tasks_and_by_an_open_root(table):
    tasks = (
        *(of_root("a", "a"), of_root("a1", "a", "RECEIVED", 7.0)),
        *(of_root("b", "b", "STARTED", 3.0), of_root("b1", "b", at=4.0)),
        *(of_root("alone", "alone", "STARTED", 2.0), of_root("c", "c"), of_root("c1", "c")),
        *(of_root("d", "d"), of_root("d1", "d", "PROGRESS", 20.0)),
    )
    with table(*tasks) as kept:
        assert [place.root_id for place in standing(kept, 10.0).roots] == ["b", "a"]


def test_a_root_is_told_with_the_states_below_it(table):
    tasks = (
        of_root("a", "a", at=2.25, name="shop.order", sent=0.5),
        of_root("a1", "a", "FAILURE", 3.0),
        of_root("a2", "a", at=4.0),
        of_root("a3", "a", at=5.5),
        of_root("x1", "unseen", at=1.0),
    )
    with table(*tasks) as kept:
        a, unseen = workflows.told_of(asked(kept, workflows.told(["a", "unseen"], kept.dialect)))
    assert (a.root_id, a.name, a.state, a.at, a.began) == ("a", "shop.order", "SUCCESS", 2.25, 0.5)
    found = sorted((below.state, below.number, below.at) for below in a.below)
    assert found == [("FAILURE", 1, 3.0), ("SUCCESS", 2, 5.5)]
    assert (unseen.name, unseen.state, unseen.began) == (None, None, None)
    assert [below.number for below in unseen.below] == [1]


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (workflows.newest(5.0, SQLITE), "task_kin_newest"),
        (workflows.standing(5.0, SQLITE), "task_kin_open"),
        (workflows.told(["a"], SQLITE), "task_kin"),
        (workflows.members(["a"], 10, SQLITE), "task_kin"),
    ],
)
def test_no_question_goes_through_all_tasks(statement, index):
    with closing(Table().connection) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement.text}", statement.parameters)
        lines = [line for *_, line in plan.fetchall()]
    is_named_t = "CO-ROUTINE t" in lines  # a subquery's rows, which were found by then
    lines = [line for line in lines if not (is_named_t and line == "SCAN t")]
    of_tasks = [line for line in lines if line.startswith(("SCAN t", "SEARCH t "))]
    assert of_tasks
    assert all("INDEX" in line for line in of_tasks), lines
    assert any(f"{index} " in line for line in of_tasks), lines


def test_a_file_of_before_gets_the_indexes_when_it_is_opened(tmp_path):
    opened_file(tmp_path / "history", print, lambda: NOW).close()
    names = "SELECT name FROM sqlite_master WHERE name LIKE 'task_kin%' ORDER BY name"
    with closing(sqlite3.connect(tmp_path / "history.sqlite3")) as connection:
        made = connection.execute(names).fetchall()
        for (name,) in made:
            connection.execute(f"DROP INDEX {name}")
        connection.commit()
    opened_file(tmp_path / "history", print, lambda: NOW).close()
    with closing(sqlite3.connect(tmp_path / "history.sqlite3")) as connection:
        assert connection.execute(names).fetchall() == made
    assert len(made) == 3
