"""Watch: for how long events could arrive, and how many were dropped. On the loop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from flower_ng.store.rollups.levels import MINUTE_S
from flower_ng.store.rollups.tallies import Coverage

#: Looks further apart alone prove nothing of the time between: the machine may have slept.
MAX_BETWEEN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Ingest:
    """Whether events can arrive, by the time since which they can (None: not now); the dropped."""

    connected_since: float | None
    dropped: int


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which nobody looked, as when the machine slept, and the connection before it."""

    start: float
    end: float
    connected_since: float


class Watch:
    """Looks at the ingest now and then; time between two looks at one connection was observed.

    So was a pause, as far as what happened in it was told of later: brokers keep events for us.
    `heard` gives the time of the newest sign of life of any worker since it was last asked, by the
    worker's clock; 0 where there was none.
    """

    def __init__(
        self, ingest: Callable[[], Ingest], heard: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._ingest, self._heard = ingest, heard
        self._seen_at = 0.0
        self._seen: Ingest | None = None
        self._pause: Pause | None = None

    def look(self, now: float) -> Iterator[tuple[int, Coverage]]:
        """Yield what was covered since the last look, by the start of the minute."""
        then, before = self._seen_at, self._seen
        seen = self._ingest()
        self._seen_at, self._seen = now, seen
        if before is None:
            return
        if now - then > MAX_BETWEEN_S and before.connected_since is not None:
            self._pause = Pause(then, now, before.connected_since)
        elif _is_one_connection(before, seen) and 0 < now - then <= MAX_BETWEEN_S:
            yield from _spans(then, now)
        if self._pause is not None:
            yield from self._caught_up(self._pause, seen)
        if seen.dropped > before.dropped:
            yield minute_of(now), Coverage(dropped=seen.dropped - before.dropped)

    def _caught_up(self, pause: Pause, seen: Ingest) -> Iterator[tuple[int, Coverage]]:
        """Yield what was told of a pause since; a later connection tells nothing of before it."""
        heard_at, end = self._heard(), pause.end
        if seen.connected_since == pause.connected_since:
            heard_at = min(heard_at, end)
        elif seen.connected_since is not None:
            end = min(end, seen.connected_since)
        if pause.start < heard_at <= end:
            yield from _spans(pause.start, heard_at)
            self._pause = replace(pause, start=heard_at) if heard_at < pause.end else None


def minute_of(at: float) -> int:
    """Return the start of the minute that a time is in, as UTC seconds."""
    return int(at // MINUTE_S) * MINUTE_S


def _is_one_connection(before: Ingest, after: Ingest) -> bool:
    return after.connected_since is not None and before.connected_since == after.connected_since


def _spans(start: float, end: float) -> Iterator[tuple[int, Coverage]]:
    """Yield the milliseconds between two times by minute; rounding adds none and loses none."""
    start_ms, end_ms = round(start * 1000), round(end * 1000)
    while start_ms < end_ms:
        minute = start_ms // 60_000
        until_ms = min(end_ms, (minute + 1) * 60_000)
        yield minute * MINUTE_S, Coverage(until_ms - start_ms)
        start_ms = until_ms
