"""Pages by cursor, counts by value and over time."""

import math
import random

import pytest

from flower_ng.errors import BadRequest
from flower_ng.records import Worker
from flower_ng.store import FailureGroup, Store, TaskQuery, parse_search
from tests.store.making import change, task


@pytest.fixture
def store(history):
    made = Store(None, max_tasks=1000, history=history, clock=lambda: 1000.0)
    made.start()
    yield made
    made.stop()


def observe(store, *tasks):
    for one in tasks:
        store.observe(change(one))


def varied(count=60):
    """Tasks with many equal, missing, and awkward values."""
    chance = random.Random(7)
    return [
        task(
            f"u{number:03}",
            chance.choice(["SUCCESS", "FAILURE", "STARTED"]),
            chance.choice([1 / 3, 2.5, 1763712345.1234567]),
            name=chance.choice(["a", "B", "b", None, "Ärger", ""]),
            runtime=chance.choice([None, 0.1, 0.2, 1e-7]),
            received=chance.choice([None, 5.0, 5.5]),
            retries=chance.choice([None, 2, 10]),
            worker=chance.choice([None, Worker("w1"), Worker("w2")]),
        )
        for number in range(count)
    ]


async def walked(store, query, limit):
    found, cursor = [], None
    while True:
        page = await store.after(query, cursor, limit)
        found += [row.uuid for row in page.rows]
        cursor = page.next
        if cursor is None:
            return found
        assert len(page.rows) == limit


@pytest.mark.parametrize("limit", [7, 60])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    "sort", [None, "name", "runtime", "received", "retries", "worker", "nothing"]
)
async def test_pages_by_cursor_are_the_list_cut_in_pieces(store, sort, descending, limit):
    observe(store, *varied())
    query = TaskQuery(sort=sort, descending=descending)
    whole = [row.uuid for row in (await store.tasks(query)).rows]

    assert await walked(store, query, limit) == whole


async def test_a_cursor_keeps_the_filter(store):
    observe(store, *varied())
    query = TaskQuery(search=parse_search("state:failure"), sort="name", state="failure")
    whole = [row.uuid for row in (await store.tasks(query)).rows]

    assert await walked(store, query, 3) == whole


async def test_what_comes_in_front_does_not_shift_the_next_page(store):
    observe(store, *(task(f"u{number}", timestamp=number) for number in range(6)))
    first = await store.after(TaskQuery(), None, 3)
    observe(store, task("new", timestamp=100))

    second = await store.after(TaskQuery(), first.next, 3)

    assert [row.uuid for row in second.rows] == ["u2", "u1", "u0"]
    assert second.next is None


@pytest.mark.parametrize("cursor", ["x", "ü", "W10=", "bm90IGpzb24=", "WzEsMiwzLDRd"])
async def test_what_is_no_cursor_is_refused(store, cursor):
    with pytest.raises(BadRequest, match="Invalid cursor"):
        await store.after(TaskQuery(), cursor, 3)


async def test_a_cursor_of_another_order_is_refused(store):
    observe(store, *varied(5))
    cursor = (await store.after(TaskQuery(sort="name"), None, 2)).next

    for query in (TaskQuery(sort="state"), TaskQuery(sort="name", descending=True)):
        with pytest.raises(BadRequest, match="in another order"):
            await store.after(query, cursor, 2)


async def test_values_are_counted_the_most_frequent_first(store):
    observe(
        store,
        *(task(f"a{n}", "FAILURE", name="a", queue="mail", worker=Worker("w1")) for n in range(3)),
        *(task(f"b{n}", name="b") for n in range(2)),
        task("c", "FAILURE", exception="KeyError('x')"),
    )

    found = await store.facets(TaskQuery(), ("state", "name", "worker", "queue"))

    assert found.exact
    assert found.counts == {
        "state": [("FAILURE", 4), ("SUCCESS", 2)],
        "name": [("a", 3), ("b", 2)],
        "worker": [("w1", 3)],
        "queue": [("mail", 3)],
    }


async def test_exceptions_are_counted_by_their_class(store):
    observe(
        store,
        task("a", "FAILURE", exception="KeyError('x')"),
        task("b", "FAILURE", exception="KeyError('y')"),
    )

    found = await store.facets(TaskQuery(state="failure"), ("exception",))

    assert found.counts == {"exception": [("KeyError", 2)]}


async def test_only_tasks_that_match_are_counted_and_only_the_top_values(store):
    observe(
        store, *(task(f"u{n}", "SUCCESS" if n % 2 else "FAILURE", name=f"n{n}") for n in range(9))
    )

    found = await store.facets(TaskQuery(state="success"), ("name", "state"), limit=2)

    assert found.counts == {"name": [("n1", 1), ("n3", 1)], "state": [("SUCCESS", 4)]}


async def test_counting_by_an_unknown_field_is_refused(store):
    with pytest.raises(BadRequest, match="Invalid field 'args', expected one of state, name"):
        await store.facets(TaskQuery(), ("state", "args"))


async def test_tasks_are_counted_over_time_by_when_they_were_received(store):
    observe(
        store,
        task("early", timestamp=99),
        task("first", received=100.0, timestamp=500),
        task("sent", "PENDING", timestamp=109.9),
        task("second", received=110.0),
        task("third", "FAILURE", received=129.999),
        task("late", received=130.0),
    )

    found = await store.histogram(TaskQuery(), 100, 130, 3)

    assert (found.starts_s, found.step_s, found.exact) == ([100, 110, 120], 10, True)
    assert found.counts == {"FAILURE": [0, 0, 1], "PENDING": [1, 0, 0], "SUCCESS": [1, 1, 0]}


async def test_every_task_is_in_one_bucket_whatever_the_bounds(store):
    observe(store, *(task(f"u{n}", received=n / 7) for n in range(700)))

    found = await store.histogram(TaskQuery(), 0, 100, 13)

    assert sum(found.counts["SUCCESS"]) == 700
    assert math.isclose(found.starts_s[-1] + found.step_s, 100)


async def test_only_tasks_that_match_are_counted_over_time(store):
    observe(store, task("a", "FAILURE", received=5.0), task("b", received=5.0))

    found = await store.histogram(TaskQuery(state="failure"), 0, 10, 1)

    assert found.counts == {"FAILURE": [1]}


async def test_failures_are_counted_by_type_and_class_of_exception_with_first_and_last(store):
    observe(
        store,
        task("a", "FAILURE", name="pay", exception="KeyError('x')", failed=5.0),
        task("b", "FAILURE", name="pay", exception="KeyError('y')", failed=9.0),
        task("c", "FAILURE", name="pay", exception="OSError()", failed=7.0),
        task("d", "FAILURE"),
        task("e", name="pay"),
    )

    found = await store.failure_groups(TaskQuery(), 10)

    assert found[0] == FailureGroup("pay", "KeyError", 2, 5.0, 9.0)
    assert {(group.name, group.exception, group.count) for group in found[1:]} == {
        ("pay", "OSError", 1),
        (None, None, 1),
    }


async def test_only_failures_that_match_are_counted_and_only_the_largest_groups(store):
    observe(store, *(task(f"u{n}", "FAILURE", name=f"n{n % 3}", failed=5.0) for n in range(7)))

    found = await store.failure_groups(TaskQuery(search=parse_search("-name:=n1")), 1)

    assert [(group.name, group.count) for group in found] == [("n0", 3)]
