"""The rows of the Workers page and of `/workers?json=1`. Pure; called on the loop."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from flower_ng.monitor.state.presence import Presence, Status
from flower_ng.records import Worker

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


class WorkerCounts(Protocol):
    """The part of EventsState that a row is made of."""

    @property
    def counter(self) -> Mapping[str, Mapping[str, int]]:
        """Events by host name and type, in the order in which the hosts were first seen."""

    @property
    def workers(self) -> Mapping[str, Worker]:
        """The worker table."""


class WorkerRow(msgspec.Struct, frozen=True, gc=False):
    """A worker and how many events of each type it has sent; `status` at the time of asking.

    `is_online` is yes or no: of one whose status is not known, what was known last.
    """

    worker: Worker
    counts: Mapping[str, int]
    is_online: bool
    status: Status

    def attempts(self, kind: str) -> int:
        """Return how many attempts of tasks its events of a type told of.

        A hard time limit is told of by two failures.
        """
        return attempts(self.worker, self.counts, kind)

    def record(self) -> dict[str, Any]:
        """Return the row as `/workers?json=1` shows it: counts by type, the fields, the status."""
        fields = {name: getattr(self.worker, name) for name in FIELDS}
        return {**self.counts, **fields, "status": self.is_online}


def attempts(worker: Worker, counts: Mapping[str, int], kind: str) -> int:
    """Return how many attempts of tasks a worker's events of a type told of, of all its events."""
    return max(0, counts.get(kind, 0) - worker.repeats.get(kind, 0))


def processed(worker: Worker, counts: Mapping[str, int]) -> int:
    """Return how many tasks a worker was heard to receive, of all its events.

    Where more of them ended, not all receipts were heard: then it is the worker's own total, if
    that is not less.
    """
    received, succeeded, failed = (
        attempts(worker, counts, f"task-{kind}") for kind in ("received", "succeeded", "failed")
    )
    ended = succeeded + failed
    return received if received >= ended else max(ended, worker.processed or 0)


def worker_rows(state: WorkerCounts, presence: Presence) -> list[WorkerRow]:
    """Return the workers in the order in which they were first seen.

    A host that is not in the worker table (a publisher of `task-sent`) has no row, and neither has
    a worker that is purged.
    """
    statuses, online = presence.table(), {one.hostname for one in presence.online()}
    return [
        WorkerRow(worker, counts, hostname in online, statuses[hostname])
        for hostname, counts in list(state.counter.items())
        if (worker := state.workers.get(hostname)) is not None
        if statuses[hostname] != "purged"
    ]
