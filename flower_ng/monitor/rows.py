"""The rows of the Workers page and of `/workers?json=1`. Pure; called on the loop."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from flower_ng.monitor.purge import offline_for
from flower_ng.monitor.records import Worker

#: The keys of a row after its event counts, in the order that Flower gives them.
FIELDS = (
    "hostname",
    "pid",
    "freq",
    "heartbeats",
    "clock",
    "active",
    "processed",
    "loadavg",
    "sw_ident",
    "sw_ver",
    "sw_sys",
)


class Known(Protocol):
    """The part of EventsState that a row is made of."""

    @property
    def counter(self) -> Mapping[str, Mapping[str, int]]:
        """Events by host name and type, in the order in which the hosts were first seen."""

    @property
    def workers(self) -> Mapping[str, Worker]:
        """The worker table."""

    def is_alive(self, worker: Worker, /) -> bool:
        """Say whether the newest heartbeat is younger than two of its periods."""


class WorkerRow(msgspec.Struct, frozen=True, gc=False):
    """A worker and how many events of each type it has sent; `is_online` at the time of asking."""

    worker: Worker
    counts: Mapping[str, int]
    is_online: bool

    def record(self) -> dict[str, Any]:
        """Return the row as `/workers?json=1` shows it: counts by type, the fields, the status."""
        fields = {name: getattr(self.worker, name) for name in FIELDS}
        return {**self.counts, **fields, "status": self.is_online}


def worker_rows(state: Known, now: float, hide_after_s: float | None = None) -> list[WorkerRow]:
    """Return the workers in the order in which they were first seen.

    A host that is not in the worker table (a publisher of `task-sent`) has no row. With
    `hide_after_s` (the option `purge_offline_workers`) neither has a worker that has been offline
    for that long, counted since its newest heartbeat, else since its newest event.
    """
    rows = (
        WorkerRow(worker, counts, state.is_alive(worker))
        for hostname, counts in list(state.counter.items())
        if (worker := state.workers.get(hostname)) is not None
    )
    return [row for row in rows if row.is_online or not _is_hidden(row.worker, now, hide_after_s)]


def _is_hidden(worker: Worker, now: float, hide_after_s: float | None) -> bool:
    return hide_after_s is not None and offline_for(worker, now) >= hide_after_s
