"""SignsOfLife notes when the broker was last heard, whatever it said. Events thread and loop."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flower_ng.monitor.ingest.inbox import Inbox
from flower_ng.monitor.state.reach import PAUSE_S, Reach

_NEVER: Final = float("-inf")


@dataclass(frozen=True, slots=True)
class _Mark:
    """A sign of life, and how many messages had come by then."""

    at: float
    messages: int


class SignsOfLife:
    """When the last sign of life came before which every event is applied.

    The events thread notes signs: a message, the answer to a ping, a heartbeat of AMQP. The loop
    follows with what it has applied: a heartbeat that waits in the inbox is no silence.
    """

    def __init__(self, inbox: Inbox, timer: Callable[[], float] = time.monotonic) -> None:
        self._inbox, self._timer = inbox, timer
        self._noted_at = _NEVER
        self._mark: _Mark | None = None
        self._at = _NEVER
        self._pause: tuple[float, float] | None = None

    def note(self, at: float | None = None) -> None:
        """Note a sign of life of now, or of an earlier time of `time.monotonic`; events thread."""
        self._noted_at = max(self._noted_at, self._timer() if at is None else at)

    def silent_s(self, usual_s: float) -> float | None:
        """Return for how long no sign came if that is longer than usual; events thread."""
        silent_s = self._timer() - self._noted_at
        return silent_s if usual_s < silent_s < float("inf") else None

    def follow(self, applied_messages: int) -> None:
        """Take note of how many messages are applied in all; on the loop."""
        if self._mark is None and self._noted_at > self._at:
            noted_at = self._noted_at  # before the count: what comes in between may be counted
            self._mark = _Mark(noted_at, self._inbox.put_messages)
        if self._mark is not None and applied_messages >= self._mark.messages:
            self._reached(self._mark.at)
            self._mark = None

    def reach(self, now: float) -> Reach | None:
        """Return until when events could arrive, `now` in UTC seconds; None before the first."""
        if self._at == _NEVER:
            return None
        shift_s = now - self._timer()
        if self._pause is None:
            return Reach(self._at + shift_s)
        paused_at, resumed_at = self._pause
        return Reach(self._at + shift_s, paused_at + shift_s, resumed_at + shift_s)

    def _reached(self, at: float) -> None:
        if self._at != _NEVER and at - self._at > PAUSE_S:
            self._pause = self._at, at
        self._at = at
