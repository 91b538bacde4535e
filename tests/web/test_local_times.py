"""Times of searches, read as pages show them."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from flower_ng.store import parse_search
from flower_ng.web.pages.tasks.local_times import local_moment, local_search
from flower_ng.web.ui.zone import Zone

BERLIN = Zone(ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("received:>2026-11-30T10", "received:>2026-11-30T10+01:00"),
        ("STARTED:2026-07-30T10:30..", "STARTED:2026-07-30T10:30+02:00.."),
        (
            'x -received:"2026-10-25 01:59:59..2026-10-25 03:00:00.5" -y',
            'x -received:"2026-10-25 01:59:59+02:00..2026-10-25 03:00:00.5+01:00" -y',
        ),
        (
            "(sent:<2026-11-30T10:30 OR updated:>2026-11-30T10:30Z)",
            "(sent:<2026-11-30T10:30+01:00 OR updated:>2026-11-30T10:30Z)",
        ),
    ],
)
def test_a_time_of_the_day_gets_the_offset_of_the_zone(text, local):
    assert local_search(text, BERLIN) == local
    assert parse_search(local) is not None
    assert local_search(text, Zone(UTC)) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "received:2026-11-30",
        "received:-1h..",
        "received:2026-11-30T10:30:05+01:00",
        'received:"2026-11-30 10:30:05.250 -01:00"',
        "received:2026-11-30T10:30:05Z..2026-11-30T11:30:05z",
        "2026-11-30T10:30",
        'args:"2026-11-30 10:30"',
        '"received:2026-11-30T10:30"',
        "kwargs.at:2026-11-30T10:30",
    ],
)
def test_all_else_means_the_same_in_any_zone(text):
    assert local_search(text, BERLIN) == ""


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-30 10:30:05.123", "2026-11-30 10:30:05.123+01:00"),
        (' "2026-11-30T10:30"', "2026-11-30T10:30+01:00"),
        ("2026-10-25 02:30:00.000 +01:00", "2026-10-25 02:30:00.000 +01:00"),
        ("2026-11-30T09:30:05.123Z", "2026-11-30T09:30:05.123Z"),
        ("2026-11-30", "2026-11-30"),
        ("2026", ""),
        ("-1h", ""),
        ("today", ""),
        ("2026-11-31 10:30", ""),
        ("shop 2026-11-30", ""),
    ],
)
def test_a_text_that_is_a_time_is_one_of_the_zone(text, moment):
    assert local_moment(text, BERLIN) == moment
