"""When tasks go into parts of the index, and what is in its file."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from flower_ng.store import Store, TaskQuery, index, parse_search
from flower_ng.store.arms import Arms
from flower_ng.store.old_index import Part
from flower_ng.store.retention import NO_LIMITS, Sweep
from flower_ng.store.sealing import Sizes
from tests.monitor.yard import eventually
from tests.store.indexed import TINY, IndexedTable
from tests.store.making import NOW, change, task

SIZES = Sizes(least=10, usual=100, most=1000, alike=3, parts=4, changed=50)


def part(number, live, rows=None):
    return Part(number, rows or live, live, 1, 1)


@pytest.mark.parametrize(
    ("new", "changed", "waited_s", "is_due"),
    [
        (99, 0, 1.0, False),
        (100, 0, 0.0, True),
        (60, 40, 0.0, True),
        (0, 50, 0.0, True),
        (10, 0, 5.0, True),
        (9, 0, 60.0, False),
    ],
)
def test_many_rows_are_sealed_at_once_and_some_after_a_while(new, changed, waited_s, is_due):
    assert SIZES.is_due(new, changed, waited_s=waited_s) == is_due


def test_parts_of_like_size_become_one():
    few = [part(1, 10), part(2, 12), part(3, 900)]

    assert SIZES.mergers(few) == []
    assert SIZES.mergers([*few, part(4, 11)]) == [part(1, 10), part(4, 11), part(2, 12)]


def test_no_part_grows_past_its_share_of_a_large_store():
    large = [part(number, 900) for number in range(1, 4)]

    assert SIZES.mergers(large) == []
    assert len(SIZES.mergers([part(number, 900) for number in range(1, 9)])) == 2


def test_a_part_that_is_mostly_gone_is_made_again():
    assert SIZES.mergers([part(1, 40, rows=100), part(2, 60, rows=100)]) == [part(1, 40, rows=100)]


@pytest.fixture
def indexed(tmp_path):
    with closing(IndexedTable(tmp_path / "db")) as tasks:
        yield tasks


def test_while_it_is_busy_only_a_lot_is_sealed(tmp_path):
    with closing(IndexedTable(tmp_path / "db", replace(TINY, busy=4))) as indexed:
        indexed.be_busy()
        indexed.write(*(task(f"u{number}") for number in range(19)))
        indexed.seal()
        assert indexed.directory.parts == ()

        indexed.write(task("u19"))
        indexed.seal()
        assert indexed.directory.live == 20


def test_new_tasks_in_the_place_of_others_are_not_more(tmp_path):
    with closing(IndexedTable(tmp_path / "db", replace(TINY, busy=4))) as indexed:
        indexed.be_busy()
        for number in range(40):
            indexed.write(task(f"u{number}"))
            indexed.delete(f"u{number - 10}")
        indexed.seal()

        assert indexed.directory.parts == ()
        assert indexed.sealing.unindexed == 10


def test_what_changed_is_sealed_without_what_is_new(tmp_path):
    with closing(IndexedTable(tmp_path / "db", replace(TINY, changed=3))) as indexed:
        indexed.write(*(task(f"u{number}", "STARTED") for number in range(20)))
        indexed.seal()
        indexed.sealing._sizes = replace(TINY, changed=3, least=10, usual=30)
        indexed.write(*(task(f"u{number}", "SUCCESS", 2.0) for number in (1, 2, 3, 20)))
        indexed.seal()

        assert indexed.sealing.unindexed == 1
        assert indexed.filtered(TaskQuery(state="SUCCESS")) == 4


def in_files(folder: Path, text: str) -> bool:
    return any(text.encode() in file.read_bytes() for file in folder.glob("db.*") if file.is_file())


def test_what_is_forgotten_leaves_the_files_of_the_index_too(indexed, tmp_path):
    indexed.write(*(task(f"u{number}", name=f"secret-{number}") for number in range(20)))
    indexed.seal()
    assert in_files(tmp_path, "secret-7")

    indexed.forget("u7")
    indexed.seal()

    assert not in_files(tmp_path, "secret-7")
    assert in_files(tmp_path, "secret-8")
    assert len(indexed.tasks(TaskQuery())) == 19


def test_what_is_over_a_bound_is_gone_from_the_lists_of_the_index_too(indexed):
    indexed.write(*(task(f"u{number}", timestamp=float(number)) for number in range(20)))
    indexed.seal()

    Sweep(max_tasks=3, limits=NO_LIMITS, clock=lambda: NOW).open(indexed.connection)
    left = indexed.tasks(TaskQuery(sort="name", state="SUCCESS"))
    assert {row.uuid for row in left} == {"u17", "u18", "u19"}

    indexed.seal()
    assert indexed.directory.live == 3


def test_after_a_crash_an_index_that_may_hold_what_is_forgotten_is_made_again(tmp_path):
    with closing(IndexedTable(tmp_path / "db")) as indexed:
        indexed.write(*(task(f"u{number}", name=f"secret-{number}") for number in range(20)))
        indexed.seal()
        indexed.forget("u7")

    with closing(IndexedTable(tmp_path / "db")) as again:
        assert again.directory.parts == ()
        assert not in_files(tmp_path, "secret-7")
        again.seal()
        assert len(again.tasks(TaskQuery(sort="name"))) == 19


def test_an_index_is_still_there_at_the_next_start(tmp_path):
    for _ in range(2):
        with closing(IndexedTable(tmp_path / "db")) as indexed:
            indexed.write(*(task(f"u{number}") for number in range(20)))
            indexed.seal()

    with closing(IndexedTable(tmp_path / "db")) as again:
        assert again.directory.live == 20


WRONG = {
    "another version": lambda file: altered(file, "PRAGMA user_version = 99"),
    "of another store": lambda file: altered(file, "UPDATE directory SET store = 'other'"),
    "ahead of its store": lambda file: altered(file, "UPDATE directory SET mark = 1000000"),
    "without a part": lambda file: altered(file, "DROP TABLE part1"),
    "junk": lambda file: file.write_bytes(b"junk" * 5000),
    "cut": lambda file: file.write_bytes(file.read_bytes()[:3000]),
}


def altered(file, statement):
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize("spoil", WRONG.values(), ids=WRONG)
def test_an_index_that_is_not_the_stores_is_made_again(tmp_path, spoil):
    with closing(IndexedTable(tmp_path / "db")) as indexed:
        indexed.write(*(task(f"u{number}") for number in range(5)))
        indexed.seal()
    spoil(tmp_path / "db.index.sqlite3")

    with closing(IndexedTable(tmp_path / "db")) as again:
        assert again.directory.parts == ()
        again.seal()
        assert again.directory.live == 5


def test_without_trigrams_words_are_looked_for_in_each_row(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "has_words", lambda _: False)  # a SQLite built without FTS5

    with closing(IndexedTable(tmp_path / "db")) as indexed:
        indexed.write(*(task(f"u{number}", args=f"('order-{number}',)") for number in range(20)))
        indexed.seal()

        assert not indexed.directory.has_words
        assert [row.uuid for row in indexed.tasks(TaskQuery(search=parse_search("order-17")))] == [
            "u17"
        ]


def test_what_changed_is_looked_up_in_parts_and_not_searched_for(indexed):
    indexed.write(*(task(f"u{number}") for number in range(20)))
    indexed.seal()
    indexed.write(task("u3", "FAILURE", 2.0))

    with indexed.sight.view() as view:
        (arm, *_) = Arms.of(view, TaskQuery(), NOW).superseded()
        plan = [row[3] for row in view.connection.execute(f"EXPLAIN QUERY PLAN {arm}")]

    assert all(step.startswith("SEARCH") for step in plan), plan


async def test_a_store_indexes_what_it_holds_by_itself(tmp_path):
    store = Store(tmp_path / "db", max_tasks=100_000)
    store.start()
    for number in range(17_000):
        store.observe(change(task(f"u{number:05}", timestamp=float(number))))
    store.flush()

    await eventually(lambda: store.status().unindexed == 0, 20)
    page = await store.tasks(TaskQuery(sort="uuid", limit=1, offset=16_999))
    store.stop()

    assert [row.uuid for row in page.rows] == ["u16999"]
    assert page.filtered == 17_000
