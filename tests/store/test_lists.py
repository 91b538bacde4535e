"""Lists from the index, held against those from the main table alone."""

from contextlib import closing
from dataclasses import replace
from operator import attrgetter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from flower_ng.monitor.records import Worker
from flower_ng.store import Histogram, TaskQuery, grouping, lists, parse_search, plan
from flower_ng.store.sealing import Sizes
from tests.store.indexed import IndexedTable
from tests.store.making import Table, task

WORDS = [
    "alpha",
    "Alphabet",
    "ALPHA beta",
    "straße",
    "STRASSE",
    "a\0lpha",
    "be'ta",
    "beta",
    'x"y"z',
]
STATES = ["SUCCESS", "success", "FAILURE", "STARTED"]
TIMES = st.none() | st.integers(0, 4).map(float)
UUIDS = st.sampled_from([f"{letter}{number}" for letter in "abCd" for number in range(5)])
SORTS = ["name", "state", "worker", "received", "started", "runtime", "retries", "uuid", "args",
         "timestamp", "root_id", "failed", "none"]  # fmt: skip


@st.composite
def changed_tasks(draw, some=UUIDS):
    worker = draw(st.none() | st.sampled_from(["W1@box", "w1@box", "w2@box"]))
    return task(
        draw(some),
        draw(st.sampled_from(STATES)),
        draw(st.integers(1, 4).map(float)),
        name=draw(st.none() | st.sampled_from(WORDS)),
        original_name=draw(st.none() | st.sampled_from(WORDS)),
        args=draw(st.none() | st.sampled_from(WORDS)),
        kwargs=draw(st.none() | st.sampled_from(["{'alpha': 1}", "{'beta': 'ALPHA'}"])),
        exception=draw(st.none() | st.sampled_from(["KeyError('alpha')", "OSError()"])),
        retries=draw(st.none() | st.integers(0, 11)),
        received=draw(TIMES),
        started=draw(TIMES),
        failed=draw(TIMES),
        runtime=draw(TIMES),
        queue=draw(st.none() | st.sampled_from(["mail", "Mail", "slow"])),
        worker=None if worker is None else Worker(worker),
    )


STEPS = st.lists(
    st.one_of(
        st.lists(changed_tasks(), max_size=8, unique_by=attrgetter("uuid")),
        UUIDS,
        st.just("seal"),
    ),
    max_size=12,
)
SEARCHES = st.none() | st.sampled_from(
    ["alpha", "ALPHA", "kwargs:beta=alpha", "kwargs.alpha:1", "alpha OR beta", "-alpha", "strasse",
     "name:alpha*", "name:=beta", "state:FAILURE alpha", "runtime:>1", "received:..now alpha",
     "received:1970-01-01", "exception:=KeyError", "'ta", '"x\\"y"', "retries:>2", "lpha",
     "has:received", "-has:received", "alpha -has:received", "-has:received received:..now"]
)  # fmt: skip
QUERIES = st.builds(
    TaskQuery,
    search=SEARCHES.map(lambda text: text and parse_search(text)),
    state=st.none() | st.sampled_from([*STATES, "NONE"]),
    name=st.none() | st.sampled_from(WORDS),
    worker=st.none() | st.sampled_from(["w1@box", "W2@BOX", "none"]),
    queue=st.none() | st.sampled_from(["mail", "slow"]),
    exception=st.none() | st.sampled_from(["keyerror", "OSError"]),
    received_start=TIMES,
    received_end=TIMES,
    sort=st.none() | st.sampled_from(SORTS),
    descending=st.booleans(),
    offset=st.integers(0, 5),
    limit=st.integers(0, 6),
)
UNHURRIED = settings(
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink takes minutes
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def any_way():
    """A planner that takes every way in turn, whatever it costs: tiny parts show only some."""
    with pytest.MonkeyPatch.context() as patch:
        turn = Turn()
        patch.setattr(plan, "cheapest", turn.take)  # the costs are another test's
        yield turn, patch


class Turn:
    number = 0

    def take(self, plans):
        return plans[self.number % len(plans)]


@UNHURRIED
@given(STEPS, st.lists(QUERIES, min_size=3, max_size=6), st.integers(0, 20), st.booleans())
def test_every_way_finds_what_the_main_table_holds(any_way, steps, queries, number, is_far):
    turn, patch = any_way
    turn.number = number
    patch.setattr(lists, "MERGED", 0 if is_far else 3000)  # arms of a few rows are never far
    with closing(IndexedTable(None)) as tasks:
        for step in steps:
            take(step, tasks)
        for query in queries:
            check(tasks, query)


@pytest.mark.parametrize(
    "query",
    [
        TaskQuery(),
        TaskQuery(name="beta", queue="mail"),
        TaskQuery(search=parse_search("alpha")),
        TaskQuery(search=parse_search("runtime:>1"), received_end=3.0),
    ],
)
def test_what_takes_long_to_count_is_estimated(monkeypatch, query):
    monkeypatch.setattr(grouping, "BUDGET_US", 500)
    with closing(IndexedTable(None, Sizes())) as tasks:
        tasks.write(*(numbered(number) for number in range(4000)))
        whole = [tasks.facets(query, by_index=False), tasks.histogram(query, by_index=False)]
        tasks.seal()
        estimated = [tasks.facets(query), tasks.histogram(query)]

    for told, known in zip(estimated, whole, strict=True):
        assert told.exact == (told is estimated[0] and query == TaskQuery())
        assert by_state(told) == pytest.approx(by_state(known), rel=0.5)


def numbered(number):
    """A task whose id tells the time, as some do."""
    return task(
        f"{number:05}",
        "FAILURE" if number % 10 == 0 else "SUCCESS",
        0.5 + number / 1000,
        received=0.5 + number / 1000,
        name="beta" if number % 2 else "other",
        queue="mail" if number % 3 else "slow",
        args="(alpha,)" if number % 2 else "()",
        runtime=float(number % 3),
    )


def by_state(counted):
    """What was counted of each state."""
    if isinstance(counted, Histogram):
        return {state: sum(numbers) for state, numbers in counted.counts.items()}
    return dict(counted.counts["state"])


def take(step, tasks):
    match step:
        case "seal":
            tasks.seal()
        case str():
            tasks.delete(step)
        case _:
            tasks.write(*step)


def by_group(failures):
    return sorted(failures, key=repr)


def check(tasks, query):
    plain = Table(tasks.connection)
    found = tasks.found(query)
    (total,) = tasks.connection.execute("SELECT count(*) FROM task").fetchone()

    assert [row.uuid for row in tasks.tasks(query)] == [row.uuid for row in plain.tasks(query)]
    assert (found.total, found.filtered, found.exact) == (total, plain.filtered(query), True)
    assert tasks.ids(replace(query, limit=None)) == plain.ids(replace(query, limit=None))
    whole = replace(query, offset=0, limit=1000)
    assert tasks.walked(whole, 3) == [row.uuid for row in plain.tasks(whole)]
    assert tasks.count(query) == found.filtered
    assert tasks.facets(query) == tasks.facets(query, by_index=False)
    assert by_group(tasks.failures(query)) == by_group(tasks.failures(query, by_index=False))
    assert tasks.histogram(query) == tasks.histogram(query, by_index=False)
