"""What the store holds, and forgetting some of it. On the loop."""

from typing import Any

import msgspec

from flower_ng.errors import BadRequest, NotFound
from flower_ng.web.api.asked import filtered
from flower_ng.web.api.write import Write
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.ui.format import number


class ShowHistory(Endpoint):
    """What is kept, for how long, what went, and how the writer is; not one of Flower's."""

    path = r"/api/history"
    need = Need.READ
    summary = "Show what the history holds and what it let go"

    async def get(self) -> None:
        """Answer the store's status; times are UTC seconds, sizes are bytes."""
        self.write_json(msgspec.to_builtins(self.cluster.store.status()))


class TaskForget(Write):
    """Delete one task from memory, file and index; not one of Flower's."""

    path = r"/api/task/forget/(.+)"
    need = Need.ADMINISTER
    summary = "Forget a task"

    async def act(self, task_id: str) -> dict[str, Any]:
        """Answer when it is gone; its next event, if one comes, makes it known again."""
        if not await self.cluster.store.forget_task(task_id):
            raise NotFound(f"Unknown task '{task_id}'")
        return {"message": f"Forgot '{task_id}'"}


class TasksForget(Write):
    """Delete all tasks that match; not one of Flower's."""

    path = r"/api/tasks/forget"
    need = Need.ADMINISTER
    summary = "Forget all tasks that match"

    async def act(self) -> dict[str, Any]:
        """Count them, and delete them when `confirm` is that number."""
        query = filtered(self)
        confirmed: int | None = self.get_argument("confirm", default=None, type=int)
        count = await self.cluster.store.count(query)
        if confirmed is None:
            words = f"{number(count)} tasks match. To forget them, confirm the number"
            return {"count": count, "forgotten": 0, "message": words}
        if confirmed != count:
            raise BadRequest(
                f"{number(count)} tasks match now, not {number(confirmed)}: nothing was forgotten"
            )
        forgotten = await self.cluster.store.forget(query)
        words = f"Forgot {number(forgotten)} tasks"
        return {"count": count, "forgotten": forgotten, "message": words}
