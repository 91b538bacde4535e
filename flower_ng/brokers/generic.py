"""Queue lengths through Kombu's API, for transports without an adapter. Blocking, in the pool.

A passive declare asks for a queue without making it. Some of Kombu's transports cannot tell a
length, or would make the queue when asked: there we say that it is not knowable.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from kombu import Connection
from kombu.exceptions import OperationalError
from kombu.transport.virtual import AbstractChannel

from flower_ng.brokers.base import NO_QUEUE, UNCERTAIN, BlockingAdapter
from flower_ng.brokers.moving import NO_MOVE, MovedMessages, moved_over_amqp
from flower_ng.errors import NoAnswer, NotFound, Refused, Unavailable

CONNECT_TIMEOUT_S = 2.0


class GenericBroker(BlockingAdapter):
    """Whatever Kombu can connect to; serves what no other adapter does."""

    schemes: ClassVar[tuple[str, ...]] = ()

    def lengths(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return `{"name", "messages"}` for each queue, with `reason` where messages is None."""
        try:
            with self._connection() as connection:
                rows = self._ask(connection, names)
        except (OSError, ImportError) as error:
            raise Unavailable(f"The broker does not answer: {error}") from error
        reasons = (row.get("reason", "") for row in rows)
        self.trouble = next((why for why in reasons if why and not why.startswith(NO_QUEUE)), None)
        return rows

    def purged(self, name: str) -> int:
        """Have the queue purged; one that is not there is not made by that."""
        try:
            with self._connection() as connection:
                connection.ensure_connection(max_retries=max(len(connection.alt or ()) - 1, 0))
                return purged(connection, name)
        except (OSError, ImportError, OperationalError) as error:
            raise Unavailable(
                f"The broker does not answer: {error}. Nothing was removed"
            ) from error

    def moved(self, source: str, target: str, most: int) -> MovedMessages:
        """Move messages over AMQP; Kombu's own transports lose a message that is in hand."""
        try:
            with self._connection() as connection:
                if connection.transport.driver_type != "amqp":
                    raise Refused(NO_MOVE)
                connection.ensure_connection(max_retries=max(len(connection.alt or ()) - 1, 0))
                return moved_over_amqp(connection, source, target, most)
        except (OSError, ImportError, OperationalError) as error:
            raise Unavailable(f"The broker does not answer: {error}. Nothing was moved") from error

    def _connection(self) -> Connection:
        """Return a connection, not open, that never waits for long."""
        connection: Connection = self._facts.clone(connect_timeout=CONNECT_TIMEOUT_S)
        if connection.transport.driver_type == "amqp":
            ours = {"read_timeout": CONNECT_TIMEOUT_S, "write_timeout": CONNECT_TIMEOUT_S}
            connection.transport_options = {**(connection.transport_options or {}), **ours}
        return connection

    def _ask(self, connection: Connection, names: Sequence[str]) -> list[dict[str, Any]]:
        broken: tuple[type[BaseException], ...] = (
            *connection.connection_errors,
            *connection.channel_errors,
            OperationalError,
        )
        try:
            # Kombu by itself tries again after two seconds.
            connection.ensure_connection(max_retries=max(len(connection.alt or ()) - 1, 0))
            return [length_of(connection, name) for name in names]
        except broken as error:
            raise Unavailable(f"The broker does not answer: {error}") from error


def purged(connection: Connection, name: str) -> int:
    """Purge a queue on a channel of its own; NoAnswer where the connection breaks meanwhile."""
    channel: Any
    with connection.channel() as channel:
        if unknowable(channel) is None:
            try:
                channel.queue_declare(name, passive=True)
            except connection.channel_errors as error:
                raise NotFound(f"{NO_QUEUE} {name!r}.") from error
        try:
            return int(channel.queue_purge(name) or 0)
        except connection.channel_errors as error:
            raise Refused(f"The broker refuses to purge {name!r}: {error}") from error
        except connection.connection_errors as error:
            raise NoAnswer(f"The broker failed: {error}. {UNCERTAIN.format(name)}") from error


def length_of(connection: Connection, name: str) -> dict[str, Any]:
    """Return one queue's row; a refused declare closes the channel, so each has its own."""
    channel: Any
    with connection.channel() as channel:
        reason = unknowable(channel)
        if reason is None:
            try:
                declared = channel.queue_declare(name, passive=True)
            except connection.channel_errors:
                reason = f"{NO_QUEUE} {name!r}."
            else:
                return {"name": name, **told(channel, declared)}
    return {"name": name, "messages": None, "reason": reason}


def told(channel: object, declared: Any) -> dict[str, Any]:
    """Return what a declare tells; Kombu's own transports tell 0 consumers, whoever consumes."""
    if isinstance(channel, AbstractChannel):
        return {"messages": declared.message_count}
    return {"messages": declared.message_count, "consumers": declared.consumer_count}


def unknowable(channel: object) -> str | None:
    """Return why a channel cannot be asked for lengths, None when it can."""
    if not isinstance(channel, AbstractChannel):
        return None
    kind, plain = type(channel), AbstractChannel
    if kind._size is plain._size:  # noqa: SLF001 - Kombu has no public way to tell
        return "Not knowable here: this transport does not report queue lengths."
    if kind._has_queue is plain._has_queue and kind._new_queue is not plain._new_queue:  # noqa: SLF001 - as above
        return "Not knowable here: asking this transport for a queue would create it."
    return None
