import math

import pytest

from flower_ng.errors import BadRequest
from flower_ng.store.rollups import series as module
from flower_ng.store.rollups.points import SeriesQuery, checked
from flower_ng.store.rollups.tallies import RELATIVE_ERROR, Coverage, Minute, levels
from tests.store.rollups.making import HOUR, base, minute

NOW = HOUR + 300.0


@pytest.fixture
def kept():
    with base() as made:
        yield made


def succeeded(found, name=0):
    return [point and point.succeeded for point in found.series[name].points]


def test_a_point_a_bucket_from_before_the_start_to_the_end_or_now(kept):
    kept.write({HOUR + n * 60: minute(a=n + 1) for n in range(5)})

    found = kept.series(start=HOUR + 70, end=HOUR + 9000, step_s=60, now=NOW)

    assert [one.start - HOUR for one in found.buckets] == [60, 120, 180, 240]
    assert succeeded(found) == [2, 3, 4, 5]


def test_a_step_of_several_minutes_adds_them_up(kept):
    kept.write({HOUR + n * 60: minute(a=1) for n in range(5)})

    found = kept.series(names=("a",), start=HOUR, end=NOW, step_s=180, now=NOW)

    assert succeeded(found) == [3, 2]
    assert found.series[0].whole.succeeded == 5
    assert found.series[0].points[0].run.count == 3


def test_nothing_happened_is_zero_and_nothing_known_is_a_gap(kept):
    kept.write({HOUR: minute(a=1), HOUR + 60: minute(), HOUR + 180: minute(observed_ms=59_000)})

    found = kept.series(names=("a",), start=HOUR, end=HOUR + 240, step_s=60, now=NOW)

    assert succeeded(found) == [1, 0, None, None]
    assert [one.gap for one in found.buckets] == ["none", "none", "whole", "part"]
    assert [one.observed_s for one in found.buckets] == [60, 60, 0, 59]


def test_a_minute_of_dropped_events_has_a_gap_and_what_came_is_shown(kept):
    kept.write({HOUR: minute(a=1, dropped=3)})

    found = kept.series(names=("a", "b"), start=HOUR, end=HOUR + 60, step_s=60, now=NOW)

    assert (found.buckets[0].gap, found.buckets[0].dropped) == ("part", 3)
    assert (succeeded(found, 0), succeeded(found, 1)) == ([1], [None])


def test_the_minute_under_way_has_no_gap_only_because_it_is_not_over(kept):
    kept.write({HOUR: minute(a=1, observed_ms=20_000)})

    found = kept.series(start=HOUR, end=HOUR + 60, step_s=60, now=HOUR + 20.2)

    assert (found.buckets[0].gap, found.buckets[0].past_s) == ("none", pytest.approx(20.2))


def test_a_queue_without_samples_is_unknown_although_all_was_observed(kept):
    one = minute()
    one.tally("queue", "celery").length.note(4, HOUR)
    one.tally("queue", "celery").length.note(2, HOUR + 30)
    kept.write({HOUR: one, HOUR + 60: minute()})

    found = kept.series("queue", ("celery",), start=HOUR, end=HOUR + 120, step_s=60, now=NOW)

    first, second = found.series[0].points
    assert second is None
    assert first.oldest_age_s is None
    length = first.length
    assert (length.samples, length.mean, length.least, length.most, length.last) == (2, 3, 2, 4, 2)


def test_the_last_sample_of_merged_ones_is_the_newest(kept):
    first, second = Minute(), Minute()
    first.tally("worker", "w1").active.note(7, HOUR + 1)
    second.tally("worker", "w1").active.note(1, HOUR + 61)
    kept.write({HOUR + 60: second, HOUR: first})

    found = kept.series("worker", None, start=HOUR, end=HOUR + 600, step_s=600, now=NOW)

    assert [one.name for one in found.series] == ["w1"]
    assert found.series[0].whole.active.last == 1


def test_percentiles_are_of_all_that_is_merged(kept):
    for n in range(10):
        one = minute(a=0)
        for duration in range(1 + n * 100, 101 + n * 100):
            one.tally("task", "a").run.add(duration)
        kept.write({HOUR + n * 60: one})

    found = kept.series(names=("a",), start=HOUR, end=HOUR + 600, step_s=600, now=HOUR + 600)

    run = found.series[0].whole.run
    assert found.relative_error == RELATIVE_ERROR
    assert (run.count, run.mean_s) == (1000, 500.5)
    for value, exact in ((run.p50_s, 500), (run.p95_s, 950), (run.p99_s, 990)):
        assert math.isclose(value, exact, rel_tol=RELATIVE_ERROR)


def test_without_names_all_that_have_rows_are_answered_but_not_their_sum(kept, monkeypatch):
    monkeypatch.setattr(module, "PAGE_ROWS", 3)
    kept.write({HOUR + n * 60: minute(a=1, b=2, c=3) for n in range(4)})

    found = kept.series(names=None, start=HOUR, end=HOUR + 240, step_s=60, now=NOW)

    assert [one.name for one in found.series] == ["a", "b", "c"]
    assert [one.whole.succeeded for one in found.series] == [4, 8, 12]


def test_coarse_rows_are_read_where_they_are_made_and_fine_ones_for_the_rest(kept):
    kept.write({HOUR + n * 60: minute(a=1) for n in range(60)})
    kept.compact(HOUR + 3600)
    kept.connection.execute(
        "DELETE FROM rollup WHERE step_s = 60 AND start < ?", (HOUR + 2400,)
    )  # what was not compacted yet is in minutes only

    found = kept.series(start=HOUR, end=HOUR + 3600, step_s=1200, now=HOUR + 3600)

    assert succeeded(found) == [20, 20, 20]
    assert [one.gap for one in found.buckets] == ["none"] * 3


def test_a_step_is_made_coarser_where_minutes_are_not_kept_any_more():
    with base(levels(1 / 24, 2 / 24, 1)) as kept:
        kept.write({HOUR: minute(a=1)})
        kept.compact(HOUR + 5400)

        steps = {
            ago: kept.series(start=HOUR + 5400 - ago, end=HOUR + 5400, step_s=60, now=HOUR + 5400)
            for ago in (3600, 5400, 9000)
        }

        assert {ago: found.step_s for ago, found in steps.items()} == {
            3600: 60,
            5400: 600,
            9000: 3600,
        }
        assert steps[5400].series[0].whole.succeeded == 1


def test_of_several_dashboards_the_one_that_saw_most_of_a_minute_is_believed(kept):
    kept.write({HOUR: minute(a=5), HOUR + 60: minute(a=1, observed_ms=9000)}, writer="one")
    kept.write({HOUR: minute(a=4, observed_ms=100), HOUR + 60: minute(a=7)}, writer="two")

    found = kept.series(start=HOUR, end=HOUR + 120, step_s=120, now=NOW)

    assert succeeded(found) == [12]
    assert found.buckets[0].observed_s == 120


def test_a_range_in_the_future_has_no_buckets(kept):
    found = kept.series(start=NOW + 600, end=NOW + 1200, step_s=60, now=NOW)

    assert (found.buckets, found.series[0].points, found.series[0].whole) == ((), (), None)


def test_points_without_percentiles_are_counts_and_the_whole_has_them_all_the_same(kept):
    kept.write({HOUR: minute(a=2)})
    (one,) = kept.series(
        names=None, start=HOUR, end=HOUR + 60, step_s=60, now=NOW, percentiles=False
    ).series

    assert (one.points[0].succeeded, one.points[0].run) == (2, None)
    assert one.whole.run.count == 2


def test_rows_that_were_written_without_the_time_of_other_ends_are_read(kept):
    kept.write({HOUR: minute(a=2)})
    kept.connection.execute(
        "UPDATE rollup SET body = json_remove(body, '$[4]') WHERE kind = 'task'"
    )

    (one,) = kept.series(names=("a",), start=HOUR, end=HOUR + 60, step_s=60, now=NOW).series

    assert one.whole.total_run_s == one.whole.run.total_s == 2


def test_many_series_of_many_buckets_are_refused(kept):
    kept.write({HOUR: minute(a=1, b=2)})

    with pytest.raises(BadRequest, match="2 series of 5 buckets are too many points"):
        kept.series(names=None, start=HOUR, end=HOUR + 300, step_s=60, now=NOW, max_points=9)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "job"}, "Unknown kind 'job', expected one of task, queue, worker"),
        ({"step_s": 0}, "Invalid step 0, expected a multiple of 60 seconds"),
        ({"step_s": 90}, "Invalid step 90, expected a multiple of 60 seconds"),
        ({"start": 900.0}, "Invalid range from 900.0 to 600.0, expected a start before its end"),
        ({"start": math.nan}, "Invalid range from nan"),
        ({"start": -1.0}, "Invalid range from -1.0"),
        ({"end": 1e9}, "makes more than 2000 buckets of this range, expected a step of at least"),
        ({"names": ("a",) * 501}, "501 names are too many, expected at most 500"),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused_with_what_would_be_right(wrong, message):
    right = {"kind": "task", "names": ("a",), "start": 0.0, "end": 600.0, "step_s": 60}

    checked(SeriesQuery(**right))
    with pytest.raises(BadRequest) as raised:
        checked(SeriesQuery(**{**right, **wrong}))

    assert message in raised.value.message


def test_the_step_that_is_named_as_the_least_is_accepted():
    end = 1e9 + 17
    with pytest.raises(BadRequest) as raised:
        checked(SeriesQuery("task", None, 0.0, end, 60))

    least_s = int(raised.value.message.rsplit(" ", 1)[1])

    checked(SeriesQuery("task", None, 0.0, end, least_s))


def test_coverage_alone_makes_no_series(kept):
    one = Minute()
    one.coverage = Coverage(60_000)
    kept.write({HOUR: one})

    assert kept.series(names=None, start=HOUR, end=HOUR + 60, step_s=60, now=NOW).series == ()
