"""Searches taken apart and put together again."""

import pytest

from flower_ng.errors import SearchError
from flower_ng.store import parse_search
from flower_ng.web.pages.tasks.search_terms import (
    exact_term,
    parted,
    received,
    terms,
    value_of,
    with_received,
    with_value,
    without_value,
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("  one   two ", ("one", "two")),
        ("one AND two", ("one", "two")),
        ("NOT one -two", ("NOT one", "-two")),
        ('name:="a b" "two words"', ('name:="a b"', '"two words"')),
        ("one OR two", ("(one OR two)",)),
        ("(one OR two) three", ("(one OR two)", "three")),
        ("-(one (two OR three)) four", ("-(one (two OR three))", "four")),
        ("NOT NOT (one two)", ("NOT NOT (one two)",)),
        (r'args:"\"( 1" x:y', (r'args:"\"( 1"', "x:y")),
    ],
)
def test_a_search_falls_into_the_parts_that_must_all_match(text, parts):
    assert terms(text) == parts


@pytest.mark.parametrize("text", ["one OR two", "NOT one (two OR -three) AND four", '"a b" -c:d*'])
def test_the_parts_together_mean_what_the_search_meant(text):
    assert parse_search(parted(text)) == parse_search(text)


def test_what_is_no_search_has_no_parts_and_stays_as_it_is():
    with pytest.raises(SearchError):
        terms("(one")
    assert parted("(one") == "(one"


@pytest.mark.parametrize(
    ("text", "column", "value"),
    [
        ("state:FAILURE", "state", "failure"),
        ("mail name:=Shop.Pay", "name", "shop.pay"),
        ("-state:FAILURE", "state", None),
        ("NOT state:FAILURE", "state", None),
        ("state:FAILURE OR state:RETRY", "state", None),
        ("exception:=ValueError", "exception_class", "valueerror"),
    ],
)
def test_a_value_is_wanted_where_nothing_else_would_match(text, column, value):
    assert value_of(text, column) == value


def test_a_value_takes_the_place_of_the_one_before_and_of_nothing_else():
    narrowed = with_value("mail state:failure -state:RETRY", "state", "SUCCESS")

    assert narrowed == "mail -state:RETRY state:SUCCESS"
    assert without_value(narrowed, "state") == "mail -state:RETRY"


def test_alternatives_are_narrowed_as_a_whole():
    assert with_value("one OR two", "queue", "a b") == '(one OR two) queue:="a b"'


@pytest.mark.parametrize("value", ['a "b" \\c', "two words", "x)", "plain", "-dash", "*", "="])
def test_a_whole_value_is_found_whatever_is_in_it(value):
    text = exact_term("name", value)

    assert value_of(text, "name") == value.casefold()
    assert len(terms(text)) == 1


def test_a_period_takes_the_place_of_the_one_before():
    text = with_received("mail received:>=2026-11-20 received:<2026-11-21 sent:today", "-1h..")

    assert text == "mail sent:today received:-1h.."
    assert received(text) == "-1h.."
    assert with_received(text, "") == "mail sent:today"


def test_a_search_without_a_period_names_none():
    assert received("mail -received:-1h..") == ""
