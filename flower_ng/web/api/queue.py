"""One queue: a look inside, and purging it. On the loop."""

from dataclasses import asdict
from typing import Any, Final

from flower_ng.errors import BadRequest, NotFound, Refused
from flower_ng.monitor.remote.task_actions import DELETE_MESSAGE, PURGE
from flower_ng.web.api.write import Plan, ReviewedWrite
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.lookups.consumers import length_now
from flower_ng.web.lookups.glimpse import glimpse, require_queue
from flower_ng.web.lookups.purge_review import OWN, purge_review
from flower_ng.web.ui.review import Review

MOST: Final = 200


class QueueMessages(Endpoint):
    """The first messages of a queue, by their headers; none is taken or changed by that."""

    path = r"/api/queue/messages/(.+)"
    need = Need.READ
    methods = ("GET",)
    summary = "Look at the first messages of a queue"

    async def get(self, name: str) -> None:
        """Take `limit`, 20 by default and 200 at most; `why_not` says why nothing can be seen."""
        limit: int = self.get_argument("limit", default=20, type=int)
        if not 1 <= limit <= MOST:
            raise BadRequest(f"limit must be from 1 to {MOST}, not {limit}")
        seen = await glimpse(self.cluster, name, limit)
        self.write_json(
            {"queue": name, "messages": list(map(asdict, seen.messages)), "why_not": seen.why_not}
        )


class QueuePurge(ReviewedWrite):
    """Remove all messages that wait in a queue; Celery's own queues are refused."""

    action = PURGE

    async def plan(self, name: str) -> Plan:
        """Take `confirm`, the name of the queue once more."""
        require_queue(self.cluster, name)
        told = await length_now(self.cluster, name, self.services.clock())
        review = purge_review(self.cluster, name, told)
        confirmed = self.get_argument("confirm", default="")

        async def purge() -> dict[str, Any]:
            if review.refusals:
                raise Refused(f"'{name}' was not purged. {review.refusals[0]}")
            if confirmed != name:
                raise BadRequest(
                    f"confirm must be the name of the queue, '{name}': nothing was done"
                )
            count = await self.cluster.broker.purge(name)
            word = "message was" if count == 1 else "messages were"
            return {"message": f"{count:,} {word} removed from '{name}'", "removed": count}

        return Plan(lambda: review, purge)


class QueueDeleteMessage(ReviewedWrite):
    """Remove one message that waits in a queue, where the broker can."""

    action = DELETE_MESSAGE

    async def plan(self, name: str) -> Plan:
        """Take `id`, that of its task; 404 where it is not in the queue any more."""
        require_queue(self.cluster, name)
        (task_id,) = self.argument_values()
        refusals = (OWN,) if self.cluster.is_system_queue(name) else ()
        review = Review(
            DELETE_MESSAGE,
            name,
            DELETE_MESSAGE.effect.format(id=task_id),
            refusals=refusals,
            unknowns=("A worker may take it before: then nothing is removed.",),
        )

        async def remove() -> dict[str, Any]:
            if review.refusals:
                raise Refused(f"Nothing was removed. {review.refusals[0]}")
            if not await self.cluster.broker.remove(name, task_id):
                raise NotFound(f"'{task_id}' was not found in '{name}': nothing was removed")
            return {"message": f"'{task_id}' was removed from '{name}'", "removed": 1}

        return Plan(lambda: review, remove)
