"""One queue: a look inside, purging it, moving its messages. On the loop."""

import asyncio
from dataclasses import asdict
from typing import Any, Final

from flower_ng.errors import AnswerError, BadRequest, NoAnswer, NotFound, Refused
from flower_ng.monitor.remote.task_actions import DELETE_MESSAGE, MOVE, PURGE
from flower_ng.web.api.write import Plan, ReviewedWrite
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.lookups.consumers import length_now
from flower_ng.web.lookups.glimpse import glimpse, require_queue
from flower_ng.web.lookups.purge_review import OWN, move_review, purge_review
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.review import Review

MOST: Final = 200
#: Messages are moved in steps of so many, with a pause between them: others want the broker too.
STEP: Final = 200
BETWEEN_S: Final = 0.1


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


class QueueMove(ReviewedWrite):
    """Move messages that wait in a queue to another one, as from one of dead letters."""

    action = MOVE

    async def plan(self, name: str) -> Plan:
        """Take `to`, another queue, and `n`; 404 where one of the queues is not known."""
        target, n = self.argument_values()
        MOVE.arguments[1].checked(n)
        require_queue(self.cluster, name)
        if target == name:
            raise BadRequest(f"to must be another queue than '{name}'")
        require_queue(self.cluster, target)
        told = await length_now(self.cluster, name, self.services.clock())
        review = move_review(self.cluster, name, target, n, told)

        async def move() -> dict[str, Any]:
            if review.refusals:
                raise Refused(f"Nothing was moved. {review.refusals[0]}")
            return await self._moved(name, target, n)

        return Plan(lambda: review, move)

    async def _moved(self, name: str, target: str, most: int) -> dict[str, Any]:
        """Move step by step; what came of all of it is told, whatever ended it."""
        done, why = 0, ""
        left: int | None = None
        while done < most and not why:
            try:
                step = await self.cluster.broker.move(name, target, min(STEP, most - done))
            except AnswerError as error:
                if not done or error.is_uncertain:
                    raise
                why, left = error.message, None
                break
            done, why, left = done + step.moved, step.why, step.left
            if step.uncertain:
                in_hand = fmt.counted(step.uncertain, "message")
                raise NoAnswer(
                    f"{why} Moved to '{target}': {fmt.counted(done, 'message')}. Of {in_hand} more"
                    " it is not known: look into both queues"
                )
            if not step.moved:
                break
            await asyncio.sleep(BETWEEN_S)
        if why and not done:
            raise Refused(f"{why} Nothing was moved")
        words = f"Moved {fmt.counted(done, 'message')} from '{name}' to '{target}'"
        rest = "how many are left is not known" if left is None else f"{left:,} left"
        message = ". ".join(filter(None, (f"{words}; {rest}", why)))
        return {"message": message, "moved": done, "left": left}
