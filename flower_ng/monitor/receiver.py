"""The receiver: Celery's EventReceiver on a connection that notices when it is dead. Events thread.

It hands over messages as they came, and keeps its own queue's messages for at least a minute.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from celery import Celery
from celery.events.receiver import EventReceiver
from kombu import Connection

#: Transports whose broker keeps what we do not fetch: there the receiver may wait for room.
KEEPING: Final = frozenset({"amqp", "qpid"})
REDIS: Final = frozenset({"redis", "rediss", "sentinel"})
#: Celery's default of `event_queue_ttl`, which loses half of a burst, and what we put in its place.
CELERY_TTL_S, OWN_TTL_S = 5.0, 60.0
HEARTBEAT_S = 15.0  # AMQP: a dead connection is noticed after two of them
PING_S = 10  # Redis: one is noticed when two pings had no answer
UNANSWERED_MAX = 2
CHECK_S = 1.0


class Receiver(EventReceiver):
    """Celery's receiver, which hands messages to `on_raw` undecoded.

    `on_ready` is called once it consumes. Raises the transport's error when the connection is dead.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        app: Celery,
        on_raw: Callable[[Any], None],
        on_ready: Callable[[], None],
    ) -> None:
        super().__init__(connection, app=app, queue_ttl=queue_ttl(app))
        self._kept_connection = connection
        self._on_raw = on_raw
        self._on_ready = on_ready
        self._check_at = 0.0

    @contextmanager
    def establish_connection(self) -> Iterator[Connection]:  # type: ignore[override] # typed wrongly
        """Use the connection that was handed in; Kombu would clone it and retry without end."""
        yield self._kept_connection

    def get_consumers(self, consumer: Any, channel: Any) -> list[Any]:  # noqa: ARG002 - Kombu's signature
        """Consume from our own queue; with `on_message` Kombu decodes nothing."""
        queue = self.queue  # type: ignore[attr-defined] # the types lack it
        return [consumer(queues=[queue], on_message=self._on_raw, no_ack=True)]

    def on_consume_ready(
        self,
        connection: Any,
        channel: Any,
        consumers: list[Any],
        wakeup: bool = True,  # noqa: FBT001, FBT002 - Celery's signature
        **kwargs: Any,
    ) -> None:
        """Wake the workers up as Celery's receiver does, and say that we listen."""
        super().on_consume_ready(connection, channel, consumers, wakeup, **kwargs)
        self._channel = channel
        self._on_ready()

    def on_iteration(self) -> None:
        """Check about once a second that the other side still answers."""
        now = time.monotonic()
        if now >= self._check_at:
            self._check_at = now + CHECK_S
            self._kept_connection.heartbeat_check()
            self._check_subscription()

    def _check_subscription(self) -> None:
        """Ping over Redis's subscription itself: Kombu does so only inside an event loop."""
        client = vars(self._channel).get("subclient")
        if client is None or client.connection is None or not hasattr(client, "check_health"):
            return
        if client.health_check_response_counter >= UNANSWERED_MAX:
            raise ConnectionError(f"Redis left {UNANSWERED_MAX} pings unanswered")
        client.check_health()


def connect(capp: Celery) -> Connection:
    """Return a connected connection of the app's own kind; raises after its first failed tries."""
    connection = capp.connection_for_read()
    if connection.transport.driver_type in REDIS:
        wanted = {"health_check_interval": PING_S, "socket_connect_timeout": 5}
        options = {**wanted, **(capp.conf.broker_transport_options or {})}
        connection = capp.connection_for_read(transport_options=options)
    elif not capp.conf.broker_heartbeat:
        connection = capp.connection_for_read(heartbeat=HEARTBEAT_S)
    connection.connect()
    return connection


def keeps_messages(connection: Connection) -> bool:
    """Say whether the broker keeps what we have not fetched yet."""
    return connection.transport.driver_type in KEEPING


def queue_ttl(capp: Celery) -> float:
    """Return how many seconds our queue keeps an event: a minute unless the app chose a time."""
    chosen: float | None = capp.conf.event_queue_ttl
    return OWN_TTL_S if chosen in (None, CELERY_TTL_S) else float(chosen or OWN_TTL_S)
