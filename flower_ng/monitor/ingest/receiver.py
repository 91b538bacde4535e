"""The receiver: Celery's EventReceiver on a connection that notices when it is dead. Events thread.

It hands over messages as they came, and keeps its own queue's messages for at least a minute.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from celery import Celery
from celery.events.receiver import EventReceiver
from kombu import Connection, Queue

from flower_ng.monitor.ingest.amqp_read_ahead import gather
from flower_ng.monitor.ingest.inbox import EventMessage
from flower_ng.monitor.ingest.kept_queue import PREFETCH, KeptQueue, QueueRefused, is_refusal
from flower_ng.monitor.ingest.redis_fast_path import Subscription, subscribe
from flower_ng.monitor.remote.connections import OWN_CONNECT_S, connect_s, limit_frames, waits
from flower_ng.monitor.servers import sentinel_patience
from flower_ng.monitor.state.reach import PAUSE_S

#: Redis publishes and forgets; the others keep what we have not fetched, so that we may wait.
FORGETFUL: Final = frozenset({"redis"})
#: Celery's default of `event_queue_ttl`, which loses half of a burst, and what we put in its place.
CELERY_TTL_S, OWN_TTL_S = 5.0, 60.0
#: Celery's default of `broker_heartbeat`, and ours: a dead peer is noticed after two of them.
CELERY_HEARTBEAT_S, OWN_HEARTBEAT_S = 120, 12.0
#: Redis is pinged about once a second; after so much time without an answer it is dead.
SILENCE_S = 5
#: RabbitMQ may take longer to declare a queue.
ANSWER_S = 8.0
CHECK_S = 1.0
SUBSCRIBE_S = 0.1
IDLE_S = 0.5  # how long an idle connection is listened to before we look whether to stop


class Stopped(OSError):  # noqa: N818 - no fault: Kombu lets an OSError end a stopped consumer
    """Ends a consumer in the middle of a stream that never pauses."""


class Receiver(EventReceiver):
    """Celery's receiver, which hands messages to `on_message` undecoded.

    `on_ready` is called once it consumes, `on_sign` at each sign that the broker lives, with its
    time by `clock`, None for now. `wake` asks the workers for a heartbeat; Celery's own
    receiver does so over the app's pool, where a silent broker is waited for without end. With
    `queue_name` RabbitMQ keeps events under that name while nobody reads them (kept_queue.py);
    `kept_s` says for how long before it was ready it did. Raises the transport's error when the
    connection is dead.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        app: Celery,
        on_message: Callable[[EventMessage], None],
        on_ready: Callable[[], None],
        on_sign: Callable[[float | None], None],
        wake: Callable[[], None],
        queue_name: str = "",
        silence_s: float = SILENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(connection, app=app, queue_ttl=queue_ttl(app))
        self._kept_connection = connection
        self._kept: KeptQueue | None = None
        if queue_name and connection.transport.driver_type == "amqp":
            name = f"{app.conf.event_queue_prefix}.{queue_name}"
            celerys: Queue = self.queue  # type: ignore[has-type] # the types lack it
            self._kept = KeptQueue(name, connection, celerys.exchange, queue_ttl(app))
            self.queue = self._kept.queue
        self._on_message = on_message
        self._on_ready, self._on_sign = on_ready, on_sign
        self._wake = wake
        self._silence_s = silence_s
        self._clock = clock
        self._check_at = 0.0
        self._pinged_at = 0.0
        self._is_pinged = False
        self._frames, self._listened_at = 0, 0.0
        self._subscription: Subscription | None = None

    @property
    def kept_s(self) -> float:
        """For how long before it was ready events were kept for it, in seconds."""
        return 0.0 if self._kept is None else self._kept.kept_s

    def receive(self) -> None:
        """Consume until `should_stop`, or until the connection is dead."""
        if self._kept is not None:
            self._kept.look()
        received: Any = self.consume(limit=None, wakeup=True, safety_interval=IDLE_S)  # type: ignore[func-returns-value] # typed wrongly
        try:
            for _ in received:
                pass
        except self._kept_connection.channel_errors as error:
            if is_refusal(error):
                raise QueueRefused(self.queue, error) from error
            raise

    @contextlib.contextmanager
    def establish_connection(self) -> Iterator[Connection]:  # type: ignore[override] # typed wrongly
        """Use the connection that was handed in; Kombu would clone it and retry without end."""
        yield self._kept_connection

    def get_consumers(self, consumer: Any, channel: Any) -> list[Any]:  # noqa: ARG002 - Kombu's signature
        """Consume from our own queue; with `on_message` Kombu decodes nothing."""
        queues = [self.queue]
        if self._kept is None:
            return [consumer(queues=queues, on_message=self._take, no_ack=True)]
        return [consumer(queues=queues, on_message=self._take, prefetch_count=PREFETCH)]

    def on_consume_end(self, connection: Any, channel: Any) -> None:  # noqa: ARG002 - Kombu's signature
        """Acknowledge what is in the inbox, before the connection is given back."""
        if self._kept is not None:
            self._kept.acknowledge()

    def on_consume_ready(
        self,
        connection: Any,
        channel: Any,
        *_consumers: Any,
        **_kwargs: Any,
    ) -> None:
        """Wake the workers up as Celery's receiver does, and say that we listen.

        On Redis, Kombu subscribes when it first looks for messages: what is sent before is lost.
        """
        with contextlib.suppress(TimeoutError):
            connection.drain_events(timeout=SUBSCRIBE_S)
        self._channel = channel
        self._subscription = subscribe(channel, self._deliver)
        self._wake()
        gather(connection, IDLE_S)
        if self._kept is not None:
            self._kept.look_again()
        self._on_ready()
        self._on_sign(None)

    def on_decode_error(self, message: Any, exc: Exception) -> None:  # noqa: ARG002 - Kombu's signature
        """Hand over what Kombu could not unpack as it is: it is counted where all is decoded."""
        body = getattr(message, "body", None)
        self._on_message(EventMessage(body if isinstance(body, bytes) else b""))

    def on_iteration(self) -> None:
        """Check about once a second that the other side still answers."""
        now = self._clock()
        if self._kept is not None:
            self._kept.tick()
        self._look_for_frames(now)
        if now >= self._check_at:
            self._check_at = now + CHECK_S
            self._kept_connection.heartbeat_check()
            self._check_subscription(now)

    def _take(self, message: Any) -> None:
        body = message.body
        self._deliver(
            EventMessage(
                body if type(body) is bytes else _as_bytes(body),
                message.content_type or "application/data",
                message.content_encoding or "utf-8",
            )
        )
        if self._kept is not None:
            self._kept.taken(message)

    def _deliver(self, message: EventMessage) -> None:
        if self.should_stop:
            raise Stopped
        self._on_message(message)
        self._on_sign(None)

    def _look_for_frames(self, now: float) -> None:
        """Take AMQP frames, heartbeats among them, for a sign of life since the last look.

        Where no heartbeats were agreed on, and on brokers that are polled, each look is one: what
        is polled answers, or raises.
        """
        peer: Any = self._kept_connection.connection
        frames, heartbeat = getattr(peer, "bytes_recv", None), getattr(peer, "heartbeat", 0)
        if frames is not None and heartbeat:
            if frames != self._frames:
                self._frames = frames
                self._on_sign(self._listened_at or None)
        elif not _is_pinged(vars(self._channel).get("subclient")):
            self._on_sign(None)
        self._listened_at = now

    def _check_subscription(self, now: float) -> None:
        """Ping over Redis's subscription itself: Kombu does so only inside its own event loop."""
        client = vars(self._channel).get("subclient")
        if client is None or client.connection is None:
            return
        if not client.health_check_response_counter:
            if self._is_pinged:
                self._on_sign(self._pinged_at)
            client.connection.next_health_check = 0.0
            client.check_health()  # pings, unless the app set `health_check_interval` to 0
            self._pinged_at, self._is_pinged = now, bool(client.health_check_response_counter)
        elif now - max(self._pinged_at, self._heard_at()) > self._silence_s:
            raise ConnectionError(f"Redis has left a ping unanswered for {self._silence_s} s")

    def _heard_at(self) -> float:
        """When Redis last sent anything: the answer to a ping waits behind all events."""
        return 0.0 if self._subscription is None else self._subscription.heard_at


def _is_pinged(client: Any) -> bool:
    """Whether this is Redis's subscription, and the app did not forbid pings on it."""
    connection = getattr(client, "connection", None)
    return client is not None and (connection is None or bool(connection.health_check_interval))


@contextlib.contextmanager
def connected(capp: Celery) -> Iterator[Connection]:
    """Lend an open connection; one that breaks is given up without waiting for its end.

    Its farewell may wait for a dead broker, so that it is said in a thread of its own.
    """
    connection = connect(capp)
    try:
        yield connection
    except BaseException:
        threading.Thread(target=_collect, args=(connection,), daemon=True).start()
        raise
    connection.release()


def connect(capp: Celery, silence_s: float = SILENCE_S) -> Connection:
    """Return an open connection of the app's own kind, every host of it tried once; else raise.

    Each wait for the broker has an end, also while the connection is made.
    """
    connection = capp.connection_for_read(
        heartbeat=heartbeat_s(capp), connect_timeout=connect_s(capp)
    )
    kind = connection.transport.driver_type
    ours = waits(ANSWER_S if kind == "amqp" else OWN_CONNECT_S).get(kind, {})
    if kind == "redis":
        ours = {"health_check_interval": silence_s, **ours}
    options = {**ours, **(connection.transport_options or {})}
    options |= sentinel_patience(connection, options)
    connection.transport_options = options
    connection.ensure_connection(max_retries=len(connection.alt or ("",)) - 1)
    limit_frames(connection, ANSWER_S)
    return connection


def _collect(connection: Connection) -> None:
    with contextlib.suppress(Exception):  # it is broken already
        connection.collect(socket_timeout=CHECK_S)


def keeps_messages(connection: Connection) -> bool:
    """Say whether the broker keeps what we have not fetched yet."""
    return connection.transport.driver_type not in FORGETFUL


def usual_silence_s(connection: Connection) -> float:
    """Return for how long a connection that lives may show no sign of life."""
    is_amqp = connection.transport.driver_type == "amqp"
    return max(PAUSE_S, (connection.heartbeat or 0.0) if is_amqp else 0.0)


def heartbeat_s(capp: Celery) -> float:
    """Return the period of AMQP's heartbeat: a short one unless the app chose another."""
    chosen: float | None = capp.conf.broker_heartbeat
    return OWN_HEARTBEAT_S if chosen == CELERY_HEARTBEAT_S else float(chosen or 0)


def queue_ttl(capp: Celery) -> float:
    """Return how many seconds our queue keeps an event: a minute unless the app chose a time."""
    chosen: float | None = capp.conf.event_queue_ttl
    return OWN_TTL_S if chosen in (None, CELERY_TTL_S) else float(chosen or OWN_TTL_S)


def _as_bytes(body: Any) -> bytes:
    """Return a body that came as text or as a view of a buffer."""
    return body.encode(errors="surrogatepass") if isinstance(body, str) else bytes(body)
