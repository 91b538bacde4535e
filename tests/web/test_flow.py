"""Flow: what is told of a queue's pace, and what is not because it is not known."""

import pytest

from flower_ng.store import SeriesPage
from flower_ng.store.rollups.points import Bucket, Level, QueuePoint
from flower_ng.web.flow import Flow, flow

NOW = 600.0


def page(observed_s=60.0):
    buckets = tuple(Bucket(60 * n, 60.0, observed_s, 0, "none") for n in range(10))
    return SeriesPage("queue", 60, 0.02, buckets, ())


def point(length=None, oldest=None, sent=0, received=0):
    levels = [None if one is None else Level(1, one, one, one, one) for one in (length, oldest)]
    return QueuePoint(levels[0], levels[1], sent, received)


def ten(*points):
    return [*points, *[None] * (10 - len(points))]


def test_what_came_and_went_is_told_by_the_second():
    found = flow(page(), ten(point(sent=600, received=300)), None, NOW)

    assert found == Flow(1.0, 0.5, 0.5, None)


def test_time_that_was_not_observed_does_not_count():
    found = flow(page(observed_s=6.0), ten(point(sent=60, received=60)), None, NOW)

    assert (found.arrivals_per_s, found.departures_per_s) == (1.0, 1.0)


def test_without_events_of_sending_no_rate_is_told():
    assert flow(page(), ten(point(length=5, received=3)), None, NOW) == Flow()


def test_a_shrinking_queue_is_empty_at_its_pace():
    found = flow(page(), ten(point(length=670)), 100, NOW)

    assert found.net_per_s == pytest.approx(-1.0)
    assert found.empty_s(100) == pytest.approx(100.0)


@pytest.mark.parametrize("length", [0, None, 900])
def test_one_that_is_empty_unknown_or_grows_has_no_such_time(length):
    assert flow(page(), ten(point(length=670)), length, NOW).empty_s(length) is None


def test_a_queue_that_keeps_its_length_is_through_with_what_waits_when_so_many_have_left():
    found = flow(page(), ten(point(length=5, sent=600, received=600)), 6, NOW)

    assert not found.grows
    assert found.empty_s(6) == pytest.approx(6.0)


def test_the_age_of_the_oldest_message_is_the_newest_that_was_sampled():
    points = [*[None] * 8, point(oldest=50.0), point(oldest=110.0)]

    assert flow(page(), points, 1, NOW).oldest_s == 110.0
    assert flow(page(), ten(point(oldest=50.0)), 1, NOW).oldest_s is None
