"""Actions is what people did to the cluster, the newest first, and the batches that go on."""

from dataclasses import dataclass
from typing import Final

from flower_ng.batch_record import BatchState
from flower_ng.monitor.remote.task_actions import REVOKE_STAMPED
from flower_ng.store import AuditQuery
from flower_ng.web.http.base import Cluster, NavCount, Need, Page
from flower_ng.web.lookups.batch_view import BatchView, batch_view
from flower_ng.web.lookups.past_actions import PastAction, past_action
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.links import Links

SHOWN: Final = 50
#: So many of the newest batches are looked at for those that go on, and shown of those that ended.
BATCHES: Final = 20


@dataclass(frozen=True, slots=True)
class ActionsView:
    """Actions as people read them; `older_url` is empty where there are no more.

    `under_way` are the batches that run or are paused, `past` the newest of the others.
    """

    title: str
    under_way: tuple[BatchView, ...]
    past: tuple[BatchView, ...]
    past_actions: tuple[PastAction, ...]
    older_url: str
    revoke_url: str


class Actions(Page):
    """`/actions`."""

    path = "/actions"
    need = Need.OPERATE
    nav = "Actions"
    template = "pages/actions.html"

    @classmethod
    def count(cls, cluster: Cluster) -> NavCount | None:
        """How many batches run here now; nothing where none does."""
        running = cluster.batches.running
        return (
            NavCount(running, f"{fmt.counted(running, 'batch', 'batches')} running")
            if running
            else None
        )

    async def view(self, *_none: str) -> ActionsView:
        """Read the audit, and the batches."""
        links, store = Links(self.services.prefix), self.cluster.store
        before = self.get_argument("before", default="")
        page = await store.audit(AuditQuery(SHOWN, before, actions_only=True))
        found = [] if before else await store.batches.newest(BATCHES)
        batches = [batch_view(one, links) for one in found]
        open_states = (BatchState.RUNNING, BatchState.PAUSED)
        return ActionsView(
            title="Actions",
            under_way=tuple(one for one in batches if one.batch.state in open_states),
            past=tuple(one for one in batches if one.batch.state not in open_states),
            past_actions=tuple(past_action(self, entry, links) for entry in page.entries),
            revoke_url=links.action(REVOKE_STAMPED.route),
            older_url=links.page("/actions", {"before": page.next}) * bool(page.next),
        )
