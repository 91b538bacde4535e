"""Workflows for programs: the list, and one with all its tasks. On the loop."""

from collections import Counter
from typing import Any

from flower_ng.web.api.listing import ListingEndpoint
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.lookups.workflow import WholeWorkflow, workflow
from flower_ng.web.lookups.workflow_list import WorkflowLine, WorkflowsAsked, workflows
from flower_ng.web.ui.workflow_shape import critical, ended

USUAL = 50
MOST = 200


class ListWorkflows(ListingEndpoint):
    """Roots with tasks below them, page by page; not one of Flower's."""

    path = r"/api/workflows"
    need = Need.READ
    summary = "List workflows by their roots: states, age, which of them stand still"

    async def get(self) -> None:
        """Take `state`, `name`, `search`, `cursor`, `limit`; answer `{stalled, workflows, …}`."""
        asked = WorkflowsAsked(
            state=self.get_argument("state", default=""),
            name=self.get_argument("name", default=""),
            search=self.get_argument("search", default=""),
            cursor=self.get_argument("cursor", default=""),
            limit=self.number("limit", USUAL, MOST),
        )
        work = workflows(self.cluster, asked, self.services.clock())
        page = await self.while_here(work)
        self.write_json(
            {
                "stalled": [_line(one) for one in page.stalled],
                "workflows": [_line(one) for one in page.lines],
                "next": page.next or None,
                "cut": page.is_cut,
                "looked": page.looked,
            }
        )


class ShowWorkflow(Endpoint):
    """One workflow with its tasks; not one of Flower's."""

    path = r"/api/workflow/(.+)"
    need = Need.READ
    summary = "Show one workflow: its tasks, groups and bodies, and the critical path"

    async def get(self, subject: str) -> None:
        """Answer `{root_id, group_id, tasks, …}`; 404 for what is neither a task nor a group."""
        found = await self.while_here(workflow(self.cluster, subject))
        self.write_json(_whole(found, self.services.clock()))


def _whole(found: WholeWorkflow, now: float) -> dict[str, Any]:
    shape = found.shape
    return {
        "root_id": found.root_id,
        "group_id": found.group_id,
        "states": Counter(row.state for row in found.rows.values()),
        "tasks": [
            {
                "uuid": row.uuid,
                "name": row.name,
                "state": row.state,
                "parent_id": row.parent_id,
                "group_id": shape.groups.get(row.uuid),
                "waits_for": list(join.members) if (join := shape.joins.get(row.uuid)) else [],
                "waits_for_is_sure": join.is_sure if join else None,
                "sent": row.sent,
                "received": row.received,
                "started": row.started,
                "ended": ended(row),
            }
            for row in found.rows.values()
        ],
        "unseen": sorted(shape.unseen),
        "critical": list(critical(shape, now)),
        "cut": found.is_cut,
        "notes": list(found.notes),
    }


def _line(one: WorkflowLine) -> dict[str, Any]:
    return {
        "root_id": one.root_id,
        "name": one.name,
        "state": one.standing,
        "tasks": one.tasks,
        "ended": one.ended,
        "at_least": one.is_least,
        "states": dict(one.counts),
        "began": one.began,
        "moved": one.moved,
        "stalled": one.is_stalled,
    }
