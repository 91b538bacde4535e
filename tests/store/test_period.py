from math import inf

import pytest

from flower_ng.store import TaskQuery, parse_search
from flower_ng.store.old_index import Part
from flower_ng.store.period import ALL, Period, period


def of(text, **fields):
    return period(TaskQuery(search=parse_search(text), **fields), 1000.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alpha", ALL),
        ("alpha -has:received", Period(inf, -inf, or_never=True)),
        ("has:received", Period(-inf, inf, or_never=False)),
        ("alpha received:-100s..", Period(900.0, inf, or_never=False)),
    ],
)
def test_a_search_may_say_when_its_tasks_were_received(text, expected):
    assert of(text) == expected


def test_what_one_of_two_searches_asks_says_nothing():
    assert of("has:received OR alpha") == ALL


def test_a_part_whose_tasks_were_all_received_has_none_that_were_not():
    never = of("-has:received")

    assert never.share(Part(1, 10, 10, 1, 10, received_low=1.0, received_high=2.0)) == 0
    assert never.share(
        Part(1, 10, 10, 1, 10, received_low=1.0, received_high=2.0, unreceived=5)
    ) == pytest.approx(0.5)


def test_tasks_that_no_one_received_are_found_by_that_alone():
    assert of("-has:received").conditions() == ["p.received IS NULL"]
    assert of("has:received").conditions() == ["p.received IS NOT NULL"]
