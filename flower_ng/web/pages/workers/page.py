"""Workers is the front page: who is there, how busy, with what success."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.monitor.state.rows import worker_rows
from flower_ng.web.http.base import NavCount, Need, Page
from flower_ng.web.lookups.overview_numbers import only_answering
from flower_ng.web.lookups.past_view import PastView, past_view
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Choice, Column, Heading, Listing, Pager, pager
from flower_ng.web.ui.worker_rows import Group, Member, Total, grouped, groups_of, ordered, total_of

COLUMNS: Final = (
    Column("Worker", "name"),
    Column("Status", "status"),
    Column("Active", "active", "number", is_largest_first=True),
    Column("Processed", "processed", "number", is_largest_first=True),
    Column("Failed", "failed", "number", is_largest_first=True),
    Column("Succeeded", "succeeded", "number", is_largest_first=True),
    Column("Load Average", "load", "number", is_largest_first=True),
    Column("Memory", "memory", "number", is_largest_first=True),
    Column("Uptime", "uptime", "number", is_largest_first=True),
    Column("Queues", None),
    Column("Celery", "software"),
    Column("Heartbeat", "heard", "number", is_largest_first=True),
)
#: What the rows can be grouped by: a choice's label and the value of `group`.
GROUPS: Final = {"All": "", "By host": "host", "By queue": "queue"}
#: More queues of a worker than this are only counted.
MOST_QUEUES: Final = 3
LISTING: Final = Listing("/workers", sort="name", size=50)


@dataclass(frozen=True, slots=True)
class WorkersView:
    """The front page; `every_s` is the least time between two refreshes, None for none at all.

    `answering` are those that answered inspections, where events told of no worker.
    """

    title: str
    total: Total
    shown: Total
    groups: tuple[Group, ...]
    choices: tuple[Choice, ...]
    most_queues: int
    now: float
    headings: tuple[Heading, ...]
    pager: Pager
    search: str
    sort: str
    refresh_url: str
    every_s: int | None
    answering: tuple[tuple[str, str], ...]


class Workers(Page):
    """`/` and `/workers`; with `json=1` the rows as JSON."""

    path = "/"
    need = Need.READ
    aliases = ("/workers",)
    nav = "Workers"
    template = "pages/workers/page.html"

    @classmethod
    def count(cls, cluster: Cluster) -> NavCount | None:
        """How many workers are online; alarming when none is of those that should be.

        None where no event can or does tell, so that it cannot be known.
        """
        census = cluster.presence.census()
        if cluster.presence.lack or (not census.known and only_answering(cluster)):
            return None
        words = f"{census.online} of {census.expected} online"
        return NavCount(census.online, words, bool(census.silent) and not census.online)

    async def view(self, *_none: str) -> WorkersView | PastView | None:
        """Show the workers, now or at a moment, or write their rows."""
        is_json = self.get_argument("json", default=False, type=bool)
        if not is_json and self.get_argument("at", default=""):
            return await past_view(self, "Workers")
        if self._leads_on() and not is_json:
            self.set_status(HTTPStatus.FOUND)
            self.set_header("Location", self.services.url("/overview"))
            return None
        if self.get_argument("refresh", default=False, type=bool):
            self.cluster.inspector.inspect()  # nobody waits for it
        rows = worker_rows(self.cluster.state, self.cluster.presence)
        if not is_json:
            return self._view([Member(row, self.cluster.inspector) for row in rows])
        self.write_json({"data": [row.record() for row in rows]})
        return None

    def _leads_on(self) -> bool:
        """Whether this is the front page, and the overview is to be it."""
        is_front: bool = self.request.path == self.services.url("/")
        return is_front and self.services.options.home == "overview"

    def _view(self, crew: Sequence[Member]) -> WorkersView:
        links = Links(self.services.prefix)
        search, group = self.get_argument("search", default=""), self._group()
        listing = LISTING.asked(self.get_argument, {"search": search, "group": group})
        found = ordered(
            (one for one in crew if search.casefold() in one.name.casefold()),
            listing.key,
            is_descending=listing.is_descending,
        )
        members = grouped(found, group)
        shown = members[listing.offset : listing.offset + listing.size]
        return WorkersView(
            title="Workers",
            total=(total := total_of(crew, links)),
            shown=total_of(found, links) if search else total,
            groups=tuple(groups_of(shown, links)),
            choices=tuple(_choices(group, search, listing, links)),
            most_queues=MOST_QUEUES,
            now=self.services.clock(),
            headings=listing.headings(links, COLUMNS),
            pager=pager(listing, links, shown=len(shown), count=len(members)),
            search=search,
            sort=listing.sort,
            refresh_url=links.action("workers"),
            every_s=self._every_s(),
            answering=() if crew else tuple(self._answering(links)),
        )

    def _answering(self, links: Links) -> Iterator[tuple[str, str]]:
        """Yield some of those that answered inspections, with their pages."""
        for name in only_answering(self.cluster)[: LISTING.size]:
            yield name, links.worker(name)

    def _group(self) -> str:
        wanted: str = self.get_argument("group", default="")
        return wanted if wanted in GROUPS.values() else ""

    def _every_s(self) -> int | None:
        wanted: int = self.get_argument("autorefresh", default=1, type=int)
        return max(1, wanted) if self.services.options.auto_refresh else None


def _choices(group: str, search: str, listing: Listing, links: Links) -> Iterator[Choice]:
    for label, value in GROUPS.items():
        url = listing.url(links, filters={"search": search, "group": value})
        yield Choice(label, url, value == group)
