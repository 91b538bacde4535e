"""What the store holds, and forgetting some of it. On the loop."""

from typing import Any

import msgspec

from flower_ng.errors import BadRequest, NotFound
from flower_ng.monitor.remote.task_actions import FORGET, FORGET_MATCHING
from flower_ng.web.api.asked import filtered, told_query
from flower_ng.web.api.write import Plan, ReviewedWrite
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.lookups.task_review import forget_review
from flower_ng.web.ui.format import counted, number
from flower_ng.web.ui.review import Review


class ShowHistory(Endpoint):
    """What is kept, for how long, what went, and how the writer is; not one of Flower's."""

    path = r"/api/history"
    need = Need.READ
    summary = "Show what the history holds and what it let go"

    async def get(self) -> None:
        """Answer the store's status; times are UTC seconds, sizes are bytes."""
        self.write_json(msgspec.to_builtins(self.cluster.store.status()))


class TaskForget(ReviewedWrite):
    """Delete one task from memory, file and index; not one of Flower's."""

    action = FORGET

    async def plan(self, task_id: str) -> Plan:
        """Answer when it is gone; its next event, if one comes, makes it known again."""
        row = await self.cluster.store.task(task_id)
        if row is None:
            raise NotFound(f"Unknown task '{task_id}'")

        async def forget() -> dict[str, Any]:
            if not await self.cluster.store.forget_task(task_id):
                raise NotFound(f"Unknown task '{task_id}'")
            return {"message": f"Forgot '{task_id}'"}

        return Plan(lambda: forget_review(row), forget)


class TasksForget(ReviewedWrite):
    """Delete all tasks that match; not one of Flower's."""

    action = FORGET_MATCHING

    @property
    def asks_reason(self) -> bool:
        """Not where they are only counted."""
        is_wanted = self.digest() or self.get_argument("confirm", default="")
        return super().asks_reason and (self.is_form or bool(is_wanted))

    async def plan(self) -> Plan:
        """Count them, and delete them when `confirm` is that number, or a review has told it."""
        query, which = filtered(self), told_query(self)
        confirmed: int | None = self.get_argument("confirm", default=None, type=int)
        count = await self.cluster.store.count(query)
        review = Review(
            FORGET_MATCHING,
            counted(count, "task"),
            FORGET_MATCHING.effect,
            count=count,
            details=(
                f"They are those that match {which}." if which else "They are all there are.",
            ),
            facts={"tasks": number(count), "search": which or "none"},
        )

        async def forget() -> dict[str, Any]:
            if confirmed is None and not self.digest():
                words = f"{number(count)} tasks match. To forget them, confirm the number"
                return {"count": count, "forgotten": 0, "message": words}
            if confirmed not in (None, count):
                raise BadRequest(
                    f"{number(count)} tasks match now, not {number(confirmed)}: nothing was"
                    " forgotten"
                )
            forgotten = await self.cluster.store.forget(query)
            words = f"Forgot {number(forgotten)} tasks"
            return {"count": count, "forgotten": forgotten, "message": words}

        return Plan(lambda: review, forget)
