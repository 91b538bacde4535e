"""ConnectionPool keeps connections to the broker open for reuse. In the pool's threads."""

import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, cast
from uuid import uuid4

from celery import Celery
from kombu import Connection, Queue
from kombu.exceptions import OperationalError

from flower_ng.errors import Unavailable
from flower_ng.monitor.remote.bounded_calls import UNAVAILABLE, reason
from flower_ng.monitor.servers import Servers, sentinel_patience

log = logging.getLogger(__name__)

#: The longest wait for a connection, and for the answer to any one command of the broker.
PATIENCE_S = 1.5
#: The wait, in each transport's own words; what a broker confirms is not lost unnoticed.
QUICK: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "redis": {"socket_connect_timeout": PATIENCE_S, "socket_timeout": PATIENCE_S},
        "amqp": {"read_timeout": PATIENCE_S, "write_timeout": PATIENCE_S, "confirm_publish": True},
    }
)
#: A connection that rested for longer is replaced, because the broker may have dropped it since; no
#: sooner, because kombu's last look for a message on Redis ends within a second.
REST_S = 1.5


class BrokerConnection:
    """One connection with its reply queue; used by one thread at a time.

    `errors` are the exceptions that mean a broken connection or a refusal by the broker.
    """

    def __init__(self, capp: Celery, servers: Servers | None = None) -> None:
        self.connection = connect(capp, servers)
        self.mailbox: Any = cast("Any", capp.control).mailbox
        self.reply_to = str(uuid4())
        self.used_at = 0.0
        self.errors: tuple[type[BaseException], ...] = (
            *self.connection.connection_errors,
            *self.connection.channel_errors,
            OperationalError,
            OSError,
        )

    @property
    def channel(self) -> Any:
        """The channel of this connection, opened when it is first asked for."""
        return self.connection.default_channel

    def prove(self) -> None:
        """Connect unless connected; on AMQP see that the broker is still at the other end.

        There a dropped connection swallows what is sent without an error; Redis's clients notice.
        """
        channel = self.channel
        if self.connection.transport.driver_type == "amqp":
            channel.basic_qos(0, 0, False)  # noqa: FBT003 - kombu's signature

    def reply_queue(self) -> Queue:
        """Return the mailbox's reply queue under a name of this line's own."""
        queue: Queue = self.mailbox.get_reply_queue()
        queue.name = f"{self.reply_to}.{self.mailbox.reply_exchange.name}"
        queue.routing_key = self.reply_to
        return queue

    def close(self) -> None:
        """Let go of the connection, without a farewell to a broker that may be dead."""
        with contextlib.suppress(*self.errors, AttributeError):
            self.connection.collect(socket_timeout=0.1)


class ConnectionPool:
    """The connections of one part; as many stay open as were in use at once.

    Of several `servers`, the one that the events come from is used, if known. A connection that was
    idle for longer than `rest_s` is replaced.
    """

    def __init__(
        self, capp: Celery, servers: Servers | None = None, rest_s: float = REST_S
    ) -> None:
        self._capp, self._servers, self._rest_s = capp, servers, rest_s
        self._resting: deque[BrokerConnection] = deque()

    @contextlib.contextmanager
    def line(self) -> Iterator[BrokerConnection]:
        """Lend a working connection; Unavailable if the broker fails before or while it is used."""
        line = self._rested() or BrokerConnection(self._capp, self._servers)
        try:
            try:
                line = self._working(line)
            except ValueError as error:  # Kombu's for settings, such as no `master_name`
                log.warning("The broker can't be used: %s", reason(error))
                raise Unavailable(UNAVAILABLE) from error
            yield line
        except line.errors as error:
            line.close()
            log.warning("The broker failed: %s", reason(error))
            raise Unavailable(UNAVAILABLE) from error
        except BaseException:
            line.close()
            raise
        line.used_at = time.monotonic()
        self._resting.append(line)

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._resting:
            self._resting.pop().close()

    def _rested(self) -> BrokerConnection | None:
        """Take the connection that was used last; close it if it was idle for too long."""
        with contextlib.suppress(IndexError):
            line = self._resting.pop()
            if time.monotonic() - line.used_at < self._rest_s:
                return line
            line.close()
        return None

    def _working(self, line: BrokerConnection) -> BrokerConnection:
        """Return the connection, or a new one if the broker has dropped it."""
        try:
            line.prove()
        except line.errors:
            if not line.used_at:
                raise
            line.close()
            line = BrokerConnection(self._capp, self._servers)
            line.prove()
        return line


def connect(capp: Celery, servers: Servers | None = None) -> Connection:
    """Return the app's connection for writing, not yet open, that tries each host once."""
    connection = capp.connection_for_write(connect_timeout=PATIENCE_S)
    hosts = len(connection.alt or ())
    quick = QUICK.get(connection.transport.driver_type, {})
    options = {**(connection.transport_options or {}), **quick}
    options |= sentinel_patience(connection, options)
    connection.transport_options = {**options, "max_retries": max(hosts - 1, 0)}
    if servers is not None:
        servers.lead(connection)
    return connection
