"""Waiting is the tasks that workers hold until their time, and those that wait for a retry."""

from dataclasses import dataclass
from typing import Final

from flower_ng.web.http.base import Need, Page
from flower_ng.web.lookups.waiting import Waiting, WaitingTask, waiting_now
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Choice, Listing, Pager, pager
from flower_ng.web.ui.schedule_parts import arguments_of, schedule_tabs

LISTING: Final = Listing("/schedule/waiting", sort="eta", size=50)


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """A task that waits, with its arguments in one line."""

    one: WaitingTask
    arguments: str


@dataclass(frozen=True, slots=True)
class WaitingView:
    """A page of the tasks, the next one first."""

    title: str
    tabs: tuple[Choice, ...]
    found: Waiting
    lines: tuple[WaitingLine, ...]
    pager: Pager
    now: float
    links: Links


class WaitingPage(Page):
    """`/schedule/waiting`."""

    path = "/schedule/waiting"
    need = Need.READ
    nav = "Schedule"
    template = "pages/waiting.html"

    async def view(self, *_none: str) -> WaitingView:
        """Ask the workers where their answers are some seconds old."""
        links, listing = Links(self.services.prefix), LISTING.asked(self.get_argument, {})
        found = await waiting_now(self.cluster, self.services.clock())
        shown = found.tasks[listing.offset : listing.offset + listing.size]
        return WaitingView(
            title="Waiting for ETA",
            tabs=schedule_tabs(links, self.path),
            found=found,
            lines=tuple(WaitingLine(one, arguments_of(one.row)) for one in shown),
            pager=pager(listing, links, shown=len(shown), count=len(found.tasks)),
            now=self.services.clock(),
            links=links,
        )
