"""Ranges: what is in one, at whichever step, and what of two that meet."""

import pytest

from flower_ng.store.rollups.tallies import levels
from tests.store.rollups.making import HOUR, base, minute

DAY_S = 86_400
#: Somewhere in a minute, a ten minutes and an hour.
NOW = HOUR + 5 * 3600 + 23 * 60 + 17.5


@pytest.fixture
def kept():
    """Five hours in each minute of which something happened once more than in the one before."""
    with base() as made:
        made.write({HOUR + n * 60: minute(a=n + 1) for n in range(324)})
        made.compact(NOW)
        yield made


def whole(kept, start, end, step_s, now=NOW):
    found = kept.series(names=("a",), start=start, end=end, step_s=step_s, now=now).series[0].whole
    return found.succeeded if found else 0


def counted(start, end):
    """What was written of the minutes that begin between two times."""
    return sum(n + 1 for n in range(324) if start <= HOUR + n * 60 < end)


STEPS_S = (60, 300, 600, 1800, 3600, 7200, None)


@pytest.mark.parametrize("step_s", STEPS_S)
@pytest.mark.parametrize(
    ("start", "end"),
    [(7 * 60, 191 * 60), (3600, 7200), (61 * 60, 62 * 60), (0, 59 * 60), (59 * 60, 61 * 60)],
)
def test_the_whole_is_what_is_in_the_range_at_every_step(kept, start, end, step_s):
    start, end = HOUR + start, HOUR + end

    assert whole(kept, start, end, step_s) == counted(start, end)


@pytest.mark.parametrize("step_s", STEPS_S)
@pytest.mark.parametrize("middle", [HOUR + 3600.0, HOUR + 5000.0, NOW - 3600, NOW - 61, NOW - 5])
def test_ranges_that_meet_never_count_a_minute_twice(kept, middle, step_s):
    parts = whole(kept, HOUR, middle, step_s), whole(kept, middle, NOW, step_s)

    assert sum(parts) == whole(kept, HOUR, NOW, step_s) == 324 * 325 // 2


@pytest.mark.parametrize("step_s", [600, 3600])
def test_the_first_and_the_last_bucket_hold_only_what_is_in_the_range(kept, step_s):
    start, end = HOUR + 55 * 60, HOUR + 125 * 60

    found = kept.series(names=("a",), start=start, end=end, step_s=step_s, now=NOW)

    first, last = found.series[0].points[0], found.series[0].points[-1]
    assert (found.start, found.end) == (start, end)
    assert first.succeeded == counted(start, HOUR + 3600)
    assert last.succeeded == counted(found.buckets[-1].start, end)
    assert [one.past_s for one in (found.buckets[0], found.buckets[-1])] == [300, 300]
    assert {one.gap for one in found.buckets} == {"none"}


def test_the_minute_under_way_is_in_a_range_up_to_now(kept):
    under_way = NOW // 60 * 60

    assert whole(kept, under_way, NOW, 60) == 324
    assert whole(kept, NOW - 0.2, NOW - 0.1, 60) == 324
    assert whole(kept, NOW - 0.2, NOW + 3600, 60) == 324


def test_one_bucket_of_it_all_has_all_of_every_name(kept):
    found = kept.series(names=None, start=HOUR, end=NOW, step_s=None, now=NOW)

    (series,) = found.series
    assert len(found.buckets) == len(series.points) == 1
    assert series.points[0].succeeded == series.whole.succeeded == 324 * 325 // 2


def test_names_are_found_by_a_part_of_them_in_any_case(kept):
    kept.write({HOUR + 323 * 60: minute(**{"shop.Größe": 1, "shop.other": 2})})

    found = kept.series(names=None, start=HOUR, end=NOW, step_s=None, now=NOW, containing="GRÖSSE")

    assert [one.name for one in found.series] == ["shop.Größe"]


def test_minutes_are_kept_as_long_as_a_range_of_that_length_begins_in_one():
    with base(levels(1 / 24, 2 / 24, 1)) as kept:
        kept.write({HOUR + n * 60: minute(a=1) for n in range(120)})
        now = HOUR + 7200 + 13.0
        kept.compact(now)

        found = kept.series(names=("a",), start=now - 3600, end=now, step_s=600, now=now)

    assert found.start == HOUR + 3600
    assert found.series[0].whole.succeeded == 60
    assert found.buckets[0].gap == "none"
