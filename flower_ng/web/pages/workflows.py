"""Workflows lists what was started together: chains, groups, chords, and tasks that send tasks."""

from dataclasses import dataclass
from typing import Final

from flower_ng.errors import AnswerError
from flower_ng.web.http.base import Need, Page
from flower_ng.web.lookups.workflow_list import (
    STALLED_S,
    STANDINGS,
    WorkflowLine,
    WorkflowPage,
    WorkflowsAsked,
    workflows,
)
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Choice

PATH: Final = "/workflows"
#: States in the order in which they are told, then all others.
ORDER: Final = ("FAILURE", "REVOKED", "RETRY", "STARTED", "RECEIVED", "PENDING", "SUCCESS")
#: The shape and colour that stand for where a workflow stands.
LOOKS: Final = {
    "stalled": "attention",
    "running": "STARTED",
    "failed": "FAILURE",
    "ended": "SUCCESS",
}


@dataclass(frozen=True, slots=True)
class WorkflowRow:
    """One workflow as a row; `states` are its states and how many tasks are in each."""

    one: WorkflowLine
    url: str
    look: str
    states: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class WorkflowsView:
    """The list; `problem` is why it can't be told, else empty.

    `kept` are the arguments that the form of the search sends along. `older` leads to what follows.
    """

    title: str
    choices: tuple[Choice, ...]
    search: str
    name: str
    kept: dict[str, str]
    all_url: str
    sections: tuple[tuple[str, tuple[WorkflowRow, ...]], ...]
    older: str
    found: WorkflowPage | None
    problem: str
    now: float
    stalled_s: float


class WorkflowsPage(Page):
    """`/workflows`."""

    path = PATH
    need = Need.READ
    nav = "Workflows"
    template = "pages/workflows.html"

    async def view(self, *_none: str) -> WorkflowsView:
        """Read one page; a search that can't be meant is told in the page."""
        links, now = Links(self.services.prefix), self.services.clock()
        state: str = self.get_argument("state", default="")
        asked = WorkflowsAsked(
            state=state if state in STANDINGS else "",
            name=self.get_argument("name", default=""),
            search=self.get_argument("search", default=""),
            cursor=self.get_argument("cursor", default=""),
        )
        found, problem = None, ""
        try:
            found = await self.while_here(workflows(self.cluster, asked, now))
        except AnswerError as error:
            problem = error.message
        kept = {"state": asked.state, "name": asked.name, "search": asked.search}
        return WorkflowsView(
            title="Workflows",
            choices=tuple(
                Choice(one.capitalize() or "All", _url(links, kept, state=one), one == asked.state)
                for one in STANDINGS
            ),
            search=asked.search,
            name=asked.name,
            kept={"state": asked.state} if asked.state else {},
            all_url=_url(links, kept, name="", search=""),
            sections=() if found is None else _sections(found, links),
            older=_url(links, kept, cursor=found.next) if found and found.next else "",
            found=found,
            problem=problem,
            now=now,
            stalled_s=STALLED_S,
        )


def _url(links: Links, kept: dict[str, str], **changes: str) -> str:
    wanted = {**kept, **changes}
    return links.page(PATH, {name: value for name, value in wanted.items() if value})


def _sections(found: WorkflowPage, links: Links) -> tuple[tuple[str, tuple[WorkflowRow, ...]], ...]:
    """Return the tables of the page with their headings, none of them empty."""
    parts = (("Stalled", found.stalled), ("Newest", found.lines))
    return tuple((head, tuple(_row(one, links) for one in some)) for head, some in parts if some)


def _row(one: WorkflowLine, links: Links) -> WorkflowRow:
    known = {state: place for place, state in enumerate(ORDER)}
    states = sorted(one.counts.items(), key=lambda pair: (known.get(pair[0], 3), pair[0]))
    return WorkflowRow(one, links.workflow(one.root_id), LOOKS[one.standing], tuple(states))
