"""Events: receives a cluster's events on a thread of its own and applies them on the loop.

[events thread] broker -> Celery's EventReceiver -> Inbox. [loop] a PeriodicCallback drains the
Inbox in slices of limited time, and goes on at once while there is a backlog.
"""

import logging
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import msgspec
from celery import Celery
from tornado.ioloop import IOLoop, PeriodicCallback

from flower_ng.monitor.inbox import Inbox, Message
from flower_ng.monitor.receiver import Receiver, connect, keeps_messages
from flower_ng.monitor.records import Event
from flower_ng.monitor.state import EventsState
from flower_ng.monitor.wire import Wire, accepted, types_of

log = logging.getLogger(__name__)

ROOM_WAIT_S = 5.0
RETRY_FIRST_S, RETRY_MAX_S = 0.5, 5.0
STOP_WAIT_S = 3.0
LOG_INTERVAL_S = 5.0
LOOK_EVERY = 16  # events applied between two looks at the clock


class ConnectionState(msgspec.Struct, frozen=True):
    """Whether events can arrive, `since` when (UTC seconds), and if not, `why` and the next try."""

    connected: bool
    since: float
    why: str | None = None
    retry_at: float | None = None


class IngestStats:
    """What arrived: `messages`, events `received`, `dropped` by type, `malformed` by reason."""

    def __init__(self, malformed: Counter[str]) -> None:
        self.messages = 0
        self.received = 0
        self.dropped: Counter[str] = Counter()
        self.malformed = malformed


class Events(threading.Thread):
    """Receives events until stopped; `start()` and `stop()` may be called from any thread.

    Everything with a timer lives on `io_loop`; when that never runs, nothing is applied and
    nothing hangs. Override `on_event(event)` to see each event as a dict on the events thread.
    """

    def __init__(
        self,
        capp: Celery,
        io_loop: IOLoop,
        *,
        state: EventsState,
        inbox: Inbox,
        enable_events: bool = True,
        enable_interval_ms: int = 5000,
        drain_interval_ms: int = 50,
        slice_ms: float = 8.0,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(name="flower-events", daemon=True)
        self.capp = capp
        self.io_loop = io_loop
        self.state = state
        self.inbox = inbox
        self.enable_events = enable_events
        self.wire = Wire(accepted(capp), clock)
        self.stats = IngestStats(self.wire.malformed)
        self.connection = ConnectionState(connected=False, since=clock(), why="not connected yet")
        self._clock = clock
        self._jitter = jitter
        self._slice_s = slice_ms / 1000
        self._drain_interval_ms = drain_interval_ms
        self._enable_interval_s = enable_interval_ms / 1000
        self._listeners: list[Callable[[], None]] = []
        self._ended = threading.Event()
        self._timer: PeriodicCallback | None = None
        self._decoded: deque[Event] = deque()
        self._is_behind = False
        self._receiver: Receiver | None = None
        self._unlogged_drops = 0
        self._drops_logged_at = 0.0
        self._sees_events = type(self).on_event is not Events.on_event

    @property
    def workers(self) -> Any:
        """The workers in memory, by host name."""
        return self.state.workers

    @property
    def tasks(self) -> Any:
        """The tasks in memory, by uuid."""
        return self.state.tasks

    # Start and stop: any thread

    def start(self) -> None:
        """Begin to receive; the drain begins on the loop."""
        self.io_loop.add_callback(self._start_draining)
        if self.enable_events:
            threading.Thread(target=self._keep_enabling, name="flower-enable", daemon=True).start()
        super().start()

    def stop(self) -> None:
        """End receiving within a few seconds; what is in the inbox stays there."""
        self._ended.set()
        if self._receiver is not None:
            self._receiver.should_stop = True
        self.io_loop.add_callback(self._stop_draining)
        if self.is_alive() and threading.current_thread() is not self:
            self.join(STOP_WAIT_S)

    def save_state(self) -> None:
        """Do nothing: rows are written all the time."""

    def add_listener(self, callback: Callable[[], None]) -> None:
        """Have this called on the loop after each drain that applied something.

        Also when the connection to the broker came or went.
        """
        self._listeners.append(callback)

    # The events thread

    def run(self) -> None:
        """Receive until stopped; whatever fails is a reason to connect anew."""
        wait_s = RETRY_FIRST_S
        while not self._ended.is_set():
            try:
                self._receive()
            except Exception as error:  # noqa: BLE001 - the border: nothing may end the thread
                wait_s = RETRY_FIRST_S if self.connection.connected else wait_s
                pause_s = wait_s * (1 + self._jitter()) / 2
                self._lost(error, pause_s)
                self._ended.wait(pause_s)
                wait_s = min(RETRY_MAX_S, wait_s * 2)

    def _receive(self) -> None:
        """Connect, and consume until stopped or cut off."""
        with connect(self.capp) as connection:
            self._receiver = Receiver(
                connection, app=self.capp, on_raw=self._on_raw, on_ready=self._connected
            )
            self._waits_for_room = keeps_messages(connection)
            self._receiver.should_stop = self._ended.is_set()
            self._receiver.capture(limit=None, timeout=None, wakeup=True)

    _waits_for_room = False

    def _connected(self) -> None:
        self._become(ConnectionState(connected=True, since=self._clock()))
        log.info("Receiving events from %s", self.capp.connection_for_read().as_uri())

    def _lost(self, error: Exception, pause_s: float) -> None:
        if self._ended.is_set():
            return
        now, before = self._clock(), self.connection
        since = now if before.connected or before.why is None else before.since
        why = str(error) or type(error).__name__
        log.error("No events: %s; next try in %.1f s", why, pause_s)
        self._become(ConnectionState(False, since, why, now + pause_s))  # noqa: FBT003 - `connected`

    def _become(self, connection: ConnectionState) -> None:
        self.connection = connection
        self.io_loop.add_callback(self._tell)

    def _on_raw(self, message: Any) -> None:
        """Take a message from the broker; keep it or count what is dropped with it."""
        body = message.body
        raw = body.encode() if isinstance(body, str) else bytes(body)
        kept = Message(
            raw,
            message.content_type or "application/json",
            message.content_encoding or "utf-8",
        )
        self.stats.messages += 1
        if not self._sees_events:
            self._put(kept)
            return
        for event in self.wire.events(kept):
            self.on_event(as_fields(event))

    def on_event(self, event: dict[str, Any]) -> None:
        """Hand one event on to the loop; called on the events thread if a subclass overrides it."""
        self._put(Message(msgspec.json.encode(event)))

    def _put(self, message: Message) -> None:
        wait_s = ROOM_WAIT_S if self._waits_for_room else 0.0
        if self.inbox.put(message, wait_s):
            return
        types = types_of(message)
        self.stats.dropped.update(types)
        self._unlogged_drops += len(types)
        now = self._clock()
        if now - self._drops_logged_at >= LOG_INTERVAL_S:
            log.warning(
                "The inbox is full: dropped %d events; see --inbox_max_messages, --inbox_max_bytes",
                self._unlogged_drops,
            )
            self._drops_logged_at, self._unlogged_drops = now, 0

    # The enabling thread: broadcasts may block

    def _keep_enabling(self) -> None:
        while not self._ended.wait(self._enable_interval_s):
            self.on_enable_events()

    def on_enable_events(self) -> None:
        """Ask all workers to send events; a broker that is away is one warning."""
        try:
            self.capp.control.enable_events()
        except Exception as error:  # noqa: BLE001 - the border: any transport's own errors
            log.warning("Could not ask the workers to send events: %s", error)

    # The loop

    def _start_draining(self) -> None:
        if not self._ended.is_set():
            self._timer = PeriodicCallback(self._drain, self._drain_interval_ms)
            self._timer.start()

    def _stop_draining(self) -> None:
        if self._timer is not None:
            self._timer.stop()

    def _drain(self) -> None:
        if not self._is_behind:
            self.drain()

    def drain(self) -> int:
        """Apply events for one slice of time; go on at once on the loop while there are more.

        Returns how many events were applied.
        """
        deadline = time.perf_counter() + self._slice_s
        applied = 0
        while event := self._next():
            self._apply(event)
            applied += 1
            if not applied % LOOK_EVERY and time.perf_counter() > deadline:
                break
        self._is_behind = bool(self._decoded or self.inbox.messages)
        if self._is_behind:
            self.io_loop.add_callback(self.drain)
        if applied:
            self._tell()
        return applied

    def _next(self) -> Event | None:
        while not self._decoded:
            message = self.inbox.take()
            if message is None:
                return None
            self._decoded.extend(self.wire.events(message))
        return self._decoded.popleft()

    def _apply(self, event: Event) -> None:
        try:
            self.state.apply(event)
            self.stats.received += 1
        except Exception:
            log.exception("Could not apply %s of %s", event.type, event.hostname)
            self.wire.refuse("not applicable")

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()


def as_fields(event: Event) -> dict[str, Any]:
    """Return an event as Celery's handlers see it: a dict of what it has."""
    fields = msgspec.structs.asdict(event)
    return {name: value for name, value in fields.items() if value is not None}
