"""Audit is who did what, and who logged in, for admins."""

from dataclasses import dataclass

from flower_ng.audit_record import OUTCOMES, AuditEntry
from flower_ng.store import AuditQuery
from flower_ng.web.http.base import Need, Page
from flower_ng.web.ui.links import Links

SHOWN = 100


@dataclass(frozen=True, slots=True)
class AuditView:
    """Entries, the newest first; `older_url` leads to those before, empty where there are none.

    `outcomes` are the choices, `outcome` the one that was made.
    """

    title: str
    entries: tuple[AuditEntry, ...]
    older_url: str
    who: str
    outcome: str
    outcomes: tuple[str, ...]
    links: Links


class AuditTrail(Page):
    """`/audit`."""

    path = "/audit"
    need = Need.ADMINISTER
    nav = "Audit"
    template = "pages/audit.html"

    async def view(self, *_none: str) -> AuditView:
        """Show what was recorded, maybe of one person or with one outcome."""
        who: str = self.get_argument("who", default="").strip()
        asked: str = self.get_argument("outcome", default="")
        outcome = asked if asked in OUTCOMES else ""
        query = AuditQuery(SHOWN, self.get_argument("before", default=""), who, outcome=outcome)
        page = await self.cluster.store.audit(query)
        links = Links(self.services.prefix)
        return AuditView(
            title="Audit",
            entries=page.entries,
            older_url=_older_url(links, who, outcome, page.next),
            who=who,
            outcome=outcome,
            outcomes=OUTCOMES,
            links=links,
        )


def _older_url(links: Links, who: str, outcome: str, cursor: str) -> str:
    query = {"who": who, "outcome": outcome, "before": cursor}
    return links.page("/audit", {name: text for name, text in query.items() if text}) * bool(cursor)
