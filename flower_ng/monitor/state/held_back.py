"""HeldBack tells when the broker holds back what workers send, so that nobody calls them silent.

RabbitMQ with an alarm for memory or disk reads nothing from connections that publish. Heartbeats
wait in the workers then, while the dashboard's own connection looks alive. On the loop.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from flower_ng.monitor.state.reach import PAUSE_S, Reach

#: What RabbitMQ's management API tells is as old as this: it gathers its statistics every 5 s.
STATISTICS_S: Final = 5.0


class HeldBack:
    """Narrows `reach`, until when events can have arrived, by what the broker told of itself.

    `told` returns when that was (UTC seconds), and why publishers are blocked, empty where they are
    not; None where the broker never tells, or has not for a while. `heard_at` is when any worker
    was heard last: messages came through by then, whatever was told.
    """

    def __init__(
        self,
        reach: Callable[[], Reach | None],
        told: Callable[[], tuple[float, str] | None],
        heard_at: Callable[[], float],
    ) -> None:
        self._reach, self._told, self._heard_at = reach, told, heard_at
        self._since: float | None = None
        self._pause: tuple[float, float] | None = None

    @property
    def why(self) -> str:
        """Why messages of workers are held back now, empty where nothing says so."""
        told = self._told()
        return "" if told is None else told[1]

    def reach(self) -> Reach | None:
        """Return until when events can have arrived, and the newest pause; None before any."""
        reach, told, heard_at = self._reach(), self._told(), self._heard_at()
        if reach is None:
            return None
        if told is None:
            self._end(reach.until)
            return self._with_pause(reach)
        at, why = told
        if why:
            self._hold(heard_at)
            until = heard_at
        else:
            self._end(at)
            until = max(heard_at, at - STATISTICS_S)
        return self._with_pause(replace(reach, until=min(reach.until, until)))

    def follow_clock(self, step_s: float) -> None:
        """Keep for how long messages are held back, where the system's clock was moved."""
        self._since = None if self._since is None else self._since + step_s
        if self._pause is not None:
            self._pause = self._pause[0] + step_s, self._pause[1] + step_s

    def _hold(self, heard_at: float) -> None:
        if self._since is not None and heard_at - self._since > PAUSE_S:
            self._end(heard_at)  # they flow again, before the broker told so
        self._since = heard_at

    def _end(self, at: float) -> None:
        if self._since is not None and at - self._since > PAUSE_S:
            self._pause = self._since, at
        self._since = None

    def _with_pause(self, reach: Reach) -> Reach:
        if self._pause is None or (reach.resumed_at or 0.0) > self._pause[1]:
            return reach
        return replace(reach, paused_at=self._pause[0], resumed_at=self._pause[1])
