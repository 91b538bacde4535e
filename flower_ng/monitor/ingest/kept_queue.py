"""A named event queue on RabbitMQ, which keeps events while nobody reads them. Events thread.

Messages are acknowledged once they are in the inbox, so that a cut loses none on its way. What was
read and not acknowledged is sent again: the state recognises it, counters count it twice.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final, TypeGuard

from amqp.exceptions import ChannelError
from kombu import Connection, Queue
from kombu.message import Message

#: Messages that RabbitMQ sends ahead, and of which one acknowledgement tells.
PREFETCH: Final = 2000
ACK_AFTER: Final = 500
#: How long a message stays unacknowledged at most, and the queue without anybody after its TTL.
ACK_S: Final = 0.2
UNUSED_S: Final = 60.0


class QueueInUse(ConnectionError):  # noqa: N818 - it is in use, and no error of anybody
    """Another connection consumes from the queue: each would see a part of the events."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"event queue {name} has another consumer, and each would see a part of the events."
            " Give each dashboard its own --event_queue"
        )


class QueueRefused(ConnectionError):  # noqa: N818 - the broker's decision
    """RabbitMQ does not give us the queue for events as it has to be."""

    def __init__(self, queue: Queue, refusal: ChannelError) -> None:
        why = str(refusal.reply_text).rstrip(". ")
        super().__init__(
            f"RabbitMQ refuses the event queue {queue.name} ({', '.join(_options(queue))}): {why}."
            f" {_remedy(queue, refusal.reply_code)}"
        )


def is_refusal(error: BaseException) -> TypeGuard[ChannelError]:
    """Whether the broker refused to declare, bind or consume a queue, or its exchange."""
    words = ("Exchange.", "Queue.", "Basic.consume")
    return isinstance(error, ChannelError) and str(error.method_name).startswith(words)


def _options(queue: Any) -> Iterator[str]:  # the types lack most of them
    """Yield what is asked for, in the words of RabbitMQ."""
    flags = ("durable", "exclusive", "auto_delete")
    yield from (name.replace("_", "-") for name in flags if getattr(queue, name))
    for name, value_s in (("x-message-ttl", queue.message_ttl), ("x-expires", queue.expires)):
        if value_s is not None:
            yield f"{name} {value_s * 1000:.0f}"


def _remedy(queue: Queue, code: int | None) -> str:
    if code == HTTPStatus.FORBIDDEN:
        return (
            "Let this user configure, write and read exchanges and queues whose names begin with"
            f" {queue.name.partition('.')[0]} (rabbitmqctl set_permissions)"
        )
    if queue.durable and code == HTTPStatus.NOT_ACCEPTABLE:
        return (
            "If there is one with other options, delete it, take another --event_queue, or set"
            " event_queue_ttl in Celery as it was"
        )
    return (
        "Allow these options on the broker (a policy or a limit may forbid them), or change them"
        " in Celery: event_queue_ttl, event_queue_expires, event_queue_prefix"
    )


class KeptQueue:
    """The queue `prefix.name`, bound to all events, which keeps each for `ttl_s`.

    `kept_s` says for how long before the connection events were kept: 0 where the queue is new.
    """

    def __init__(
        self,
        name: str,
        connection: Connection,
        exchange: Any,
        ttl_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.queue = Queue(
            name,
            exchange=exchange,
            routing_key="#",
            durable=True,
            auto_delete=False,
            message_ttl=ttl_s,
            expires=ttl_s + UNUSED_S,
        )
        self.kept_s = 0.0
        self._connection, self._ttl_s, self._clock = connection, ttl_s, clock
        self._newest: Message | None = None
        self._unacknowledged = 0
        self._acknowledge_at = 0.0

    def look(self) -> None:
        """See whether the queue has been there; QueueInUse where somebody consumes from it."""
        consumers = self._consumers()
        self.kept_s = 0.0 if consumers is None else self._ttl_s
        if consumers:
            raise QueueInUse(self.queue.name)

    def look_again(self) -> None:
        """See that no other connection began to consume at the same moment as this one."""
        if (self._consumers() or 0) > 1:
            raise QueueInUse(self.queue.name)

    def taken(self, message: Message) -> None:
        """Note that a message is in the inbox."""
        self._newest = message
        self._unacknowledged += 1
        if self._unacknowledged >= ACK_AFTER:
            self.acknowledge()

    def tick(self) -> None:
        """Acknowledge what has waited for long enough."""
        if self._newest is not None and self._clock() >= self._acknowledge_at:
            self.acknowledge()

    def acknowledge(self) -> None:
        """Acknowledge all that was taken."""
        message, self._newest, self._unacknowledged = self._newest, None, 0
        self._acknowledge_at = self._clock() + ACK_S
        if message is not None:
            message.ack(multiple=True)

    def _consumers(self) -> int | None:
        """Return how many consume from the queue, None where it doesn't exist."""
        # A channel is closed by the broker when it is asked for a queue that does not exist.
        channel: Any = self._connection.channel()
        try:
            return int(channel.queue_declare(queue=self.queue.name, passive=True).consumer_count)
        except self._connection.channel_errors:
            return None
        finally:
            with contextlib.suppress(Exception):  # it is closed already, or the connection is gone
                channel.close()
