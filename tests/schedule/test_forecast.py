"""What is due ahead is what Celery's own classes reckon, on days with 23 and 25 hours too."""

import time
from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from celery import Celery
from celery.schedules import crontab, schedule
from hypothesis import given, settings
from hypothesis import strategies as st

from flower_ng.schedule.due import due_after
from flower_ng.schedule.entry import BeatEntry, Kind
from flower_ng.schedule.forecast import DueSpan, forecast

BERLIN = ZoneInfo("Europe/Berlin")
APP = Celery("shop", broker="memory://", set_as_current=False)
APP.conf.timezone = "Europe/Berlin"
NOON = datetime(2026, 6, 10, 12, tzinfo=BERLIN).timestamp()
HOUR_S = 3600


def entry(it, **fields) -> BeatEntry:
    it.app = APP
    return BeatEntry("pay", Kind.SETTINGS, "shop.pay", it, **fields)


def day(now, step_s=900) -> DueSpan:
    return DueSpan(now, now // step_s * step_s, step_s, 86_400 // step_s)


def one(it, span, due_at=None, **fields):
    (found,) = forecast([(entry(it, **fields), due_at)], span)
    return found


def times(it, after, until) -> list[float]:
    """What Celery says, one after the other."""
    it.app = APP
    found, at = [], due_after(it, after, after)
    while at < until:
        found.append(at)
        at = due_after(it, at, after)
    return found


def test_a_crontab_is_due_where_its_clock_says():
    found = one(crontab(minute=0, hour=0), day(NOON))

    assert [place for place, number in enumerate(found.counts) if number] == [48]


@settings(max_examples=40, deadline=None)
@given(
    minute=st.sampled_from(["*", "*/7", "0", "5,50", "30-40"]),
    hour=st.sampled_from(["*", "*/5", "0", "9-17", "3,23"]),
    days=st.sampled_from(["*", "mon-fri", "wed", "sat,sun"]),
    offset_s=st.integers(0, 7 * 86_400),
)
def test_the_quick_way_counts_what_celery_counts(minute, hour, days, offset_s):
    it, now = crontab(minute=minute, hour=hour, day_of_week=days), NOON + offset_s + 0.5
    span = day(now, HOUR_S)

    assert sum(one(it, span).counts) == len(times(it, now, span.end))


@pytest.mark.parametrize("month", [3, 10])
def test_when_clocks_are_moved_it_is_due_when_beat_sends_it(month):
    change = {3: 29, 10: 25}[month]
    now = datetime(2026, month, change, tzinfo=BERLIN).timestamp()
    for fields in ({"minute": "*/30"}, {"minute": 30, "hour": 2}, {"minute": 0, "hour": "*/2"}):
        it, span = crontab(**fields), day(now)
        expected = [0] * span.count
        for at in times(it, now, span.end):
            expected[span.bucket(at)] += 1

        assert list(one(it, span).counts) == expected, fields


def test_a_run_at_an_hour_that_clocks_leave_out_comes_once():
    now = datetime(2026, 3, 28, 12, tzinfo=BERLIN).timestamp()

    assert sum(one(crontab(minute=30, hour=2), day(now)).counts) == 1


@pytest.mark.parametrize("every_s", [1, 7, 60, 3600, 50_000])
def test_an_interval_is_counted_from_when_it_is_due(every_s):
    first, span = NOON + 3, day(NOON)
    found = one(schedule(timedelta(seconds=every_s)), span, due_at=first)
    expected = [0] * span.count
    for number in count():
        at = first + number * every_s
        if at >= span.end:
            break
        expected[span.bucket(at)] += 1

    assert list(found.counts) == expected
    assert not found.is_assumed


def test_an_interval_of_which_no_run_is_known_is_counted_from_now_and_says_so():
    found = one(schedule(timedelta(hours=6)), day(NOON))

    assert (sum(found.counts), found.is_assumed) == (3, True)


def test_what_is_overdue_is_due_at_once_and_once():
    found = one(schedule(timedelta(hours=6)), day(NOON), due_at=NOON - 86_400)

    assert (found.counts[0], sum(found.counts)) == (1, 4)


def test_what_runs_once_is_counted_once():
    class Clocked(crontab):
        def remaining_estimate(self, _last_run_at):
            return datetime.fromtimestamp(NOON + 900, UTC) - self.now()

    assert one(Clocked(), day(NOON), is_once=True).counts[1] == 1
    assert sum(one(Clocked(), day(NOON), is_once=True).counts) == 1


def test_a_schedule_that_fails_or_never_ends_hides_no_other():
    class Broken(crontab):
        def remaining_estimate(self, _last_run_at):
            raise ValueError("no such day")

    class Dense(schedule):
        """Its own class, so that it is reckoned step by step."""

    entries = [
        (entry(Broken()), None),
        (entry(Dense(0.01)), None),
        (entry(crontab(minute=0)), None),
    ]
    broken, dense, hourly = forecast(entries, day(NOON))

    assert broken.why_not == "Its schedule fails: no such day"
    assert dense.why_not == "It is due too often to be counted to the end."
    assert sum(hourly.counts) == 23


def test_five_hundred_entries_are_counted_in_a_moment():
    began = time.process_time()
    entries = [(entry(crontab(minute="*/5", hour="*")), None) for _ in range(500)]

    found = forecast(entries, day(NOON))

    assert sum(sum(one.counts) for one in found) == 500 * 287
    assert time.process_time() - began < 2
