"""Who did what, and who logged in. On the loop."""

import msgspec

from flower_ng.audit_record import OUTCOMES
from flower_ng.errors import BadRequest
from flower_ng.store import AuditQuery
from flower_ng.web.http.base import Endpoint, Handler, Need

USUAL_ENTRIES = 100
MOST_ENTRIES = 500


class ShowAudit(Endpoint):
    """The record of actions and logins, the newest first; not one of Flower's."""

    path = r"/api/audit"
    need = Need.ADMINISTER
    summary = "Tell who did what, from where, and what came of it"

    async def get(self) -> None:
        """Answer `{entries, next}`; `next` is null where no more entries match."""
        page = await self.while_here(self.cluster.store.audit(audit_query(self)))
        self.write_json({"entries": msgspec.to_builtins(page.entries), "next": page.next or None})


def audit_query(handler: Handler) -> AuditQuery:
    """Return which entries a request asks for; BadRequest for a wrong argument."""
    limit: int = handler.get_argument("limit", default=USUAL_ENTRIES, type=int)
    outcome: str = handler.get_argument("outcome", default="")
    if not 0 < limit <= MOST_ENTRIES:
        raise BadRequest(f"limit must be from 1 to {MOST_ENTRIES}, not {limit}")
    if outcome and outcome not in OUTCOMES:
        raise BadRequest(f"Invalid outcome '{outcome}', expected one of {', '.join(OUTCOMES)}")
    return AuditQuery(
        limit,
        handler.get_argument("before", default=""),
        handler.get_argument("who", default=""),
        handler.get_argument("action", default=""),
        outcome,
    )
