"""Flow: what is told of a queue's pace, and what is not because it is not known."""

import pytest

from flower_ng.brokers import LengthSample
from flower_ng.store import SeriesPage
from flower_ng.store.rollups.points import Bucket, GaugePoint, QueuePoint
from flower_ng.web.ui.queue_rates import Flow, flow, net_per_s


def page(observed_s=60.0):
    buckets = tuple(Bucket(60 * n, 60.0, observed_s, 0, "none") for n in range(10))
    return SeriesPage("queue", 60, 0.02, buckets, ())


def point(length=None, oldest=None, sent=0, received=0):
    levels = [
        None if one is None else GaugePoint(1, one, one, one, one) for one in (length, oldest)
    ]
    return QueuePoint(levels[0], levels[1], sent, received)


def ten(*points):
    return [*points, *[None] * (10 - len(points))]


def test_what_came_and_went_is_told_by_the_second():
    found = flow(page(), ten(point(sent=600, received=300)), ())

    assert found == Flow(1.0, 0.5, None, None)


def test_time_that_was_not_observed_does_not_count():
    found = flow(page(observed_s=6.0), ten(point(sent=60, received=60)), ())

    assert (found.arrivals_per_s, found.departures_per_s) == (1.0, 1.0)


def test_without_events_of_sending_no_rate_is_told():
    assert flow(page(), ten(point(length=5, received=3)), ()) == Flow()


def samples(*lengths, step_s=10.0):
    return [LengthSample(step_s * place, length) for place, length in enumerate(lengths)]


def empty_s(*lengths, step_s=10.0):
    return flow(None, (), samples(*lengths, step_s=step_s)).empty_s(lengths[-1])


def test_a_burst_empties_from_its_peak_on_although_there_was_nothing_before_it():
    """260 tasks of a second each, four at a time, into an idle queue, looked at every 5 s."""
    lengths = [0] * 20 + [max(0, 260 - 20 * place) for place in range(13)]
    told = [net_per_s(samples(*lengths[: 21 + place], step_s=5)) for place in range(13)]

    assert not any(net is not None and net > 0 for net in told[1:])
    assert told[2:] == [pytest.approx(-4.0)] * 11


def test_it_is_the_last_minute_that_counts():
    """3,000 for nine minutes, 2,400 of which went in the last one."""
    lengths = [3000] * 49 + [3000 - 400 * place for place in range(7)]

    assert empty_s(*lengths) == pytest.approx(15.0)


def test_a_queue_that_grows_is_never_empty():
    found = flow(None, (), samples(0, 50, 100, 150, 200))

    assert found.grows
    assert found.net_per_s == pytest.approx(5.0)
    assert found.empty_s(200) is None


def test_a_queue_that_grows_again_since_it_turned_grows():
    found = flow(None, (), samples(400, 200, 0, 50, 100, 150))

    assert found.net_per_s == pytest.approx(5.0)


@pytest.mark.parametrize(
    "lengths", [[], [5], [0, 200], [50, 60, 200], [500, 0, 40], [500, 490, 480, 600]]
)
def test_what_has_just_begun_is_not_known(lengths):
    assert net_per_s(samples(*lengths, step_s=8)) is None


def test_a_queue_that_keeps_its_length_is_through_with_what_waits_when_so_many_have_left():
    steady = samples(100, 103, 98, 101, 96, 99, 102)

    found = flow(page(), ten(point(length=100, sent=600, received=600)), steady)

    assert (found.net_per_s, found.grows) == (0.0, False)
    assert found.empty_s(102) == pytest.approx(102.0)


@pytest.mark.parametrize("length", [0, None])
def test_one_that_is_empty_or_unknown_has_no_such_time(length):
    assert flow(None, (), samples(100, 50, 0)).empty_s(length) is None


def test_where_looks_are_seldom_the_last_two_are_compared():
    assert empty_s(4000, 3000, 2000, step_s=100) == pytest.approx(200.0)


def test_the_age_of_the_oldest_message_is_the_newest_that_was_sampled():
    points = [*[None] * 8, point(oldest=50.0), point(oldest=110.0)]

    assert flow(page(), points, ()).oldest_s == 110.0
    assert flow(page(), ten(point(oldest=50.0)), ()).oldest_s is None
