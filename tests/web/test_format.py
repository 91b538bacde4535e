import json
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from flower_ng.web.ui import format as fmt

DASH = "\u2013"
NEW_YEAR = 1704067200.0  # 2024-01-01 00:00:00 UTC


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.00 ms"),
        (0.001234, "1.23 ms"),
        (0.009996, "10.0 ms"),
        (0.09996, "100 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (12.34, "12.3 s"),
        (59.94, "59.9 s"),
        (59.96, "1m 00s"),
        (125, "2m 05s"),
        (3599.9, "1h 00m 00s"),
        (3723, "1h 02m 03s"),
        (360000, "100h 00m 00s"),
        (None, DASH),
        (-1, DASH),
        (float("inf"), DASH),
        (float("nan"), DASH),
    ],
)
def test_a_duration_has_three_digits(seconds, shown):
    assert fmt.duration(seconds) == shown


def test_a_moment_has_milliseconds_and_stands_in_the_given_timezone():
    assert fmt.moment(NEW_YEAR + 0.5, UTC) == "2024-01-01 00:00:00.500"
    assert fmt.moment(NEW_YEAR, ZoneInfo("Asia/Tokyo")) == "2024-01-01 09:00:00.000"


def test_a_time_is_utc_for_machines_and_local_for_people():
    shown = fmt.time(NEW_YEAR, ZoneInfo("Asia/Tokyo"))

    assert shown == (
        '<time datetime="2024-01-01T00:00:00.000Z">'
        "<small>2024-01-01 </small>09:00:00<small>.000</small></time>"
    )


@pytest.mark.parametrize("impossible", [None, float("nan"), float("inf"), 1e30, -1e30])
def test_a_time_that_no_calendar_holds_is_a_dash(impossible):
    assert fmt.time(impossible, UTC) == DASH
    assert fmt.moment(impossible, UTC) == DASH
    assert fmt.iso(impossible) == ""


def test_a_relative_time_says_how_long_ago():
    assert ">3 min ago<" in fmt.time_ago(NEW_YEAR, NEW_YEAR + 180, UTC)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "now"),
        (0.9, "now"),
        (1, "1 s ago"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (7200, "2 h ago"),
        (86400 * 1500, "1,500 d ago"),
        (-90, "in 1 min"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(seconds, shown):
    assert fmt.age(seconds) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, DASH),
        (0, "0"),
        (9999, "9,999"),
        (12_345, "12.3k"),
        (999_949, "999.9k"),
        (999_950, "1M"),
        (-999_950, "-1M"),
        (1_000_000, "1M"),
        (999_999_999, "1G"),
        (9.9999e14, "1000T"),
        (2.5e13, "25T"),
    ],
)
def test_a_count_is_short_where_room_is(value, shown):
    assert fmt.short(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, DASH),
        (0.0, "0 %"),
        (1e-9, "< 0.1 %"),
        (0.004, "0.4 %"),
        (0.5, "50 %"),
        (0.99, "99 %"),
        (0.9949, "99.5 %"),
        (0.999, "99.9 %"),
        (0.99999, "> 99.9 %"),
        (1.0, "100 %"),
        (1.5, "150 %"),
    ],
)
def test_a_share_is_all_or_nothing_only_where_it_is(value, shown):
    assert fmt.share(value) == shown


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("routing_key", "Routing key"),
        ("max-concurrency", "Max concurrency"),
        ("broker_url", "Broker URL"),
        ("uuid", "UUID"),
        ("eta", "ETA"),
        ("ssl", "SSL"),
        ("curl_uri", "Curl URI"),
        ("args", "args"),
        ("kwargs", "kwargs"),
        ("", ""),
    ],
)
def test_a_key_becomes_a_readable_label(key, label):
    assert fmt.label(key) == label


def test_what_is_not_known_is_a_dash():
    assert [fmt.text(None), fmt.text(""), fmt.number(None), fmt.size(None)] == [DASH] * 4


def test_counts_and_sizes_are_grouped():
    assert fmt.number(1234567) == "1,234,567"
    assert fmt.size(1_200_000) == "1.2 MB"


def test_humanize_accepts_the_length_that_the_manual_shows():
    assert fmt.humanize("(1, 2, 3, 4, 5)", length=10) == "(1, 2, ..."
    assert fmt.humanize("short", length=10) == "Short"


def test_humanize_keeps_ids_joins_lists_and_blanks_nothing():
    uuid = "0c2b3e36-5a4b-4b7c-9b54-0d7a3e7a4c11"

    assert fmt.humanize(uuid) == uuid
    assert fmt.humanize(["a", 1]) == "a, 1"
    assert fmt.humanize(None) == ""
    assert fmt.humanize(7) == 7


def test_humanize_shows_times_in_the_timezone_of_the_type():
    assert fmt.humanize(NEW_YEAR, type="time-Asia/Tokyo") == "2024-01-01 09:00:00.000"
    assert fmt.humanize(NEW_YEAR, type="time") == "2024-01-01 00:00:00.000"
    assert fmt.humanize(NEW_YEAR, type="natural-time").endswith("ago")


def test_json_is_ascii_and_cannot_end_a_script():
    assert fmt.json_text({"é": "</script>"}) == '{"\\u00e9": "<\\/script>"}'


def test_json_has_no_number_that_json_lacks():
    text = fmt.json_text({"a": [float("nan"), {"b": float("-inf")}], "c": 1.5, "d": (1, 2)})

    assert json.loads(text) == {"a": [None, {"b": None}], "c": 1.5, "d": [1, 2]}


def test_json_shows_other_objects_by_their_repr():
    assert json.loads(fmt.json_text({"a": ValueError("x")})) == {"a": "ValueError('x')"}
