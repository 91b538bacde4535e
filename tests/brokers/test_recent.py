"""Recent lengths of queues: what is remembered, and for how long."""

from flower_ng.brokers.recent import KEPT_S, RecentLengths


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
