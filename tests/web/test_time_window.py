"""The time that a histogram shows."""

import pytest

from flower_ng.store import parse_search
from flower_ng.web.ui.time_window import MOST_STEPS, Window, period, window

NOW = 1_800_000_000.0


def of(text, oldest=NOW - 3600.0):
    return window(parse_search(text), NOW, oldest)


def test_without_a_time_it_reaches_from_the_oldest_task_to_now():
    found = of("mail")

    assert (found.start, found.end, found.step_s) == (NOW - 3600, NOW + 60, 60)


@pytest.mark.parametrize(
    ("text", "length_s", "step_s"),
    [
        ("received:-1h..", 3600, 60),
        ("received:-15m.. state:FAILURE", 900, 15),
        ("received:-1d..", 86_400, 1800),
        ("received:-10s..", 10, 1),
        ("received:-2h..-1h", 3600, 60),
    ],
)
def test_a_time_that_the_search_names_is_shown(text, length_s, step_s):
    found = of(text, oldest=None)

    assert found.step_s == step_s
    assert length_s <= found.end - found.start <= length_s + 2 * step_s


@pytest.mark.parametrize("span_s", [0, 1, 89, 90, 5000, 1e6, 1e8, NOW])
def test_steps_are_few_and_hold_all_of_the_time(span_s):
    found = of("", oldest=NOW - span_s)

    assert 1 <= found.count <= MOST_STEPS
    assert found.start <= NOW - span_s
    assert found.end > NOW  # the second that it is belongs to it


def test_alternatives_name_no_time():
    assert of("received:-1h.. OR mail") == of("mail")


def test_a_time_that_ends_before_it_begins_is_still_a_window():
    assert of("received:>2026-11-20 received:<2026-11-19").count >= 1


def test_a_period_ends_with_the_last_second_before_its_end():
    assert period(0, 60) == "1970-01-01T00:00:00Z..1970-01-01T00:00:59Z"


def test_a_period_finds_what_its_bar_stands_for():
    bar = Window(start=1_800_000_000, step_s=60, count=1)
    found = window(parse_search(f"received:{period(bar.start, bar.end)}"), NOW, None)

    assert (found.start, found.end) == (bar.start, bar.end)
