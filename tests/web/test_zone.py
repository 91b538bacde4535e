"""The one zone of all times: what it is called, what clocks there show, what forms say of them."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytz

from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.zone import Zone, zone_named

#: Zone, moment and how both the server and the browser write it.
MOMENTS = json.loads(Path(__file__).with_name("moments.json").read_text())
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(("key", "iso", "shown"), MOMENTS)
@pytest.mark.parametrize("made", [ZoneInfo, pytz.timezone])
def test_a_moment_is_written_as_clocks_show_it_and_with_its_offset_where_they_do_so_twice(
    key, iso, shown, made
):
    at = datetime.fromisoformat(iso).timestamp()

    assert fmt.moment(at, made(key)) == shown


def test_an_end_after_clocks_were_put_back_does_not_read_as_before_its_start():
    started = datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC).timestamp()

    shown = [fmt.time(at, BERLIN) for at in (started, started + 1)]

    assert [
        one.endswith(f"<span> {ahead}</span></time>")
        for one, ahead in zip(shown, ("+02:00", "+01:00"), strict=True)
    ] == [True, True]


@pytest.mark.parametrize(
    ("zone", "name", "key"),
    [
        (UTC, "UTC", "UTC"),
        (ZoneInfo("UTC"), "UTC", "UTC"),
        (BERLIN, "Europe/Berlin", "Europe/Berlin"),
        (pytz.timezone("Asia/Kolkata"), "Asia/Kolkata", "Asia/Kolkata"),
        (timezone(timedelta(hours=5, minutes=30)), "UTC+05:30", "+05:30"),
    ],
)
def test_a_zone_is_called_as_people_and_browsers_call_it(zone, name, key):
    assert (Zone(zone).name, Zone(zone).key) == (name, key)
    moment = datetime(2026, 7, 1, tzinfo=UTC).timestamp()
    assert zone_named(key, UTC).wall(moment) == Zone(zone).wall(moment)


@pytest.mark.parametrize("key", ["", "Nowhere/Else", "../../etc/passwd", "+25:00", "x" * 9999])
def test_a_name_that_is_none_is_the_clusters_zone(key):
    assert zone_named(key, BERLIN) == Zone(BERLIN)


@pytest.mark.parametrize(
    ("key", "wall", "first", "last"),
    [
        ("Europe/Berlin", "2026-11-20T10:30", "2026-11-20T09:30:00Z", "2026-11-20T09:30:00Z"),
        ("Europe/Berlin", "2026-07-20T10:30:05", "2026-07-20T08:30:05Z", "2026-07-20T08:30:05Z"),
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
        ("Asia/Kathmandu", "2027-01-01T00:00", "2026-12-31T18:15:00Z", "2026-12-31T18:15:00Z"),
        ("-03:30", "2026-12-31T23:00", "2027-01-01T02:30:00Z", "2027-01-01T02:30:00Z"),
        ("UTC", "soon", "soon", "soon"),
    ],
)
def test_what_a_form_holds_becomes_a_search_in_utc_that_says_so(key, wall, first, last):
    zone = zone_named(key, UTC)

    assert (zone.searched(wall), zone.searched(wall, is_end=True)) == (first, last)


@pytest.mark.parametrize(
    ("key", "wall", "ahead"),
    [
        ("UTC", "2026-11-20T10", "+00:00"),
        ("Europe/Berlin", "2026-11-20 10:30:05.123", "+01:00"),
        ("Europe/Berlin", "2026-10-25T02:30", "+02:00"),
        ("America/St_Johns", "2026-12-31 23:59", "-03:30"),
        ("UTC", "soon", ""),
    ],
)
def test_a_time_that_clocks_show_is_ahead_of_utc(key, wall, ahead):
    assert zone_named(key, UTC).ahead(wall) == ahead


def test_zones_of_pytz_know_the_hour_that_is_there_twice_too():
    zone = Zone(pytz.timezone("Europe/Berlin"))

    assert zone.searched("2026-10-25T02:30") == "2026-10-25T00:30:00Z"
    assert zone.searched("2026-10-25T02:30", is_end=True) == "2026-10-25T01:30:00Z"


def test_templates_cannot_write_times_in_two_zones():
    told = fmt.in_zone(BERLIN)

    assert told.moment(0) == "1970-01-01 01:00:00.000"
    assert "01:00:00" in told.time(0)
    assert 'title="1970-01-01 01:00:00.000 Europe/Berlin"' in told.time_ago(0, 180)
    assert ">3 min ago<" in told.time_ago(0, 180)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("1970-01-01T00:00:00.500000+00:00", 0.5),
        ("1970-01-01T00:00:00", None),
        ("soon", None),
        (None, None),
    ],
)
def test_what_a_sender_wrote_is_a_moment_where_it_names_its_offset(text, seconds):
    assert fmt.iso_seconds(text) == seconds
