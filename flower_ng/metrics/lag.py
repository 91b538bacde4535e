"""Measures how late the event loop runs scheduled calls. On the loop that it measures."""

import time
from collections.abc import Callable

from tornado.ioloop import IOLoop

#: So long nobody is answered; shorter ones are not felt.
STALL_S = 0.05


class LoopLag:
    """Asks to be called every `interval_s` and notes how much later it was.

    `newest_s` is the last measurement; `max_s` the worst of the last one to two `window_s`, or of
    the time since the start if that is shorter. `stalls` counts those over `STALL_S`.
    """

    def __init__(
        self,
        io_loop: IOLoop,
        *,
        interval_s: float = 0.02,
        window_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.newest_s = 0.0
        self.stalls = 0
        self._io_loop = io_loop
        self._interval_s = interval_s
        self._window_s = window_s
        self._clock = clock
        self._timer: object | None = None
        self._due = 0.0
        self._window_end = clock() + window_s
        self._worst_now = self._worst_before = 0.0

    @property
    def max_s(self) -> float:
        """The worst recent measurement, in seconds."""
        return max(self._worst_now, self._worst_before)

    def start(self) -> None:
        """Begin; call on the loop."""
        if self._timer is None:
            self._ask()

    def stop(self) -> None:
        """End; call on the loop."""
        if self._timer is not None:
            self._io_loop.remove_timeout(self._timer)
            self._timer = None

    def _ask(self) -> None:
        self._due = self._clock() + self._interval_s
        self._timer = self._io_loop.call_later(self._interval_s, self._called)

    def _called(self) -> None:
        now = self._clock()
        self.newest_s = max(0.0, now - self._due)
        self.stalls += self.newest_s > STALL_S
        if now >= self._window_end:
            self._worst_before, self._worst_now = self._worst_now, 0.0
            self._window_end = now + self._window_s
        self._worst_now = max(self._worst_now, self.newest_s)
        self._ask()
