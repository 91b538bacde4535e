import logging

from flower_ng.cli.log_limit import MOST, SPAN_S, LogLimit


def logged(limit, level, message="the broker failed: {}"):
    """Return the texts that pass of three times too many records of one place."""
    records = [
        logging.LogRecord("any", level, __file__, 1, message.format("%d"), (number,), None)
        for number in range(3 * MOST)
    ]
    return [record.getMessage() for record in records if limit.filter(record)]


def test_a_place_that_warns_all_the_time_is_cut_short_and_says_so_later():
    now = [0.0]
    limit = LogLimit(lambda: now[0])

    assert len(logged(limit, logging.WARNING)) == MOST

    now[0] = SPAN_S
    first, *others = logged(limit, logging.WARNING)
    assert first == f"the broker failed: 0 ({2 * MOST} like it were left out)"
    assert len(others) == MOST - 1


def test_who_did_what_is_always_logged():
    assert len(logged(LogLimit(), logging.INFO)) == 3 * MOST


def test_a_record_for_two_handlers_counts_once():
    limit = LogLimit(lambda: 0.0)
    records = [
        logging.LogRecord("x", logging.WARNING, "a.py", 1, "lost", (), None) for _ in range(MOST)
    ]

    assert [(limit.filter(one), limit.filter(one)) for one in records] == [(True, True)] * MOST
