"""Paging: which part of a list, in which order, and the links to the others."""

import pytest

from flower_ng.errors import BadRequest
from flower_ng.web.http.arguments import parse
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Column, Listing, pager

USUAL = Listing("/list", sort="-age", size=50)
LINKS = Links("")


def asked(filters=None, **arguments):
    """The listing of a request with these arguments."""

    def argument(name, default=None, type=str):  # noqa: A002 - as handlers have it
        value = arguments.get(name)
        return default if value is None else value if type is str else parse(value, type)

    return USUAL.asked(argument, filters or {})


def test_without_arguments_it_is_the_usual_one():
    listing = asked()

    assert (listing.key, listing.is_descending, listing.offset) == ("age", True, 0)
    assert listing.url(LINKS) == "/list"


def test_a_page_begins_after_those_before_it():
    assert asked(page="3", size="15").offset == 30


@pytest.mark.parametrize(
    ("arguments", "page", "size"),
    [
        ({"page": "0", "size": "0"}, 1, 1),
        ({"page": "-5", "size": "-5"}, 1, 1),
        ({"page": "9" * 30, "size": "9" * 30}, 10_000_000, 100),
    ],
)
def test_numbers_out_of_bounds_are_brought_within(arguments, page, size):
    listing = asked(**arguments)

    assert (listing.page, listing.size) == (page, size)


def test_what_is_no_number_is_refused():
    with pytest.raises(BadRequest, match="Invalid argument 'x' of type 'int'"):
        asked(size="x")


def test_links_keep_what_is_asked_for_and_go_to_the_first_page():
    listing = asked({"search": "a b"}, sort="name", size="15", page="4")

    assert listing.url(LINKS) == "/list?search=a+b&sort=name&size=15"
    assert listing.url(LINKS, page=5) == "/list?search=a+b&sort=name&size=15&page=5"


def test_a_choice_is_in_its_link_even_where_it_is_the_usual():
    assert asked(size="15").url(LINKS, size=50) == "/list?size=50"


@pytest.mark.parametrize(
    ("sort", "key", "is_largest_first", "url", "order"),
    [
        ("-age", "age", True, "/list?sort=age", "descending"),
        ("age", "age", True, "/list?sort=-age", "ascending"),
        ("name", "age", True, "/list?sort=-age", ""),
        ("name", "size", False, "/list?sort=size", ""),
        ("name", None, False, None, ""),
    ],
)
def test_a_heading_leads_to_its_order(sort, key, is_largest_first, url, order):
    column = Column("Title", key, is_largest_first=is_largest_first)

    (heading,) = asked(sort=sort).headings(LINKS, [column])

    assert (heading.url, heading.order) == (url, order)


@pytest.mark.parametrize(
    ("page", "shown", "count", "is_exact", "expected"),
    [
        (1, 50, 120, True, (1, 50, None, "2")),
        (2, 50, 120, True, (51, 100, "1", "3")),
        (3, 20, 120, True, (101, 120, "2", None)),
        (1, 50, 50, True, (1, 50, None, None)),
        (9, 0, 120, True, (0, 0, "3", None)),
        (1, 0, 0, True, (0, 0, None, None)),
        (2, 50, 100, False, (51, 100, "1", "3")),
        (2, 7, 100, False, (51, 57, "1", None)),
    ],
)
def test_the_pager_says_where_we_are_and_leads_on(page, shown, count, is_exact, expected):
    listing = asked(page=str(page))

    line = pager(listing, LINKS, shown=shown, count=count, is_exact=is_exact)

    pages = [url and url.rpartition("page=")[2] for url in (line.newer, line.older)]
    assert (line.first, line.last, *pages) == expected


def test_sizes_are_offered_where_they_would_change_something():
    few = pager(asked(), LINKS, shown=15, count=15)
    many = pager(asked(), LINKS, shown=16, count=16)

    assert few.sizes == ()
    assert [(size.label, size.is_current) for size in many.sizes] == [
        ("15", False),
        ("30", False),
        ("50", True),
        ("100", False),
    ]
