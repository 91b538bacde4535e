"""Recent lengths of queues: what is remembered, and for how long."""

from flower_ng.brokers.recent import KEPT_S, RecentLengths, RecentTotals


def noted(*lengths, step_s=10.0):
    recent = RecentLengths()
    for place, length in enumerate(lengths):
        recent.note({"mail": length}, step_s * place)
    return [tuple(one) for one in recent.of("mail")]


def test_lengths_are_remembered_with_their_times():
    assert noted(1, 2, 3) == [(0, 1), (10, 2), (20, 3)]


def test_of_equal_ones_in_a_row_the_first_and_the_last_are_enough():
    assert noted(5, 5, 5, 5, 7, 7) == [(0, 5), (30, 5), (40, 7), (50, 7)]


def test_what_is_older_than_some_minutes_is_forgotten():
    told = noted(*range(60))

    assert told[0][0] == 590 - KEPT_S
    assert told[-1] == (590, 59)


def test_what_is_not_known_is_not_remembered_and_a_queue_that_went_is_forgotten():
    recent = RecentLengths()
    recent.note({"mail": 3, "other": None}, 0.0)
    assert (len(recent.of("mail")), len(recent.of("other"))) == (1, 0)

    recent.note({}, 10.0)
    assert not recent.of("mail")


def test_totals_make_rates_over_the_last_minute_where_they_are_told():
    totals = RecentTotals()

    for at in range(0, 101, 10):
        totals.note({"mail": (5 * at, 2 * at), "plain": (None, None)}, float(at))

    assert totals.of("mail") == (5.0, 2.0)
    assert totals.of("plain") == totals.of("unknown") == (None, None)


def test_where_looks_are_seldom_a_rate_is_since_the_one_before():
    totals = RecentTotals()
    for at in (0.0, 200.0):
        totals.note({"mail": (int(at), 0)}, at)

    assert totals.of("mail") == (1.0, 0.0)


def test_too_short_a_time_and_a_count_that_began_anew_make_no_rate():
    totals = RecentTotals()
    totals.note({"mail": (500, 7)}, 0.0)
    totals.note({"mail": (505, 8)}, 5.0)
    assert totals.of("mail") == (None, None)

    totals.note({"mail": (3, 17)}, 20.0)

    assert totals.of("mail") == (None, 0.5)
