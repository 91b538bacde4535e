"""Suggests other searches: what was perhaps meant, what would find tasks; pure."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from flower_ng.errors import SearchError
from flower_ng.search import short_texts, suggestions
from flower_ng.store import TaskPage, parse_search
from flower_ng.web.pages.tasks.facets import Summary
from flower_ng.web.pages.tasks.local_times import local_search
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Listing
from flower_ng.web.ui.zone import Zone

#: To look through fewer tasks takes no time that anybody would notice.
MANY: Final = 20_000


@dataclass(frozen=True, slots=True)
class OtherSearch:
    """Another search: why, what it is, and its address."""

    message: str
    search: str
    url: str


def corrections(
    text: str, page: TaskPage, listing: Listing, links: Links, zone: Zone
) -> Iterator[OtherSearch]:
    """Yield what looks like a mistake; a state may be one that somebody made, if it has tasks.

    So does a time without an offset where pages show times in a `zone` that is not UTC.
    """
    for doubt in suggestions(text):
        if doubt.is_field or not page.rows:
            url = listing.filtered(links, search=doubt.instead)
            yield OtherSearch(doubt.message, doubt.instead, url)
    if local := local_search(text, zone):
        message = f"Times in a search are UTC. In {zone.name}, the cluster's time zone:"
        yield OtherSearch(message, local, listing.filtered(links, search=local))


def wider_searches(
    summary: Summary | None, listing: Listing, links: Links
) -> Iterator[OtherSearch]:
    """Yield the searches that find tasks where the one that was asked finds none."""
    for one in summary.wider if summary else ():
        about, tasks = "" if one.is_exact else "about ", "task" if one.count == 1 else "tasks"
        words = f"{about}{fmt.number(one.count)} {tasks} {one.label}"
        yield OtherSearch(words, one.search, listing.filtered(links, search=one.search))


def slow_text(text: str) -> str:
    """The first text of a search that is looked for in every task, empty where there is none."""
    with suppress(SearchError):
        return next(iter(short_texts(parse_search(text))), "")
    return ""
