"""Removes workers that were offline for long from state, inspector and metrics. On the loop."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Protocol

from flower_ng.clock import SteadyPeriodicCallback
from flower_ng.monitor.state.presence import Presence
from flower_ng.records import Worker

#: The timer runs no more often than this.
LEAST_PERIOD_S = 10.0
#: Publishers come and go with the processes they are; each keeps its counts at least so long.
PUBLISHER_SILENCE_S = 3600.0
#: Workers removed before the loop is given back: some milliseconds.
SLICE = 100


class PurgedState(Protocol):
    """The part of EventsState that is purged."""

    @property
    def workers(self) -> Mapping[str, Worker]:
        """The worker table."""

    @property
    def counter(self) -> Mapping[str, Mapping[str, int]]:
        """Events by host name and type."""

    @property
    def publishers(self) -> Mapping[str, float]:
        """When each publisher of task-sent was last heard of, by our own clock."""

    def forget_worker(self, hostname: str, /) -> None:
        """Drop a worker, or a publisher, and its counter."""


class PurgedInspector(Protocol):
    """The part of the Inspector that is purged."""

    @property
    def workers(self) -> Mapping[str, Mapping[str, Any]]:
        """The records by host name, each with the `timestamp` of its newest answer."""

    def purge_worker(self, hostname: str, /) -> None:
        """Forget a worker."""


class PurgedMetrics(Protocol):
    """The part of the metrics that is purged."""

    def known_workers(self) -> Collection[str]:
        """Names that have series, publishers not among them."""

    def remove_worker_metrics(self, worker: str, /) -> None:
        """Remove all series of a name."""


class Purge:
    """Removes every worker whose `presence` is purged; without its `purge_after_s` never any.

    Names that are in some table and not in the worker table have as long from when they were last
    seen to change. Publishers of task-sent are not workers: they go when they were silent for
    as long, and for an hour at least. Who returns is simply back.
    """

    def __init__(
        self,
        state: PurgedState,
        inspector: PurgedInspector,
        metrics: PurgedMetrics,
        presence: Presence,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._state, self._inspector, self._metrics = state, inspector, metrics
        self._presence, self._after_s, self._clock = presence, presence.purge_after_s, clock
        self._orphans: dict[str, tuple[object, float]] = {}
        self._timer: SteadyPeriodicCallback | None = None

    def start(self) -> None:
        """Run about every `after_s`, on the current loop."""
        if self._after_s is not None:
            period_s = max(self._after_s, LEAST_PERIOD_S)
            self._timer = SteadyPeriodicCallback(self._run_in_steps, period_s * 1000)
            self._timer.start()

    def stop(self) -> None:
        """End the timer."""
        if self._timer is not None:
            self._timer.stop()

    def run(self) -> None:
        """Remove what is to go now."""
        deque(self._steps(), maxlen=0)

    async def _run_in_steps(self) -> None:
        for _ in self._steps():
            await asyncio.sleep(0)

    def _steps(self) -> Iterator[None]:
        """Remove some at a step: whole fleets end at once. Who comes back between two stays."""
        if self._after_s is None:
            return
        now = self._clock()
        names = [*self._offline(), *self._stale_orphans(now, self._after_s)]
        for start in range(0, len(names), SLICE):
            for hostname in names[start : start + SLICE]:
                self._remove(hostname)
            yield
        for hostname in self._silent_publishers(now, max(self._after_s, PUBLISHER_SILENCE_S)):
            self._state.forget_worker(hostname)

    def _remove(self, hostname: str) -> None:
        worker = self._state.workers.get(hostname)
        if self._presence.status(worker) == "purged":
            if worker is not None:
                self._presence.forgot()
            self._state.forget_worker(hostname)
            self._inspector.purge_worker(hostname)
            self._metrics.remove_worker_metrics(hostname)

    def _offline(self) -> list[str]:
        return [name for name, status in self._presence.table().items() if status == "purged"]

    def _silent_publishers(self, now: float, silence_s: float) -> list[str]:
        publishers = self._state.publishers.items()
        return [name for name, heard_at in publishers if now - heard_at >= silence_s]

    def _stale_orphans(self, now: float, after_s: float) -> list[str]:
        """Name those outside the worker table of whom nothing new was seen for so long."""
        seen = {}
        for name in self._names_without_worker():
            signs = self._signs(name)
            before = self._orphans.get(name)
            seen[name] = before if before is not None and before[0] == signs else (signs, now)
        stale = [name for name, (_, since) in seen.items() if now - since >= after_s]
        self._orphans = {name: seen[name] for name in seen.keys() - stale}
        return stale

    def _names_without_worker(self) -> Iterator[str]:
        state = self._state
        known = {*state.counter, *self._inspector.workers, *self._metrics.known_workers()}
        return (
            name for name in known if name not in state.workers and name not in state.publishers
        )

    def _signs(self, name: str) -> object:
        """Return what changes whenever the name is heard of or answers."""
        record = self._inspector.workers.get(name, {})
        return sum(self._state.counter.get(name, {}).values()), record.get("timestamp")
