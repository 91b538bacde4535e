"""Tasks is the list of all tasks: searched, narrowed, sorted, page by page; read from the store."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.errors import SearchError, Unavailable
from flower_ng.store import Field, TaskPage, TaskQuery, TaskRow, fields, parse_search
from flower_ng.web.http.base import LIVE, NavCount, Need, Page
from flower_ng.web.pages.tasks.bulk_actions import BulkActions, bulk_actions
from flower_ng.web.pages.tasks.by_runtime import by_runtime
from flower_ng.web.pages.tasks.columns import COLUMNS, MOST_FITTING, Row, column_slugs, row_of
from flower_ng.web.pages.tasks.counts_cache import CachedSummary, Summaries
from flower_ng.web.pages.tasks.facets import (
    UNPLACED,
    Facet,
    FacetValue,
    Summary,
    facets,
    summed,
    tabs,
)
from flower_ng.web.pages.tasks.other_searches import (
    MANY,
    OtherSearch,
    corrections,
    slow_text,
    wider_searches,
)
from flower_ng.web.pages.tasks.search_error import Mistake, mistake
from flower_ng.web.pages.tasks.search_terms import exact_term, parted, with_received
from flower_ng.web.pages.tasks.time_menu import TimeRange, time_range
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Choice, Heading, Listing, Pager, pager
from flower_ng.web.ui.zone import Zone, zone_named

#: What Flower's addresses, and links of other pages, name; and the columns that they are about.
PRESETS: Final[Mapping[str, str]] = {
    "state": "state",
    "worker": "worker",
    "name": "name",
    "queue": "queue",
    "exception": "exception_class",
}
#: Rows of a page unless somebody chose.
SIZE: Final = 50
#: How long a page that somebody opens waits for its counts; one that follows has them next time.
COUNTS_WAIT_S: Final = 0.5
#: Views that everybody has: their search, and their order.
VIEWS: Final = {
    "Longest running": ("is:running", "-runtime"),
    "Failed in the last hour": ("state:FAILURE received:-1h..", ""),
    "Longest waiting": ("is:waiting", "received"),
    "Retried": ("is:retried", "-retries"),
    "Slowest in the last 24 hours": ("received:-1d..", "-runtime"),
}


@dataclass(frozen=True, slots=True)
class TasksView:
    """The list; `problem` is why there is none. `total` counts all tasks.

    `corrections` are for what in the search looks like a mistake, `wider_searches` find tasks where
    it finds none; `short` is a text of it that no index helps to find, where that takes long, else
    empty.
    """

    title: str
    search: str
    problem: Mistake | None
    corrections: tuple[OtherSearch, ...]
    wider_searches: tuple[OtherSearch, ...]
    short: str
    fields: tuple[Field, ...]
    states: tuple[FacetValue, ...]
    facets: tuple[Facet, ...]
    known: CachedSummary[Summary] | None
    time: TimeRange
    views: tuple[Choice, ...]
    columns: Mapping[str, str]
    chosen: tuple[str, ...]
    usual_columns: str
    columns_url: str
    term_url: str
    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]
    picks: bool
    pager: Pager
    bulk: BulkActions
    total: int
    kept: Mapping[str, str]
    all_url: str
    aside_url: str
    is_natural_time: bool
    is_wide: bool
    now: float


@dataclass(frozen=True, slots=True)
class _Found:
    """What was asked for, and what came of it."""

    text: str
    slugs: tuple[str, ...]
    listing: Listing
    page: TaskPage
    problem: Mistake | None
    known: CachedSummary[Summary] | None


class Tasks(Page):
    """`/tasks`, with `search` or the presets, and `columns`.

    With `counted` the number of tasks is exact, however long it takes to count them. What the
    forms send beside the search (`from`, `to`, `zone`, single columns) leads to the address that
    says it.
    """

    path = "/tasks"
    need = Need.READ
    nav = "Tasks"
    template = "pages/tasks/page.html"

    @classmethod
    def count(cls, cluster: Cluster) -> NavCount:
        """How many tasks run now, by the heartbeats of the workers that are online."""
        running = sum(worker.active or 0 for worker in cluster.presence.online())
        return NavCount(running, f"{fmt.number(running)} running")

    async def view(self, *_none: str) -> TasksView | None:
        """Ask the store for one page, and for the counts around it."""
        usual = column_slugs(self.services.options.tasks_columns)
        slugs = column_slugs(",".join(self.get_arguments("columns")), usual)
        text = self._text()
        chosen = "" if slugs == usual else ",".join(slugs)
        listing = Listing("/tasks", sort=_default_sort(slugs), size=SIZE).asked(
            self.get_argument, {"search": text, "columns": chosen}
        )
        if self._is_form():
            self.redirect(listing.url(Links(self.services.prefix)))
            return None
        try:
            page = await self._page(text, listing)
            known = await self._known(text)
        except (SearchError, Unavailable) as error:
            problem = mistake(error, text)
            found = _Found(text, slugs, listing, TaskPage([], 0, 0), problem, None)
        else:
            found = _Found(text, slugs, listing, page, None, known)
        return self._view(found, usual)

    def _text(self) -> str:
        """The search that is asked for, in whichever way."""
        search: str | None = self.get_argument("search", default=None)
        given = {name: self.get_argument(name, default="") for name in PRESETS}
        text = as_search(given) if search is None else search
        start, end = self._period()
        with suppress(SearchError):  # which the list will say
            return with_received(text, f"{start}..{end}") if start or end else text
        return text

    def _period(self) -> tuple[str, str]:
        """The times that a form holds, as searches name them: its clock is that of its `zone`."""
        zone = zone_named(self.get_argument("zone", default=""), self.cluster.timezone)
        start, end = (self.get_argument(name, default="") for name in ("from", "to"))
        return (
            zone.searched(start) if start else "",
            zone.searched(end, is_end=True) if end else "",
        )

    def _is_form(self) -> bool:
        """Whether a form's fields are to become an address."""
        return (
            any(self.get_argument(name, default="") for name in ("from", "to"))
            or len(self.get_arguments("columns")) > 1
        )

    async def _page(self, text: str, listing: Listing) -> TaskPage:
        query = TaskQuery(
            search=parse_search(text),
            sort=listing.key,
            descending=listing.is_descending,
            offset=listing.offset,
            limit=listing.size,
        )
        store = self.cluster.store.at_once()
        if listing.key == "runtime":
            page = await by_runtime(store, query, self.services.clock())
        else:
            page = await store.tasks(query)
        if not page.exact and self.get_argument("counted", default=False, type=bool):
            return replace(page, filtered=await store.count(query), exact=True)
        return page

    async def _known(self, text: str) -> CachedSummary[Summary] | None:
        summaries: Summaries[Summary] = self.settings["summaries"]
        key = parted(text)
        count = partial(
            summed, self.cluster.store, key, self.services.clock(), Zone(self.cluster.timezone)
        )
        is_live = LIVE in self.request.headers
        return await summaries.of(key, count, 0 if is_live else COUNTS_WAIT_S)

    @property
    def _picks(self) -> bool:
        """Whether rows can be ticked: whoever asks may do something to tasks."""
        return self.controls.open

    def _headings(
        self, listing: Listing, slugs: Sequence[str], links: Links
    ) -> tuple[Heading, ...]:
        headings = tuple(listing.headings(links, [COLUMNS[slug] for slug in slugs]))
        if not self._picks:
            return headings
        first, last = (Heading(label, None, "", "tool") for label in ("Select", "Run again"))
        return (first, *headings, last)

    def _is_in_doubt(self, row: TaskRow) -> bool:
        """Whether it is unknown if a started task still runs."""
        doubt = self.cluster.health.doubt
        return row.is_running and row.worker is not None and bool(doubt(row.uuid, row.worker))

    def _view(self, found: _Found, usual: Sequence[str]) -> TasksView:
        links, listing, page = Links(self.services.prefix), found.listing, found.page
        now, zone = self.services.clock(), Zone(self.cluster.timezone)
        base = "" if found.problem else parted(found.text)
        known = found.known
        summary = known.summary if known else None
        rows = map(self.cluster.format_task, page.rows)
        return TasksView(
            title="Tasks",
            search=found.text,
            problem=found.problem,
            corrections=()
            if found.problem
            else tuple(corrections(found.text, page, listing, links, zone)),
            wider_searches=tuple(wider_searches(summary, listing, links)),
            short=slow_text(found.text) if found.problem or page.total >= MANY else "",
            fields=fields(),
            states=tuple(tabs(summary, base, listing, links)),
            facets=() if found.problem else tuple(facets(summary, base, listing, links)),
            known=known,
            time=time_range(base, listing, links, zone),
            views=tuple(_views(found.text, listing, links)),
            columns={slug: column.label for slug, column in COLUMNS.items()},
            chosen=found.slugs,
            usual_columns=",".join(usual),
            columns_url=listing.filtered(links, columns=",".join(usual)),
            term_url=listing.filtered(links, search=f"{base} {{term}}".strip()),
            headings=self._headings(listing, found.slugs, links),
            rows=tuple(
                row_of(shown, found.slugs, links, now, is_in_doubt=self._is_in_doubt(row))
                for row, shown in zip(page.rows, rows, strict=True)
            ),
            picks=self._picks,
            pager=pager(
                listing, links, shown=len(page.rows), count=page.filtered, is_exact=page.exact
            ),
            bulk=bulk_actions(
                replace(listing, filters={"search": found.text}),
                links,
                page.filtered if page.exact else None,
            ),
            total=page.total,
            kept=_kept(listing),
            all_url=listing.filtered(links, search=""),
            aside_url=listing.filtered(links, search=f"{base} {UNPLACED}".strip()),
            is_natural_time=self.services.options.natural_time,
            is_wide=len(found.slugs) > MOST_FITTING,
            now=now,
        )


def as_search(presets: Mapping[str, str]) -> str:
    """The search that says the same as exact values."""
    return " ".join(exact_term(PRESETS[name], value) for name, value in presets.items() if value)


def _default_sort(slugs: Sequence[str]) -> str:
    """The newest first, by Received; without that column, the last of the first column first."""
    sortable = [slug for slug in slugs if COLUMNS[slug].key]
    return f"-{'received' if 'received' in slugs else next(iter(sortable), 'received')}"


def _kept(listing: Listing) -> dict[str, str]:
    """What forms carry so that a new search looks as this one does."""
    usual = listing.default or listing
    kept = {"columns": listing.filters["columns"]}
    if listing.sort != usual.sort:
        kept["sort"] = listing.sort
    if listing.size != usual.size:
        kept["size"] = str(listing.size)
    return {name: value for name, value in kept.items() if value}


def _views(text: str, listing: Listing, links: Links) -> Iterator[Choice]:
    for label, (search, sort) in VIEWS.items():
        filters = {**listing.filters, "search": search}
        changes = {"sort": sort} if sort else {}
        is_current = text == search and (not sort or sort == listing.sort)
        yield Choice(label, listing.url(links, filters=filters, **changes), is_current)
