"""Drain: applies what the inbox holds to the state, in slices of limited time; on the loop."""

import asyncio
import logging
import time
from collections.abc import Callable
from operator import length_hint

from tornado.ioloop import IOLoop

from flower_ng.clock import SteadyPeriodicCallback
from flower_ng.event_record import Event
from flower_ng.monitor.ingest.decode import Wire
from flower_ng.monitor.ingest.inbox import Inbox
from flower_ng.monitor.state.state import ClusterState

log = logging.getLogger(__name__)

#: Events applied between two looks at the clock: as many as a worker sends in one message.
LOOK_EVERY = 24
#: Turns of the loop between two slices. A request takes some five, from the connection to the last
#: byte of the answer: with a slice in each it would wait for five slices.
TURNS = 8
FINISH_S = 2.0  # at the end, for what is still inside
#: Our own clock follows the workers', as in Celery's receiver, as far as a real one can have come.
CLOCK_FOLLOWED_MAX = 2**48


class Drain:
    """Every `interval_ms` takes what has arrived; goes on at once while there is more.

    One slice lasts about `slice_ms`, so that requests are answered between slices. Throughput is
    bounded by the processor only. `on_slice` is called after each slice, `on_applied` after those
    that applied something, `on_tick` every `interval_ms`.
    """

    def __init__(
        self,
        inbox: Inbox,
        wire: Wire,
        state: ClusterState,
        *,
        interval_ms: float,
        slice_ms: float,
        on_slice: Callable[[int], None],
        on_applied: Callable[[], None],
        on_tick: Callable[[], None],
        follow_clock: Callable[[int], object],
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        #: Events applied; seconds spent, in all and at most in one slice.
        self.applied = 0
        self.busy_s = 0.0
        self.slice_max_s = 0.0
        #: While this is set all waits in the inbox, until `stop`.
        self.is_paused = False
        self._inbox = inbox
        self._wire = wire
        self._state = state
        self._interval_ms = interval_ms
        self._slice_s = slice_ms / 1000
        self._on_slice, self._on_applied = on_slice, on_applied
        self._on_tick = on_tick
        self._follow_clock = follow_clock
        self._timer = timer
        self._ticks: SteadyPeriodicCallback | None = None
        self._decoded: list[Event] = []
        self._goes_on = False
        self._clock = 0  # the highest that was heard in this slice

    @property
    def applied_messages(self) -> int:
        """How many messages of the inbox are applied; what is left of decoded events is of one."""
        return self._inbox.taken_messages - bool(self._decoded)

    @property
    def is_behind(self) -> bool:
        """Whether something that arrived is not applied yet."""
        return bool(self._decoded or self._inbox.messages)

    def start(self) -> None:
        """Begin; on the loop, because a timer belongs to the loop that starts it."""
        self._ticks = SteadyPeriodicCallback(self._tick, self._interval_ms)
        self._ticks.start()

    def stop(self) -> None:
        """Apply what has arrived, for 2 s at most, and end; on the loop."""
        if self._ticks is not None:
            self._ticks.stop()
            self._ticks = None
            self.run(FINISH_S)

    def run(self, at_most_s: float) -> int:
        """Apply events for so long, and return how many."""
        began = now = self._timer()
        before = self.applied
        while self._fill() and now - began <= at_most_s:
            self._apply(self._decoded[:LOOK_EVERY])
            del self._decoded[:LOOK_EVERY]
            now = self._timer()
        self._follow()
        self._note(now - began)
        self._on_slice(self.applied_messages)
        if self.applied > before:
            self._on_applied()
        return self.applied - before

    def _tick(self) -> None:
        if not (self._goes_on or self.is_paused):
            self._slice()
        self._on_tick()

    def _slice(self) -> None:
        self._goes_on = False
        if self._ticks is None:
            return
        self.run(self._slice_s)
        if self.is_behind:
            self._goes_on = True
            self._go_on(TURNS)

    def _go_on(self, turns: int) -> None:
        """Apply more after some turns of the loop."""
        if turns:
            asyncio.get_running_loop().call_soon(self._go_on, turns - 1)
        else:
            self._slice()

    def _fill(self) -> bool:
        """Decode enough for a turn, and return whether there is something to apply."""
        while len(self._decoded) < LOOK_EVERY and (message := self._inbox.take()) is not None:
            events = self._wire.events(message)
            if events:
                self._hear(events[-1])
                self._decoded.extend(events)
        return bool(self._decoded)

    def _hear(self, event: Event) -> None:
        """Take note of the sender's clock: the last event of a message has its highest.

        Publishers of task-sent are not synchronised with anyone.
        """
        clock = event.clock or 0
        if self._clock < clock <= CLOCK_FOLLOWED_MAX and event.type != "task-sent":
            self._clock = clock

    def _follow(self) -> None:
        if self._clock:
            self._follow_clock(self._clock)
            self._clock = 0

    def _apply(self, events: list[Event]) -> None:
        rest = iter(events)
        while length_hint(rest):
            try:
                self._state.apply_all(rest)
            except Exception:
                event = events[-1 - length_hint(rest)]
                log.exception("Could not apply %s of %s", ascii(event.type), ascii(event.hostname))
                self._wire.refuse("not applicable")
        self.applied += len(events)

    def _note(self, spent_s: float) -> None:
        self.busy_s += spent_s
        self.slice_max_s = max(self.slice_max_s, spent_s)


def runs_elsewhere(io_loop: IOLoop) -> bool:
    """Whether the loop runs, on another thread than the calling one."""
    loop: asyncio.AbstractEventLoop = io_loop.asyncio_loop  # type: ignore[attr-defined]
    try:
        is_here = asyncio.get_running_loop() is loop
    except RuntimeError:
        is_here = False
    return loop.is_running() and not is_here
