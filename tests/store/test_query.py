from contextlib import closing
from operator import attrgetter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flower_ng.records import Worker
from flower_ng.store import TaskQuery
from flower_ng.store.sql import statements
from tests.store.making import NOW, Table, task

#: Letters whose folding changes their number or leaves ASCII, and all that SQL and JSON escape.
LETTERS = "aAbßİıſΣσςé%_'\"\\=, \x01\n[]{}:1"
NUMERIC = {"received", "started", "runtime", "timestamp", "sent", "succeeded"}
NEWEST_FIRST = attrgetter("timestamp", "uuid")


def test_without_a_sort_the_newest_come_first_and_ties_go_by_id_backwards(table):
    with table(task("a", timestamp=1), task("c", timestamp=2), task("b", timestamp=2)) as tasks:
        assert tasks.uuids() == ["c", "b", "a"]
        assert tasks.uuids(descending=True) == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", ["U5", "u2", "u6", "u1", "u3"]),
        ("retries", ["U5", "u6", "u1", "u3", "u2"]),
        ("runtime", ["U5", "u6", "u2", "u3", "u1"]),
        ("worker", ["U5", "u6", "u1", "u2", "u3"]),
        ("uuid", ["u1", "u2", "u3", "U5", "u6"]),
        ("children", ["U5", "u1", "u2", "u3", "u6"]),
        ("nonsense; DROP TABLE task", ["U5", "u1", "u2", "u3", "u6"]),
    ],
)
def test_a_sort_puts_the_lacking_first_then_values_then_ids(table, sort, expected):
    a, b = Worker("A@box"), Worker("b@box")
    rows = (
        task("u1", name="Shop", retries=10, runtime=10.0, worker=a),
        task("u2", name="", retries=9, runtime=2.0, worker=b),
        task("u3", name="straße", retries=2, runtime=9.0, worker=b),
        task("U5"),
        task("u6", name="_low"),
    )

    with table(*rows) as tasks:
        assert tasks.uuids(sort=sort) == expected
        assert tasks.uuids(sort=sort, descending=True) == expected[::-1]


def test_filters_are_whole_values_whatever_their_case(table):
    worker = Worker("W1@Box")
    rows = (task("a", "STARTED", name="Straße.Kehren", worker=worker), task("b", name="straße"))

    with table(*rows) as tasks:
        assert tasks.uuids(name="STRASSE.kehren") == ["a"]
        assert tasks.uuids(state="started") == ["a"]
        assert tasks.uuids(worker="w1@box") == ["a"]
        assert tasks.uuids(worker="w1@bo") == []
        assert tasks.uuids(worker="w1@box", state="SUCCESS") == []


def test_the_received_range_includes_its_ends_and_the_never_received(table):
    rows = [task(str(second), received=float(second)) for second in range(5)]

    with table(*rows, task("never")) as tasks:
        found = tasks.uuids(received_start=1.0, received_end=3.0, sort="uuid")

    assert found == ["1", "2", "3", "never"]


def test_a_page_is_a_slice_and_both_numbers_are_of_all(table):
    rows = [task(f"u{number}", name="even" if number % 2 == 0 else "odd") for number in range(10)]

    with table(*rows) as tasks:
        query = TaskQuery(name="even", sort="uuid", offset=1, limit=2)
        found = tasks.connection.execute("SELECT count(*) FROM task").fetchone()[0]
        assert tasks.uuids(name="even", sort="uuid", offset=1, limit=2) == ["u2", "u4"]
        assert (found, tasks.filtered(query)) == (10, 5)
        assert tasks.uuids(limit=0) == []


@pytest.mark.parametrize(
    ("sort", "is_descending", "index"),
    [
        (None, True, "task_newest"),
        ("received", True, "task_received"),
        ("received", False, "task_received"),
    ],
)
def test_all_tasks_have_their_order_in_an_index(sort, is_descending, index):
    query = TaskQuery(sort=sort, descending=is_descending, limit=25)
    asked = statements.page(statements.Selection.of(query, NOW), held=7)
    with closing(Table().connection) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {asked.text}", asked.parameters).fetchall()

    assert index in str(plan)
    assert "B-TREE" not in str(plan)


TEXTS = st.text(LETTERS, max_size=8)
VALUES = st.one_of(TEXTS, st.integers(), st.none(), st.booleans(), st.lists(st.integers()))
TASKS = st.lists(
    st.builds(
        task,
        st.uuids().map(str),
        state=st.sampled_from(["SUCCESS", "STARTED", "Weird", "ſTARTED"]),
        timestamp=st.integers(0, 3).map(float),
        name=st.none() | TEXTS,
        args=st.none() | TEXTS,
        kwargs=st.none() | TEXTS | st.dictionaries(TEXTS, VALUES, max_size=3).map(repr),
        result=st.none() | TEXTS,
        retries=st.none() | st.integers(0, 11),
        received=st.none() | st.floats(0, 3),
        runtime=st.none() | st.floats(0, 100),
        worker=st.none() | st.builds(Worker, TEXTS),
    ),
    max_size=8,
    unique_by=attrgetter("uuid"),
)
UNHURRIED = settings(suppress_health_check=list(HealthCheck))


@UNHURRIED
@given(TASKS, st.sampled_from(["name", "retries", "runtime", "worker", "args", "no"]))
def test_a_sort_sorts_as_a_naive_one(table, tasks, sort):
    ordered = [one.uuid for one in sorted(tasks, key=lambda one: naive_key(one, sort))]

    with table(*tasks) as written:
        assert written.uuids(sort=sort) == ordered
        assert written.uuids(sort=sort, descending=True) == ordered[::-1]
        assert len(written.ids(TaskQuery(sort=sort, limit=3, offset=1))) == len(ordered[1:4])


def value(one, field):
    return (one.worker.hostname if field == "worker" else getattr(one, field)).casefold()


def naive_key(one, sort):
    lacking = getattr(one, sort, None) is None
    if lacking:
        return (False, "", one.uuid)
    if sort == "worker":
        return (True, value(one, sort), one.uuid)
    found = getattr(one, sort)
    return (True, found if sort in NUMERIC else str(found).casefold(), one.uuid)
