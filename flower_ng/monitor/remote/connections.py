"""ConnectionPool keeps connections to the broker open for reuse. In the pool's threads."""

import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, cast
from uuid import uuid4

from celery import Celery
from kombu import Connection, Queue
from kombu.exceptions import OperationalError

from flower_ng.errors import Unavailable
from flower_ng.monitor.remote.bounded_calls import UNAVAILABLE, first_cause, reason
from flower_ng.monitor.servers import Servers, sentinel_patience

log = logging.getLogger(__name__)

#: The longest wait for a connection, and for the answer to any one command of the broker.
PATIENCE_S = 1.5
#: Celery's default of `broker_connection_timeout`, and what we wait instead: a silent peer must not
#: delay the next try, after which it may be well.
CELERY_CONNECT_S, OWN_CONNECT_S = 4.0, 2.5
#: The wait for an answer on connections that Celery opens by itself, where a task's result is `rpc://`.
APP_PATIENCE_S = 2.0


class UnconfirmedError(OSError):
    """The connection broke while something was sent: whether the broker has it is not known."""


class BlockedError(OSError):
    """RabbitMQ takes no messages at present."""


def refuse_to_wait(_reason: str) -> None:
    """End what is being sent as soon as RabbitMQ says that it has blocked the connection."""
    raise BlockedError("RabbitMQ accepts no messages: its alarm for memory or disk is on")


def waits(seconds: float) -> Mapping[str, Mapping[str, Any]]:
    """Return the options that bound a connection's waits, by the kind of the transport."""
    return {
        "redis": {"socket_connect_timeout": seconds, "socket_timeout": seconds},
        "amqp": {"read_timeout": seconds, "write_timeout": seconds},
    }


#: Nothing is sent twice, and a transaction takes the place of confirms.
ONCE: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "redis": {"retry_on_timeout": False},
        "amqp": {"confirm_publish": False, "on_blocked": refuse_to_wait},
    }
)
#: A connection that rested for longer is replaced, because the broker may have dropped it since; no
#: sooner, because kombu's last look for a message on Redis ends within a second.
REST_S = 1.5
#: A fault that lasts is logged again after so long.
REMIND_S = 60.0


class BrokerConnection:
    """One connection with its reply queue; used by one thread at a time.

    `errors` are the exceptions that mean a broken connection or a refusal by the broker.
    """

    def __init__(self, capp: Celery, servers: Servers | None = None) -> None:
        self.connection = connect(capp, servers)
        self.servers = servers
        self.mailbox: Any = cast("Any", capp.control).mailbox
        self.reply_to = str(uuid4())
        self.used_at = 0.0
        self._transactional: Any = None
        self.errors: tuple[type[BaseException], ...] = (
            *self.connection.connection_errors,
            *self.connection.channel_errors,
            OperationalError,
            OSError,
        )

    @property
    def channel(self) -> Any:
        """The channel of this connection, opened when it is first asked for."""
        channel = self.connection.default_channel
        limit_frames(self.connection, PATIENCE_S)
        return channel

    def prove(self) -> None:
        """Connect unless connected; see that the broker still answers, on this very connection."""
        channel, kind = self.channel, self.connection.transport.driver_type
        if kind == "amqp":
            with self._timed():
                channel.basic_qos(0, 0, False)  # noqa: FBT003 - kombu's signature
        elif kind == "redis":
            with channel.conn_or_acquire() as client:  # the one that publishes next
                client.ping()
                with self._timed():  # the first may have had to connect
                    client.ping()

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        began = time.monotonic()
        yield
        if self.servers is not None:
            self.servers.took(time.monotonic() - began)

    @contextlib.contextmanager
    def publishing(self, sending: AbstractContextManager[object]) -> Iterator[None]:
        """Have the broker accept what is published inside, or never see it.

        RabbitMQ reads what a connection sent during an alarm when the alarm is over, even if the
        connection is long closed. So it is sent in a transaction, and committed, inside `sending`,
        once RabbitMQ has answered something behind it. Redis executes what it has received, so
        that nothing is sent until it has answered a PING; then all happens inside `sending`.

        UnconfirmedError if the connection breaks inside `sending`.
        """
        if self.connection.transport.driver_type == "amqp":
            self._begin_transaction()
            yield
            self.prove()
            with sending, self._leaving():
                self.channel.tx_commit()
        else:
            self.prove()
            with sending, self._leaving():
                yield

    @contextlib.contextmanager
    def _leaving(self) -> Iterator[None]:
        try:
            yield
        except self.errors as error:
            cause = first_cause(error)
            if isinstance(cause, self.connection.connection_errors):
                raise UnconfirmedError(reason(error)) from error
            raise

    def _begin_transaction(self) -> None:
        """Have the channel collect what is published until it is committed."""
        channel = self.channel
        if self._transactional is not channel:
            channel.tx_select()
            self._transactional = channel

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

    Of several `servers`, the one that the events come from is used, if known; they are told how far
    it is. A connection that was idle for longer than `rest_s` is replaced.
    """

    def __init__(
        self, capp: Celery, servers: Servers | None = None, rest_s: float = REST_S
    ) -> None:
        self._capp, self._servers, self._rest_s = capp, servers or Servers(capp), rest_s
        self._resting: deque[BrokerConnection] = deque()
        self._logged = ("", 0.0)

    @contextlib.contextmanager
    def line(self) -> Iterator[BrokerConnection]:
        """Lend a working connection; Unavailable if the broker fails before or while it is used."""
        line = self._rested() or BrokerConnection(self._capp, self._servers)
        try:
            try:
                line = self._working(line)
            except ValueError as error:  # Kombu's for settings, such as no `master_name`
                self._log_fault("The broker can't be used", reason(error))
                raise Unavailable(f"{UNAVAILABLE}: {reason(error)}") from error
            yield line
        except line.errors as error:
            line.close()
            self._log_fault("The broker failed", reason(error))
            raise Unavailable(f"{UNAVAILABLE}: {reason(error)}") from error
        except BaseException:
            line.close()
            raise
        line.used_at = time.monotonic()
        self._resting.append(line)
        self._log_end()

    @property
    def slack_s(self) -> float:
        """How much longer a call may take, because the broker is far; see Servers."""
        return self._servers.slack_s

    @property
    def reply_slack_s(self) -> float:
        """How much longer a reply may take, of that."""
        return self._servers.reply_slack_s

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._resting:
            self._resting.pop().close()

    def _log_fault(self, sentence: str, why: str) -> None:
        """Log a fault when it begins, when its reason changes, and once a minute."""
        now = time.monotonic()
        logged, logged_at = self._logged
        if why != logged or now - logged_at >= REMIND_S:
            log.warning("%s: %s", sentence, why)
            self._logged = why, now

    def _log_end(self) -> None:
        if self._logged[0]:
            log.warning("The broker works again, after: %s", self._logged[0])
            self._logged = "", 0.0

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
    hosts, kind = len(connection.alt or ()), connection.transport.driver_type
    quick = {**waits(PATIENCE_S).get(kind, {}), **ONCE.get(kind, {})}
    options = {**(connection.transport_options or {}), **quick}
    options |= sentinel_patience(connection, options)
    connection.transport_options = {**options, "max_retries": max(hosts - 1, 0)}
    if servers is not None:
        servers.lead(connection)
    return connection


def connect_s(capp: Celery) -> float:
    """Return the longest wait for a connection: a short one unless the app chose another."""
    chosen: float | None = capp.conf.broker_connection_timeout
    return chosen if chosen and chosen != CELERY_CONNECT_S else OWN_CONNECT_S


def limit_frames(connection: Connection, seconds: float) -> None:
    """Bound the wait for the rest of a frame on an open connection of AMQP.

    py-amqp's own `read_timeout` holds only for the first byte of each frame.
    """
    if connection.transport.driver_type == "amqp":
        opened: Any = connection.connection
        opened.sock.settimeout(seconds)


def limit_waits(capp: Celery) -> None:
    """Bound the waits of connections that Celery opens by itself, unless the app bounds them."""
    try:
        kind = capp.connection_for_write().transport.driver_type
    except Exception:  # noqa: BLE001 - the border: loading a transport may raise anything
        return
    capp.conf.broker_connection_timeout = connect_s(capp)
    chosen: Mapping[str, Any] = capp.conf.broker_transport_options or {}
    capp.conf.broker_transport_options = {**waits(APP_PATIENCE_S).get(kind, {}), **chosen}
