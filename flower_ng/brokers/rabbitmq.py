"""Queues of RabbitMQ, from its management API. On the loop, without blocking it.

Where the API cannot be asked, a passive declare over AMQP still tells who waits and how many
consume: that needs no plugin.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any, ClassVar
from urllib.parse import quote

from flower_ng.brokers.base import NO_REMOVAL, Look, numbers
from flower_ng.brokers.condition import RabbitFacts, StaleQueue
from flower_ng.brokers.endpoint import BrokerEndpoint
from flower_ng.brokers.generic import GenericBroker
from flower_ng.brokers.management import FAILURES, management_of
from flower_ng.brokers.messages import QueueGlimpse, QueueIds, QueuePlace
from flower_ng.brokers.moving import MovedMessages
from flower_ng.brokers.rabbit_facts import named, rabbit_facts, unheard
from flower_ng.errors import Refused, Unavailable

log = logging.getLogger(__name__)

#: How long a passive declare may take, after the API had its time.
DECLARE_S = 0.6
#: A worker that has just come has no consumer yet; who has none for so long is gone.
STALE_S = 60.0
SAME_HOST = (
    "Several RabbitMQ servers share one host, so their management APIs can't be told apart: queue"
    " lengths come from a passive declare"
)
TAKES = (
    "RabbitMQ shows a message only by delivering it: it would go back to the queue marked as"
    " redelivered, and perhaps in another order. So nothing is read here."
)
#: What is asked of each object: some brokers have thousands.
QUEUE_COLUMNS = (
    "name,messages,messages_ready,messages_unacknowledged,consumers,idle_since,exclusive,"
    "arguments,effective_policy_definition,message_stats.publish,"
    "message_stats.ack"
)
UNHEARD_COLUMNS = "name,messages,consumers,exclusive"
NODE_COLUMNS = (
    "name,running,mem_alarm,disk_free_alarm,mem_used,mem_limit,disk_free,disk_free_limit,partitions"
)


class RabbitBroker:
    """RabbitMQ, through its management plugin; what it says of a queue is passed on unchanged."""

    schemes: ClassVar[tuple[str, ...]] = ("amqp", "amqps")

    def __init__(self, facts: BrokerEndpoint, pool: Executor) -> None:
        self.trouble: str | None = None
        self.stale_s = STALE_S
        self._has_api = facts.has_management
        self._api = management_of(facts)
        self._vhost = quote(facts.path, safe="")
        self._plain = GenericBroker(facts, pool)
        self._unheard: dict[str, float] = {}

    async def queues(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return the queues of these names that exist.

        Unavailable when neither the API nor the broker itself can be asked.
        """
        found = await self._objects(f"queues/{self._vhost}")
        if found is None:
            return [row for row in await self._declared(names) if "reason" not in row]
        wanted = set(names)
        return [queue for queue in found if queue.get("name") in wanted]

    async def look(self, names: Sequence[str]) -> Look:
        """Return what the API tells; without it, what a passive declare tells."""
        found = await self._objects(f"queues/{self._vhost}?columns={QUEUE_COLUMNS}")
        if found is None:
            rows = await self._declared(names)
            if not rows:
                raise Unavailable(self.trouble or "")
            return Look(tuple(map(numbers, rows)))
        return Look(tuple(map(numbers, named(found, names))), await self._condition(found))

    async def clean(self, spared: Collection[str]) -> list[str]:
        """Delete what is stale as of now; RabbitMQ itself refuses where somebody consumes."""
        if not self._has_api:
            raise Refused(SAME_HOST)
        try:
            found = await self._api.objects(f"queues/{self._vhost}?columns={UNHEARD_COLUMNS}")
            names = [one.name for one in self._stale(found) if one.owner not in spared]
            for name in names:
                await self._api.ask(self._queue(name), "DELETE")
        except FAILURES as error:
            raise Refused(f"The management API at {self._api.url} refused: {error}") from error
        return names

    async def peek(self, name: str, most: int) -> QueueGlimpse:  # noqa: ARG002 - it can't
        """Return why nothing is shown."""
        return QueueGlimpse(why_not=TAKES)

    async def place(self, name: str, task_id: str) -> QueuePlace:  # noqa: ARG002 - it can't
        """Return why the message is not looked for."""
        return QueuePlace(why_not=TAKES)

    async def ids(self, name: str) -> QueueIds:  # noqa: ARG002 - it can't
        """Return why no message is seen."""
        return QueueIds(why_not=TAKES)

    async def purge(self, name: str) -> int:
        """Have the queue purged over AMQP, which needs no plugin."""
        return await self._plain.purge(name)

    async def remove(self, name: str, task_id: str) -> bool:  # noqa: ARG002 - it can't
        """Refuse: all before it would have to be taken out and put back."""
        raise Refused(NO_REMOVAL)

    async def move(self, source: str, target: str, most: int) -> MovedMessages:
        """Have messages moved over AMQP, each confirmed before it leaves its queue."""
        return await self._plain.move(source, target, most)

    async def _objects(self, path: str) -> list[dict[str, Any]] | None:
        if not self._has_api:
            self._note(SAME_HOST)
            return None
        try:
            found = await self._api.objects(path)
        except FAILURES as error:
            self._note(f"The management API at {self._api.url} failed: {error}")
            return None
        self._note(None)
        return found

    async def _declared(self, names: Sequence[str]) -> list[dict[str, Any]]:
        try:
            return await asyncio.wait_for(self._plain.queues(names), DECLARE_S)
        except (Unavailable, TimeoutError) as error:
            why = getattr(error, "message", "") or f"The broker did not answer in {DECLARE_S:g} s"
            raise Unavailable(f"{self.trouble}. {why}") from error

    async def _condition(self, queues: list[dict[str, Any]]) -> RabbitFacts | None:
        """Ask for the rest; a user who is not allowed to look at all of it sees less."""
        overview, nodes, connections = await asyncio.gather(
            self._api.object("overview?columns=rabbitmq_version"),
            self._api.objects(f"nodes?columns={NODE_COLUMNS}"),
            self._api.objects(f"vhosts/{self._vhost}/connections?columns=name,state"),
            return_exceptions=True,
        )
        for answer in (overview, nodes, connections):
            if isinstance(answer, BaseException) and not isinstance(answer, FAILURES):
                raise answer
        if isinstance(overview, BaseException):
            return None
        return rabbit_facts(
            overview,
            None if isinstance(nodes, BaseException) else nodes,
            None if isinstance(connections, BaseException) else connections,
            queues,
            tuple(self._stale(queues)),
        )

    def _stale(self, queues: list[dict[str, Any]]) -> Iterator[StaleQueue]:
        """Yield what nobody has consumed from since it was first noticed, long enough ago."""
        now, found = time.time(), {one.name: one for one in unheard(queues)}
        self._unheard = {name: self._unheard.get(name, now) for name in found}
        for name, since in self._unheard.items():
            if now - since >= self.stale_s:
                yield found[name]

    def _queue(self, name: str) -> str:
        return f"queues/{self._vhost}/{quote(name, safe='')}?if-unused=true"

    def _note(self, trouble: str | None) -> None:
        """Keep the reason, and log it when it is a new one."""
        if trouble is not None and trouble != self.trouble:
            log.warning("%s", trouble)
        self.trouble = trouble
