"""The interface of a broker adapter, and what one tells of queues. On the loop."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from flower_ng.brokers.condition import RabbitFacts, RedisFacts
from flower_ng.brokers.endpoint import BrokerEndpoint
from flower_ng.brokers.messages import QueueGlimpse, QueueIds, QueuePlace
from flower_ng.brokers.moving import NO_MOVE, MovedMessages
from flower_ng.errors import Conflict, NoAnswer, Refused, Unavailable

T = TypeVar("T")

#: An answer takes no longer: the default inspect timeout and two seconds more.
LIMIT_S = 3.0
NO_GLIMPSE = "This kind of broker shows no messages without taking them out of the queue."
NO_REMOVAL = "This kind of broker can't remove one message out of a queue."
UNCERTAIN = "Whether messages were removed from {!r} is not known: look at its length."
#: How the reason begins where a broker has no queue of that name.
NO_QUEUE = "The broker knows no queue"


@dataclass(frozen=True, slots=True)
class QueueNumbers:
    """One queue as its broker tells; None is what it does not tell.

    `unacked` messages are held by workers; `messages` counts them too where `ready`, those that
    wait, are told apart. `published` and `acknowledged` count the messages of its whole life.
    `idle_since` is the broker's own text. `reason` is why there is no length.
    """

    name: str
    messages: int | None = None
    ready: int | None = None
    unacked: int | None = None
    consumers: int | None = None
    published: int | None = None
    acknowledged: int | None = None
    idle_since: str = ""
    reason: str = ""

    @property
    def is_missing(self) -> bool:
        """Whether the broker was asked and has no such queue."""
        return self.reason.startswith(NO_QUEUE)

    @property
    def length(self) -> int | None:
        """How many messages wait."""
        return self.messages if self.ready is None else self.ready


@dataclass(frozen=True, slots=True)
class Look:
    """All that one look at a broker tells: its queues, and how it is where it can tell."""

    queues: tuple[QueueNumbers, ...]
    facts: RabbitFacts | RedisFacts | None = None


class BrokerAdapter(Protocol):
    """Tells the lengths of queues. `schemes` are the transports that it serves."""

    schemes: ClassVar[tuple[str, ...]]

    def __init__(self, facts: BrokerEndpoint, pool: Executor) -> None:
        """Take note of the facts; nothing is connected before a question."""

    @property
    def trouble(self) -> str | None:
        """Why the newest answer is empty or incomplete, None when it is neither."""

    async def queues(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return `{"name": str, "messages": int | None, …}` for the named queues.

        `messages` is None where it cannot be known, never 0 instead. Unavailable when the broker
        does not answer. Takes at most `LIMIT_S`.
        """

    async def look(self, names: Sequence[str]) -> Look:
        """Return what it tells of the named queues, of those that it lists itself, and of itself.

        Unavailable when the broker does not answer. Takes at most `LIMIT_S`.
        """

    async def clean(self, spared: Collection[str]) -> list[str]:
        """Delete the stale queues of its facts, found anew; return their names.

        Those whose owner is among the `spared` are left. Unavailable when the broker does not
        answer, Refused where it won't.
        """

    async def peek(self, name: str, most: int) -> QueueGlimpse:
        """Return the first messages of a queue, none of which is taken or changed by that.

        Unavailable when the broker does not answer.
        """

    async def place(self, name: str, task_id: str) -> QueuePlace:
        """Return where the message of a task stands in a queue, which is not changed by that.

        Unavailable when the broker does not answer.
        """

    async def ids(self, name: str) -> QueueIds:
        """Return of which tasks messages wait in a queue, which is not changed by that.

        Unavailable when the broker does not answer.
        """

    async def purge(self, name: str) -> int:
        """Remove all messages that wait in a queue; return how many they were.

        Unavailable when nothing was done, NoAnswer when that is not known, Refused when the broker
        won't.
        """

    async def remove(self, name: str, task_id: str) -> bool:
        """Remove one message that waits in a queue; False where it is not there (any more).

        Unavailable when nothing was done, NoAnswer when that is not known, Refused when the broker
        can't.
        """

    async def move(self, source: str, target: str, most: int) -> MovedMessages:
        """Move the next messages that wait in a queue to another one, until it took long enough.

        Unavailable when nothing was done, NoAnswer when that is not known, Refused when the broker
        can't, Conflict while others are moved from there.
        """


class BlockingAdapter:
    """The half of a blocking adapter that waits: `lengths`, `seen` and `swept` run in the pool.

    The same question asked while it is being answered is not asked again, so that a broker that
    hangs cannot fill the pool.
    """

    trouble: str | None = None

    def __init__(self, facts: BrokerEndpoint, pool: Executor) -> None:
        self._facts = facts
        self._pool = pool
        self._asked: dict[tuple[Any, ...], asyncio.Future[Any]] = {}

    async def queues(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return the lengths of the named queues; Unavailable when the broker does not answer."""
        return await self._answer(self.lengths, tuple(names))

    async def look(self, names: Sequence[str]) -> Look:
        """Return what the broker tells; Unavailable when it does not answer."""
        return await self._answer(self.seen, tuple(names))

    async def clean(self, spared: Collection[str]) -> list[str]:  # noqa: ARG002 - none has an owner
        """Delete stale queues; return their names."""
        return await self._answer(self.swept)

    def lengths(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Ask the broker; blocks; in the pool."""
        raise NotImplementedError

    def seen(self, names: Sequence[str]) -> Look:
        """Look at the broker; blocks; in the pool."""
        return Look(tuple(map(numbers, self.lengths(names))))

    def swept(self) -> list[str]:
        """Delete stale queues; blocks; in the pool."""
        raise Refused("This kind of broker has no queues that could be cleaned up")

    async def peek(self, name: str, most: int) -> QueueGlimpse:
        """Look at the first messages of a queue."""
        return await self._answer(self.glimpse, name, most)

    async def place(self, name: str, task_id: str) -> QueuePlace:
        """Look for the message of a task."""
        return await self._answer(self.placed, name, task_id)

    async def ids(self, name: str) -> QueueIds:
        """Look whose messages wait in a queue."""
        return await self._answer(self.present_ids, name)

    async def purge(self, name: str) -> int:
        """Remove what waits; what lasts too long may have been done, and is not waited for."""
        try:
            return await self._answer(self.purged, name)
        except Unavailable as error:
            if (self.purged.__name__, name) in self._asked:
                raise NoAnswer(f"{error.message} {UNCERTAIN.format(name)}") from error
            raise

    async def remove(self, name: str, task_id: str) -> bool:
        """Remove one message."""
        return await self._answer(self.removed, name, task_id)

    async def move(self, source: str, target: str, most: int) -> MovedMessages:
        """Move messages; two who move from the same queue would be told of each other's."""
        name = self.moved.__name__
        if any(key[:2] == (name, source) for key in self._asked):
            raise Conflict(f"Messages are being moved from {source!r} already: wait for that")
        try:
            return await self._answer(self.moved, source, target, most)
        except Unavailable as error:
            if (name, source, target, most) in self._asked:
                raise NoAnswer(
                    f"{error.message} How many messages were moved is not known: look at the"
                    " lengths of both queues"
                ) from error
            raise

    def glimpse(self, name: str, most: int) -> QueueGlimpse:  # noqa: ARG002 - of those that can
        """Read the first messages; blocks; in the pool."""
        return QueueGlimpse(why_not=NO_GLIMPSE)

    def placed(self, name: str, task_id: str) -> QueuePlace:  # noqa: ARG002 - of those that can
        """Look for the message of a task; blocks; in the pool."""
        return QueuePlace(why_not=NO_GLIMPSE)

    def present_ids(self, name: str) -> QueueIds:  # noqa: ARG002 - of those that can
        """Look whose messages wait in a queue; blocks; in the pool."""
        return QueueIds(why_not=NO_GLIMPSE)

    def purged(self, name: str) -> int:
        """Remove what waits; blocks; in the pool."""
        raise NotImplementedError

    def removed(self, name: str, task_id: str) -> bool:  # noqa: ARG002 - of those that can
        """Remove one message; blocks; in the pool."""
        raise Refused(NO_REMOVAL)

    def moved(self, source: str, target: str, most: int) -> MovedMessages:  # noqa: ARG002 - as above
        """Move messages; blocks; in the pool."""
        raise Refused(NO_MOVE)

    async def _answer(self, ask: Callable[..., T], *arguments: Any) -> T:
        key = (ask.__name__, *arguments)
        answer: asyncio.Future[T] = self._asked.get(key) or self._start(key, ask, *arguments)
        try:
            return await asyncio.wait_for(asyncio.shield(answer), LIMIT_S)
        except TimeoutError:
            raise Unavailable(f"The broker did not answer within {LIMIT_S} s.") from None

    def _start(
        self, key: tuple[Any, ...], ask: Callable[..., T], *arguments: Any
    ) -> asyncio.Future[T]:
        answer = asyncio.get_running_loop().run_in_executor(self._pool, ask, *arguments)
        self._asked[key] = answer
        answer.add_done_callback(lambda _: self._answered(key, answer))
        return answer

    def _answered(self, key: tuple[Any, ...], answer: asyncio.Future[Any]) -> None:
        del self._asked[key]
        if not answer.cancelled() and answer.exception() is not None:
            self.trouble = str(answer.exception())


def numbers(row: Mapping[str, Any]) -> QueueNumbers:
    """Read a row of `queues()`, or a queue object of RabbitMQ's management API."""
    told = row.get("message_stats")
    stats: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    return QueueNumbers(
        name=str(row["name"]),
        messages=count(row.get("messages")),
        ready=count(row.get("messages_ready")),
        unacked=count(row.get("messages_unacknowledged")),
        consumers=count(row.get("consumers")),
        published=count(stats.get("publish")),
        acknowledged=count(stats.get("ack")),
        idle_since=str(row.get("idle_since") or ""),
        reason=str(row.get("reason") or ""),
    )


def count(value: object) -> int | None:
    """Return a number of things, None for what is none."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count else None  # type: ignore[return-value]  # is one
