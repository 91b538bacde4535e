"""Paging cuts a long list into pages and sorts it, by links alone; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from flower_ng.web.ui.links import Links

#: Rows of a page that can be chosen; Flower offers the same.
SIZES = (15, 30, 50, 100)
#: No list is longer; keeps the offset within what a store can count.
MOST_PAGES = 10_000_000


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several links, of which one is where we are."""

    label: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list; `key` is what sorts by it, if anything does, `kind` how it is shown."""

    label: str
    key: str | None
    kind: str = ""
    is_largest_first: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a column: where a click leads, and `order` in the words of `aria-sort`."""

    label: str
    url: str | None
    order: str
    kind: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Which part of a list is asked for: the page (from 1), its size, the order, the filters.

    `sort` is a column's key, with a `-` in front for the largest first. `default` is the listing
    that the bare path asks for: links name only what differs from it.
    """

    path: str
    sort: str
    size: int
    page: int = 1
    filters: Mapping[str, str] = field(default_factory=dict)
    default: Self | None = None

    @property
    def key(self) -> str:
        """The key of the column that sorts."""
        return self.sort.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        """Whether the largest come first."""
        return self.sort.startswith("-")

    @property
    def offset(self) -> int:
        """How many rows come before this page."""
        return (self.page - 1) * self.size

    def asked(self, argument: Callable[..., Any], filters: Mapping[str, str]) -> Self:
        """This listing, as the arguments of a request change it; BadRequest for a bad number."""
        page: int = argument("page", default=self.page, type=int)
        size: int = argument("size", default=self.size, type=int)
        return replace(
            self,
            sort=argument("sort", default="") or self.sort,
            size=min(max(size, 1), SIZES[-1]),
            page=min(max(page, 1), MOST_PAGES),
            filters=filters,
            default=self,
        )

    def url(self, links: Links, **changes: Any) -> str:
        """Where the changed listing is; any change but that of the page leads to the first page.

        What is as by default is left out, unless it is the change: browsers remember choices.
        """
        wanted = replace(self, **{"page": 1, **changes})
        usual = self.default or self
        query = {key: value for key, value in wanted.filters.items() if value}
        for name in ("sort", "size", "page"):
            value = getattr(wanted, name)
            if name in changes or value != getattr(usual, name):
                query[name] = str(value)
        return links.page(self.path, query)

    def filtered(self, links: Links, **filters: str) -> str:
        """Where the listing is with these filters changed."""
        return self.url(links, filters={**self.filters, **filters})

    def headings(self, links: Links, columns: Sequence[Column]) -> tuple[Heading, ...]:
        """The heads of the columns; a click on the one that sorts turns the order round."""
        return tuple(self._heading(links, column) for column in columns)

    def _heading(self, links: Links, column: Column) -> Heading:
        if column.key is None:
            return Heading(column.label, None, "", column.kind)
        first = f"-{column.key}" if column.is_largest_first else column.key
        order = ""
        if column.key == self.key:
            first = column.key if self.is_descending else f"-{column.key}"
            order = "descending" if self.is_descending else "ascending"
        return Heading(column.label, self.url(links, sort=first), order, column.kind)


@dataclass(frozen=True, slots=True)
class Pager:
    """The line below a list: `first` to `last` of `count`; 0 to 0 where this page is empty.

    `is_exact` says whether `count` is the number itself, else it is about so many.
    """

    first: int
    last: int
    count: int
    is_exact: bool
    newer: str | None
    older: str | None
    sizes: tuple[Choice, ...]


def pager(
    listing: Listing, links: Links, *, shown: int, count: int, is_exact: bool = True
) -> Pager:
    """The pager of a page with `shown` rows."""
    last_page = max(1, -(-count // listing.size))
    is_more = listing.page < last_page or (not is_exact and shown == listing.size)
    before = min(listing.page - 1, last_page)
    return Pager(
        first=listing.offset + 1 if shown else 0,
        last=listing.offset + shown if shown else 0,
        count=count,
        is_exact=is_exact,
        newer=listing.url(links, page=before) if before else None,
        older=listing.url(links, page=listing.page + 1) if is_more else None,
        sizes=_sizes(listing, links) if count > SIZES[0] else (),
    )


def _sizes(listing: Listing, links: Links) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(size), listing.url(links, size=size), size == listing.size) for size in SIZES
    )
