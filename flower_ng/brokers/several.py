"""Several broker URLs as one broker: the server that events come from is asked. On the loop.

While that is not known, the first that answers is. Others are never mixed in: queues of the same
names are on each of them.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit, urlunsplit

from flower_ng.brokers.base import BrokerAdapter, Look
from flower_ng.brokers.endpoint import BrokerEndpoint
from flower_ng.brokers.management import bracketed
from flower_ng.brokers.messages import QueueGlimpse, QueueIds, QueuePlace
from flower_ng.brokers.moving import MovedMessages
from flower_ng.errors import AnswerError, Unavailable

T = TypeVar("T")

UNKNOWN = "It is unknown which of the servers the workers use: no events arrive from any of them"


class Several:
    """Asks one of several servers through its own adapter, made by `make`.

    `current` returns the facts of the server that the events come from, None while none is known.
    """

    schemes: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        every: Sequence[BrokerEndpoint],
        current: Callable[[], BrokerEndpoint | None],
        make: Callable[[BrokerEndpoint], BrokerAdapter],
    ) -> None:
        self._every = [placed(facts, every) for facts in every]
        self._current, self._make = current, make
        self._made: dict[tuple[object, ...], BrokerAdapter] = {}
        self._asked: BrokerAdapter | None = None

    @property
    def trouble(self) -> str | None:
        """Why the newest answer is empty or incomplete."""
        return self._asked.trouble if self._asked else None

    async def queues(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return the lengths of the named queues."""
        return await self._ask(lambda broker: broker.queues(names))

    async def look(self, names: Sequence[str]) -> Look:
        """Return what the server tells."""
        return await self._ask(lambda broker: broker.look(names))

    async def clean(self, spared: Collection[str]) -> list[str]:
        """Delete stale queues of the server that the events come from, and of no other."""
        current = self._current()
        if current is None:
            raise Unavailable(UNKNOWN)
        return await self._adapter(current).clean(spared)

    async def peek(self, name: str, most: int) -> QueueGlimpse:
        """Look into a queue of the server that the events come from."""
        return await self._ask(lambda broker: broker.peek(name, most))

    async def place(self, name: str, task_id: str) -> QueuePlace:
        """Look for a message at the server that the events come from."""
        return await self._ask(lambda broker: broker.place(name, task_id))

    async def ids(self, name: str) -> QueueIds:
        """Look whose messages wait at the server that the events come from."""
        return await self._ask(lambda broker: broker.ids(name))

    async def purge(self, name: str) -> int:
        """Purge a queue of the server that the events come from, and of no other."""
        current = self._current()
        if current is None:
            raise Unavailable(UNKNOWN)
        return await self._adapter(current).purge(name)

    async def remove(self, name: str, task_id: str) -> bool:
        """Remove a message at the server that the events come from, and at no other."""
        current = self._current()
        if current is None:
            raise Unavailable(UNKNOWN)
        return await self._adapter(current).remove(name, task_id)

    async def move(self, source: str, target: str, most: int) -> MovedMessages:
        """Move messages at the server that the events come from, and at no other."""
        current = self._current()
        if current is None:
            raise Unavailable(UNKNOWN)
        return await self._adapter(current).move(source, target, most)

    async def _ask(self, question: Callable[[BrokerAdapter], Coroutine[Any, Any, T]]) -> T:
        current = self._current()
        if current is not None:
            self._asked = self._adapter(current)
            return await question(self._asked)
        brokers = [self._adapter(facts) for facts in self._every]
        answers = await asyncio.gather(*map(question, brokers), return_exceptions=True)
        for broker, answer in zip(brokers, answers, strict=True):
            if not isinstance(answer, BaseException):
                self._asked = broker
                return answer
        raise next((one for one in answers if isinstance(one, AnswerError)), Unavailable(UNKNOWN))

    def _adapter(self, facts: BrokerEndpoint) -> BrokerAdapter:
        key = (facts.transport, facts.host, facts.port, facts.path, facts.user)
        if key not in self._made:
            self._made[key] = self._make(placed(facts, self._every))
        return self._made[key]


def placed(facts: BrokerEndpoint, every: Sequence[BrokerEndpoint]) -> BrokerEndpoint:
    """Return facts with the address of the server's own management API.

    An address that names another of the servers is meant for the one that is asked; where several
    are at one host, no address can be told to be the right one.
    """
    if len({one.port for one in every if one.host == facts.host}) > 1:
        return replace(facts, has_management=False)
    url = urlsplit(facts.management_url or "")
    if url.hostname not in {one.host.lower() for one in every} - {facts.host.lower()}:
        return facts
    user, at, _ = url.netloc.rpartition("@")
    port = f":{url.port}" if url.port else ""
    netloc = f"{user}{at}{bracketed(facts.host)}{port}"
    return replace(facts, management_url=urlunsplit(url._replace(netloc=netloc)))
