"""EventsThread receives a cluster's events on its own thread and applies them on the loop.

[events thread] broker -> Receiver -> Inbox. [loop] Inbox -> Drain -> ClusterState. A second thread
tells the workers to send events (enable_events.py).
"""

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from celery import Celery
from kombu import Connection
from tornado.ioloop import IOLoop

from flower_ng.clock import Clock
from flower_ng.monitor.fanout import lack_of_fanout
from flower_ng.monitor.ingest.backoff import Backoff
from flower_ng.monitor.ingest.decode import Wire, accepted, types_of
from flower_ng.monitor.ingest.drain import Drain, runs_elsewhere
from flower_ng.monitor.ingest.enable_events import EventEnabler, enable, wake
from flower_ng.monitor.ingest.inbox import FULL, EventMessage, Inbox
from flower_ng.monitor.ingest.ingest_stats import ConnectionState, IngestStats
from flower_ng.monitor.ingest.losses import Losses
from flower_ng.monitor.ingest.receiver import (
    Receiver,
    connected,
    keeps_messages,
    usual_silence_s,
)
from flower_ng.monitor.ingest.redis_read_ahead import RedisClosed
from flower_ng.monitor.ingest.signs_of_life import SignsOfLife
from flower_ng.monitor.remote.broadcast import Broadcasts
from flower_ng.monitor.servers import Servers
from flower_ng.monitor.state.reach import PAUSE_S, Reach
from flower_ng.monitor.state.restore import Returning
from flower_ng.monitor.state.state import ClusterState
from flower_ng.records import Task, Worker

log = logging.getLogger(__name__)

#: How long the events thread waits for room in the inbox, if the broker keeps its messages.
ROOM_WAIT_S = 5.0
STOP_WAIT_S = 3.0
FINISH_WAIT_S = 5.0
#: The connection that enables events is used every few seconds, so it is kept open in between.
REST_S = 30.0
#: An outage is logged when it begins, when its reason changes, and at this interval.
REMIND_S = 60.0
WHY_LENGTH = 500
#: Logged when Redis runs and has closed the connection all the same.
CUT = (
    "Events are missing, how many is unknown: Redis has closed the connection. It does so where a"
    " client reads too slowly: see client-output-buffer-limit pubsub in redis.conf"
)


class EventsThread(threading.Thread):
    """Receives events until stopped; `start()` and `stop()` may be called from any thread.

    All timers run on `io_loop`; if that never runs, nothing is applied and nothing hangs. Override
    `on_event(event)` to see each event as it was sent, on the events thread, and call
    `super().on_event(event)` to have it applied.
    """

    def __init__(
        self,
        capp: Celery,
        io_loop: IOLoop,
        *,
        state: ClusterState,
        inbox: Inbox,
        enable_events: bool = True,
        enable_interval_ms: float = 5000,
        drain_interval_ms: float = 50,
        slice_ms: float = 4.0,
        servers: Servers | None = None,
        event_queue: str = "",
        clock: Callable[[], float] = time.time,
        steps: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(name="flower-events", daemon=True)
        self.capp = capp
        self.io_loop = io_loop
        self.state = state
        self.inbox = inbox
        self.enable_events = enable_events
        self.connection = ConnectionState(connected=False, since=clock(), why="not connected yet")
        self.servers = servers or Servers(capp)
        self._event_queue = event_queue
        self._broadcasts = Broadcasts(capp, servers=self.servers, rest_s=REST_S)
        #: Tasks of the previous run are restored first; events wait in the inbox meanwhile.
        self.returning = Returning(state)
        self._wire = Wire(accepted(capp), clock)
        self._signs = SignsOfLife(inbox)
        self._drain = Drain(
            inbox,
            self._wire,
            state,
            interval_ms=drain_interval_ms,
            slice_ms=slice_ms,
            on_slice=self._signs.follow,
            on_applied=self._tell,
            on_tick=self._report,
            follow_clock=capp.clock.adjust,  # type: ignore[attr-defined] # the types lack it
        )
        self._dropped = Losses(FULL)
        self.stats = IngestStats(self._drain, self._dropped, self._wire)
        self._clock = clock
        #: The time on the loop, by which the state knows who is silent.
        self.clock = steps or Clock()
        self.clock.followers += [state.follow_clock, self.follow_clock]
        self._backoff = Backoff(jitter=jitter)
        self._enabling = EventEnabler(
            self._enable, lambda: self.connection.connected, enable_interval_ms / 1000
        )
        self._listeners: list[Callable[[], None]] = []
        self._ended = threading.Event()
        self._is_finished = False
        self._receiver: Receiver | None = None
        self._room_wait_s = 0.0
        self._usual_silence_s = PAUSE_S
        self._logged_at = 0.0  # of the monotonic clock: the other one may be set back
        self._is_overridden = type(self).on_event is not EventsThread.on_event

    @property
    def workers(self) -> Mapping[str, Worker]:
        """The workers in memory, by host name."""
        return self.state.workers

    @property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks in memory, by uuid."""
        return self.state.tasks

    def reach(self) -> Reach | None:
        """Until when events are known to have been able to arrive; None before the first time."""
        return self._signs.reach(self.clock())

    # Any thread

    def start(self) -> None:
        """Begin to receive; what arrives is applied once the loop runs."""
        super().start()
        self.io_loop.add_callback(self._begin)
        if self.enable_events:
            self.state.on_newcomer(self._enabling.newcomer)
            self._enabling.start()

    def stop(self) -> None:
        """End receiving within 3 s and apply what has arrived; a second call is harmless.

        From another thread than the loop's it waits, at most 5 s, until the loop has done its part.
        """
        self._ended.set()
        self._enabling.stop()
        if self._receiver is not None:
            self._receiver.should_stop = True
        if self.is_alive() and threading.current_thread() is not self:
            self.join(STOP_WAIT_S)
        if runs_elsewhere(self.io_loop):
            finished = threading.Event()
            self.io_loop.add_callback(self._finish, finished)
            finished.wait(FINISH_WAIT_S)
        else:
            self.finish()

    def finish(self) -> None:
        """Apply what has arrived; the last step of `stop`, on the loop if that runs."""
        self.returning.stop()
        self._broadcasts.close()
        self._is_finished = True
        self._drain.stop()

    def save_state(self) -> None:
        """Do nothing: the store writes the state continuously."""

    def follow_clock(self, step_s: float) -> None:
        """Keep how long events have arrived, or not, if the system's clock was moved."""
        self.connection = self.connection.shifted(step_s)

    def add_listener(self, callback: Callable[[], None]) -> None:
        """Call `callback` on the loop after each slice of applied events.

        Also when the connection to the broker was made or lost.
        """
        self._listeners.append(callback)

    # The events thread

    def run(self) -> None:
        """Receive until stopped, reconnecting after every error."""
        if lack := lack_of_fanout(self.capp):
            self._give_up(lack)
            return
        while not self._ended.is_set():
            try:
                self._receive()
            except Exception as error:  # noqa: BLE001 - the border: nothing may end the thread
                self.servers.left()
                self._wait_after(error)

    def _give_up(self, why: str) -> None:
        """Do not connect at all: a receiver would only leave a queue behind."""
        log.error("No events: %s", why)
        since = self.connection.since
        self._become(ConnectionState(connected=False, since=since, why=why, is_possible=False))

    def _receive(self) -> None:
        """Connect, resolving the broker's host name again, and consume until an error."""
        with connected(self.capp) as connection:
            self.servers.joined(connection)
            self._room_wait_s = ROOM_WAIT_S if keeps_messages(connection) else 0.0
            self._usual_silence_s = usual_silence_s(connection)
            self._note_event_queue(connection)
            self._receiver = Receiver(
                connection,
                app=self.capp,
                on_message=self._take,
                on_ready=self._connected,
                on_sign=self._signs.note,
                wake=lambda: wake(self._broadcasts),
                queue_name=self._event_queue,
            )
            self._receiver.should_stop = self._ended.is_set()
            self._receiver.receive()

    def _note_event_queue(self, connection: Connection) -> None:
        """Say once that this broker has no queue to keep events in."""
        kind = connection.transport.driver_type
        if self._event_queue and kind != "amqp":
            log.warning("event_queue has no effect: %s keeps no events, only RabbitMQ does", kind)
            self._event_queue = ""

    def _connected(self) -> None:
        self._backoff.reset()
        now, before = self._clock(), self.connection
        if before.retry_at is None:
            log.info("Receiving events%s", self.servers.source)
        else:
            after_s = now - before.since
            log.warning(
                "Receiving events again, after %.1f s without%s", after_s, self.servers.source
            )
        if before.is_cut:
            self.stats.cuts += 1
            log.warning(CUT)
        kept_s = 0.0 if self._receiver is None else self._receiver.kept_s
        self._become(before.made(now, kept_s))
        self._enabling.connected()

    def _wait_after(self, error: Exception) -> None:
        if self._ended.is_set():
            return
        pause_s, now, before = self._backoff.next_s(), self._clock(), self.connection
        why = (str(error).rstrip(". ") or type(error).__name__)[:WHY_LENGTH]
        if why != before.why or time.monotonic() - self._logged_at >= REMIND_S:
            log.error("No events: %s; next try in %.1f s", why, pause_s)
            self._logged_at = time.monotonic()
        is_cut = isinstance(error, RedisClosed)
        missing_s = error.behind_s if isinstance(error, RedisClosed) else self._silent_s(error)
        self._become(before.failed(why, now, now + pause_s, missing_s, is_cut=is_cut))
        self._ended.wait(pause_s)

    def _silent_s(self, error: Exception) -> float | None:
        """Return how long the connection that was lost had been silent, if unusually long.

        Events of that time are lost, unless a queue of ours keeps them. A socket that ended without
        a word of the broker's may have been dead before: there each pause counts.
        """
        if not self.connection.connected or self._event_queue:
            return None
        usual_s = PAUSE_S if isinstance(error, OSError) else self._usual_silence_s
        return self._signs.silent_s(usual_s)

    def _become(self, connection: ConnectionState) -> None:
        self.connection = connection
        self.io_loop.add_callback(self._tell)

    def _take(self, message: EventMessage) -> None:
        """Handle one message from the broker."""
        self.stats.messages += 1
        if self._is_overridden:
            self._show(message)
        else:
            self._put(message)

    def _show(self, message: EventMessage) -> None:
        """Call the overridden `on_event` for each event of a message."""
        for body in self._wire.bodies(message):
            try:
                self.on_event(body)
            except Exception:
                log.exception("on_event failed")

    def on_event(self, event: dict[str, Any]) -> None:
        """Queue one event to be applied; called on the events thread if a subclass overrides it."""
        self._put(EventMessage(json.dumps(event, default=repr, skipkeys=True).encode()))

    def _put(self, message: EventMessage) -> None:
        """Put a message into the inbox, or count its events as dropped."""
        if not self.inbox.put(message, self._room_wait_s):
            self._dropped.add(types_of(message))

    # The enabling thread

    def on_enable_events(self) -> None:
        """Tell all workers to send events; errors are logged, not raised."""
        enable(self._broadcasts, None)

    def _enable(self, hostnames: Sequence[str] | None) -> None:
        if hostnames is None:
            self.on_enable_events()
        else:
            enable(self._broadcasts, hostnames)

    # The loop

    def _begin(self) -> None:
        if not self._is_finished:
            self._drain.is_paused = True
            self._drain.start()
            self.io_loop.add_callback(self._bring_back)

    async def _bring_back(self) -> None:
        await self.returning.run()
        self._drain.is_paused = False

    def _finish(self, finished: threading.Event) -> None:
        try:
            self.finish()
        finally:
            finished.set()

    def _report(self) -> None:
        self.clock()  # a step is noticed also while nobody asks for the time
        self._dropped.report()
        self._wire.malformed.report()

    def _tell(self) -> None:
        for listener in self._listeners:
            try:
                listener()
            except Exception:
                log.exception("A listener for events failed")
