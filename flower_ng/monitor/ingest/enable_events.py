"""EventEnabler tells workers to send task events, on its own thread: a broadcast may block.

All workers are told when the event connection is made and every few seconds from then on; a worker
that comes online or is first heard of is told by name, several times in its first seconds.
"""

import heapq
import logging
import threading
import time
from collections.abc import Callable, Sequence

from flower_ng.errors import Unavailable
from flower_ng.monitor.remote.broadcast import Broadcasts

log = logging.getLogger(__name__)

#: When a new worker is told, in seconds after its first event. A worker announces itself before it
#: reads commands, and on Redis a command that nobody reads yet is lost.
NEWCOMER_S = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0)
#: Workers that appear within this time are told by one message.
TOGETHER_S = 0.02
#: New workers waiting to be told; further ones are reached by the next broadcast to all.
MAX_WAITING = 10_000


class EventEnabler(threading.Thread):
    """Calls `ask(None)` for all workers, or `ask(host names)`, while `is_connected()`."""

    def __init__(
        self,
        ask: Callable[[Sequence[str] | None], None],
        is_connected: Callable[[], bool],
        interval_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name="flower-enable", daemon=True)
        self._ask, self._is_connected = ask, is_connected
        self._interval_s, self._clock = interval_s, clock
        self._changed = threading.Condition()
        self._all_at = clock() + interval_s
        self._waiting: list[tuple[float, str]] = []
        self._is_ended = False

    def connected(self) -> None:
        """Have all workers told now; from any thread."""
        with self._changed:
            self._all_at = self._clock()
            self._changed.notify()

    def newcomer(self, hostname: str) -> None:
        """Have one worker told now and several times soon after; from any thread."""
        with self._changed:
            now = self._clock()
            if len(self._waiting) < MAX_WAITING:
                for delay_s in NEWCOMER_S:
                    heapq.heappush(self._waiting, (now + delay_s, hostname))
                self._changed.notify()

    def stop(self) -> None:
        """End, without waiting for a broadcast in progress."""
        with self._changed:
            self._is_ended = True
            self._changed.notify()

    def run(self) -> None:
        """Tell workers until stopped."""
        while (due := self._next()) is not None:
            if self._is_connected():
                self._ask(due or None)

    def _next(self) -> list[str] | None:
        """Wait, then return the host names to tell, empty for all workers; None at the end."""
        with self._changed:
            while not self._is_ended:
                now = self._clock()
                if now >= self._all_at:
                    self._all_at = now + self._interval_s
                    return []
                if due := self._due(now):
                    return due
                self._changed.wait(self._next_at() - now)
        return None

    def _due(self, now: float) -> list[str]:
        """Remove and return the workers that are due now or within TOGETHER_S."""
        due: dict[str, None] = {}
        if self._waiting and self._waiting[0][0] <= now:
            while self._waiting and self._waiting[0][0] <= now + TOGETHER_S:
                due.setdefault(heapq.heappop(self._waiting)[1])
        return list(due)

    def _next_at(self) -> float:
        first = self._waiting[0][0] if self._waiting else self._all_at
        return min(first, self._all_at)


def enable(broadcasts: Broadcasts, hostnames: Sequence[str] | None) -> None:
    """Tell workers to send events, None for all; an error is logged, not raised."""
    try:
        broadcasts.tell("enable_events", {}, hostnames)
    except Unavailable:
        log.debug("The workers were not asked to send events")  # the reason is already logged
    except Exception as error:  # noqa: BLE001 - the border: any transport's own errors
        log.warning("Could not ask the workers to send events: %s", error)


def wake(broadcasts: Broadcasts) -> None:
    """Have every worker send a heartbeat now, as Celery's receiver does when it begins."""
    try:
        broadcasts.tell("heartbeat", {})
    except Unavailable:
        log.debug("The workers were not asked for a heartbeat")  # the reason is already logged
    except Exception as error:  # noqa: BLE001 - the border: as above
        log.warning("Could not ask the workers for a heartbeat: %s", error)
