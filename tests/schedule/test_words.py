"""Schedules are said in words that mean what Celery does."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from celery import Celery
from celery.schedules import crontab, schedule

from flower_ng.schedule.words import words_of

BERLIN = ZoneInfo("Europe/Berlin")
APP = Celery("shop", broker="memory://", set_as_current=False)
APP.conf.timezone = "Europe/Berlin"


def words(it) -> str:
    it.app = APP
    return words_of(it, BERLIN)[0]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "every minute"),
        ({"minute": 0}, "every hour"),
        ({"minute": "*/5"}, "every 5 minutes"),
        ({"minute": 7}, "every hour at minute 7"),
        ({"minute": "3,7,9"}, "every hour at minutes 3, 7 and 9"),
        ({"minute": 0, "hour": 3}, "at 03:00"),
        ({"minute": "0,30", "hour": "3,9"}, "at 03:00, 03:30, 09:00 and 09:30"),
        ({"minute": 0, "hour": "*/2"}, "every 2 hours"),
        ({"minute": 15, "hour": "*/3"}, "every 3 hours at minute 15"),
        ({"minute": "*/10", "hour": "9-17"}, "every 10 minutes from 09:00 to 17:50"),
        ({"minute": "*", "hour": "1,5"}, "every minute of the hours 1 and 5"),
        (
            {"minute": "*/7", "hour": 8},
            "at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of the hour 8",
        ),
        ({"minute": 0, "hour": 0, "day_of_week": "mon-fri"}, "at 00:00, Monday to Friday"),
        ({"minute": 0, "hour": 0, "day_of_week": "fri-sun"}, "at 00:00, Friday to Sunday"),
        ({"minute": 0, "hour": 0, "day_of_week": "sat,sun"}, "at 00:00, on Saturday and Sunday"),
        (
            {"minute": 0, "hour": 0, "day_of_month": "1-7", "day_of_week": "mon"},
            "at 00:00, on days 1 to 7 of the month, if that is on Monday",
        ),
        (
            {"minute": 0, "hour": 0, "day_of_month": 1, "month_of_year": "1,7"},
            "at 00:00, on day 1 of the month, in January and July",
        ),
    ],
)
def test_a_crontab_is_said_in_words(fields, told):
    assert words(crontab(**fields)) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (1, "every second"),
        (1.5, "every 1.5 seconds"),
        (90, "every 90 seconds"),
        (3600, "every hour"),
        (7200, "every 2 hours"),
        (172_800, "every 2 days"),
        (0, "all the time"),
    ],
)
def test_an_interval_is_said_in_words(seconds, told):
    assert words(schedule(timedelta(seconds=seconds))) == told


def test_an_interval_by_the_clock_says_so():
    assert words(schedule(timedelta(hours=1), relative=True)) == "every hour, by the clock"


def test_the_zone_is_that_of_the_schedule_where_a_clock_is_named():
    nightly = crontab(minute=0, hour=0)
    nightly.app = APP

    assert words_of(nightly, UTC) == ("at 00:00", "Europe/Berlin")
    assert words_of(schedule(60), BERLIN) == ("every minute", "")


def test_a_moment_is_said_in_the_zone_of_the_app():
    class Clocked:
        clocked_time = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)

    assert words_of(Clocked(), BERLIN) == ("once, on 2026-07-02 at 00:30:00", "Europe/Berlin")


def test_a_class_of_the_apps_own_is_named():
    class Tides(schedule):
        pass

    assert words(Tides(60)) == "as its class Tides says"
