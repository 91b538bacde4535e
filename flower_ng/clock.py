"""Clock and timers that stay right when the system clock is changed while flower_ng runs.

Times on pages and in the history are UTC by the system's clock. What must not depend on it are
timers, and for how long something has been so: whether a worker is alive, how old an answer is.
"""

import logging
import time
from collections.abc import Awaitable, Callable

from tornado.ioloop import IOLoop, PeriodicCallback  # noqa: TID251 - the one place

log = logging.getLogger(__name__)

#: A smaller step is none: NTP slews the clock, and a busy machine reads two clocks late.
STEP_S = 1.0

Shift = Callable[[float], None]


class Clock:
    """UTC seconds, read on the loop; notices when somebody moved the system's clock.

    Each of `followers` is called with the step, in seconds, before the first time after the step is
    handed out: it adds that to the times that it keeps in order to know their age.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.followers: list[Shift] = []
        self._wall, self._steady = wall, steady
        self._offset_s = wall() - steady()

    def __call__(self) -> float:
        """Return the time."""
        now = self._wall()
        step_s = now - self._steady() - self._offset_s
        if abs(step_s) >= STEP_S:
            self._offset_s += step_s
            log.warning("The system's clock was moved by %+.0f s", step_s)
            for follow in self.followers:
                follow(step_s)
        return now


class SteadyPeriodicCallback(PeriodicCallback):
    """Tornado's PeriodicCallback on the monotonic clock.

    Tornado schedules by `time.time()`: where the system's clock is set back by an hour, its
    callbacks stop for an hour. These come every `interval_ms` all the same. A call that is late
    or takes long delays the next one to its next turn; turns that were missed are left out.
    """

    def __init__(
        self, callback: Callable[[], Awaitable[object] | None], interval_ms: float
    ) -> None:
        super().__init__(callback, interval_ms)
        self._interval_s = interval_ms / 1000
        self._due = 0.0

    def start(self) -> None:
        """Begin; the first call comes after one interval."""
        self._due = time.monotonic()
        super().start()

    def _schedule_next(self) -> None:
        """Take the place of Tornado's method, which asks the system's clock."""
        if not self.is_running():
            return
        now = time.monotonic()
        missed = max(0.0, now - self._due) // self._interval_s
        self._due += (missed + 1) * self._interval_s
        self._timeout = IOLoop.current().call_later(self._due - now, self._run)
