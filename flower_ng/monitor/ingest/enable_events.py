"""Enabling asks workers to send task events; on a thread of its own, because a broadcast may block.

All are asked when the events' connection stands and every few seconds from then on; a worker that
comes online or is first heard of is asked by name, several times in its first seconds.
"""

import heapq
import threading
import time
from collections.abc import Callable, Sequence

#: When a newcomer is asked, in seconds after it was heard of. A worker says that it is online
#: before it reads commands, and on Redis a command that nobody reads yet is lost.
NEWCOMER_S = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0)
#: Workers that come at about the same time are asked by one message.
TOGETHER_S = 0.02
#: Newcomers that wait to be asked; the next broadcast to all reaches those past it.
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
        """Have all workers asked now; from any thread."""
        with self._changed:
            self._all_at = self._clock()
            self._changed.notify()

    def newcomer(self, hostname: str) -> None:
        """Have one worker asked now and again soon; from any thread."""
        with self._changed:
            now = self._clock()
            if len(self._waiting) < MAX_WAITING:
                for delay_s in NEWCOMER_S:
                    heapq.heappush(self._waiting, (now + delay_s, hostname))
                self._changed.notify()

    def stop(self) -> None:
        """End; does not wait for a broadcast that is under way."""
        with self._changed:
            self._is_ended = True
            self._changed.notify()

    def run(self) -> None:
        """Ask until stopped."""
        while (due := self._next()) is not None:
            if self._is_connected():
                self._ask(due or None)

    def _next(self) -> list[str] | None:
        """Wait, then return who is to be asked: host names, none for all; None at the end."""
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
        """Take those whose time has come, with those who are soon due."""
        due: dict[str, None] = {}
        if self._waiting and self._waiting[0][0] <= now:
            while self._waiting and self._waiting[0][0] <= now + TOGETHER_S:
                due.setdefault(heapq.heappop(self._waiting)[1])
        return list(due)

    def _next_at(self) -> float:
        first = self._waiting[0][0] if self._waiting else self._all_at
        return min(first, self._all_at)
