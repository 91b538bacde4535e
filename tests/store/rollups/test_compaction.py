import math
import sqlite3

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flower_ng.store.rollups import tables
from flower_ng.store.rollups.tallies import TALLIES, Coverage, Minute, RollupLevel, levels, merged
from tests.store.rollups.making import HOUR, Base, base, minute

LATER = HOUR + 3 * 3600
NAMES = st.sampled_from(["a", "b", "c", None])


@st.composite
def minutes(draw):
    made = Minute()
    made.coverage = Coverage(draw(st.integers(0, 60_000)), draw(st.integers(0, 2)))
    for name in draw(st.lists(NAMES)):
        made.tally("task", name).counts[draw(st.integers(0, 7))] += 1
        made.tally("task", name).run.add(draw(st.floats(0, 1e6)))
    for name in draw(st.lists(st.sampled_from("xy"))):
        made.tally("queue", name).length.note(draw(st.integers(0, 9)), draw(st.integers(0, 10**6)))
    return made


def sums(kept: Base, step_s: int) -> dict:
    found: dict = {}
    for kind, tally in TALLIES.items():
        for _, name, body in kept.rows(step_s, kind):
            one = msgspec.json.decode(body, type=tally)
            found[kind, name] = merged(found.get((kind, name)), one)
    return found


def parts(found: dict) -> list:
    """Sums as they can be compared: all but floating point is exact."""
    built = msgspec.to_builtins(list(found.items()))
    return [part for one in sorted(built, key=lambda item: item[0]) for part in flat(one)]


def flat(value):
    if isinstance(value, dict):
        value = sorted(value.items())
    if not isinstance(value, list | tuple):
        return [value]
    return [part for one in value for part in flat(one)]


def drain(compactor, kept):
    while compactor.slice(kept.table, LATER):
        pass


def same(one: dict, other: dict) -> bool:
    pairs = list(zip(parts(one), parts(other), strict=True))
    return all(
        math.isclose(a, b) if isinstance(a, float) or isinstance(b, float) else a == b
        for a, b in pairs
    )


@given(st.dictionaries(st.integers(0, 119).map(lambda n: HOUR + n * 60), minutes(), max_size=30))
@settings(max_examples=50, deadline=None)
def test_compaction_never_changes_totals(held):
    with base() as kept:
        for start, one in held.items():
            kept.write({start: one})
        before = sums(kept, 60)

        kept.compact(LATER)
        again = sums(kept, 600)
        kept.compact(LATER)

        assert sums(kept, 60) == before
        assert same(again, before)
        assert sums(kept, 600) == again
        assert same(sums(kept, 3600), before)


def test_a_bucket_is_made_once_late_events_can_reach_it_no_more():
    with base() as kept:
        kept.write({HOUR: minute(a=1), HOUR + 540: minute(a=2)})

        kept.compact(HOUR + 600 + 719)
        assert kept.rows(600) == []

        kept.compact(HOUR + 600 + 720)
        assert [(start, name) for start, name, _ in kept.rows(600)] == [(HOUR, ""), (HOUR, "a")]


def test_a_minute_that_grows_late_is_in_its_coarse_rows_all_the_same():
    with base() as kept:
        kept.write({HOUR: minute(a=1)})
        compactor = tables.Compactor(kept.table, kept.levels, LATER)
        drain(compactor, kept)

        kept.write({HOUR: minute(a=5, observed_ms=0)})
        compactor.reopen(HOUR)
        drain(compactor, kept)

        assert sums(kept, 3600)["task", "a"].counts[3] == 6


def test_rows_are_deleted_when_they_are_older_than_their_level_keeps_them():
    with base(levels(2 / 24, 4 / 24, 10 / 24)) as kept:
        kept.write({HOUR: minute(a=1)})

        left = {
            hours: [len(kept.rows(step_s)) for step_s in (60, 600, 3600)]
            for hours in (1.5, 3, 5, 11)
            for _ in [kept.compact(HOUR + hours * 3600)]
        }

        assert left == {1.5: [2, 2, 2], 3: [0, 2, 2], 5: [0, 0, 2], 11: [0, 0, 0]}


def test_no_minute_is_deleted_before_it_is_in_a_coarser_row():
    with base((RollupLevel(60, 0), RollupLevel(600, 86_400), RollupLevel(3600, 86_400))) as kept:
        kept.write({HOUR: minute(a=1)})

        kept.compact(HOUR + 600)

        assert len(kept.rows(60)) == 2


def test_what_two_dashboards_saw_is_not_counted_twice():
    with base() as kept:
        kept.write({HOUR: minute(a=3), HOUR + 60: minute(a=1, observed_ms=20_000)}, writer="one")
        kept.write({HOUR: minute(a=2, dropped=1), HOUR + 60: minute(a=4)}, writer="two")

        kept.compact(LATER)

        found = sums(kept, 600)
        assert found["task", "a"].counts[3] == 3 + 4
        assert found["coverage", ""] == Coverage(120_000)


def test_no_slice_reads_or_writes_more_than_some_hundred_rows(monkeypatch):
    monkeypatch.setattr(tables, "SLICE_ROWS", 10)
    with base() as kept:
        kept.write({HOUR + n * 60: minute(**{f"t{m}": 1 for m in range(9)}) for n in range(10)})

        slices = kept.compact(HOUR + 1320)

        assert slices >= 100 / 10
        assert sums(kept, 600)["task", "t8"].counts[3] == 10


def test_after_an_error_the_bucket_is_begun_anew():
    with base() as kept:
        kept.write({HOUR: minute(a=1)})
        compactor = tables.Compactor(kept.table, kept.levels, LATER)
        compactor.slice(kept.table, LATER)
        kept.connection.execute("PRAGMA query_only = ON")
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            drain(compactor, kept)
        kept.connection.execute("PRAGMA query_only = OFF")

        drain(compactor, kept)

        assert sums(kept, 3600)["task", "a"].counts[3] == 1
