"""What the store hands out: TaskRow, TaskPage, Restored. Built in the reading threads; frozen."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from flower_ng.monitor.records import Task, Worker

#: The keys of a task's record, in Flower's order.
RECORD_KEYS = (
    "uuid",
    "name",
    "state",
    "received",
    "sent",
    "started",
    "rejected",
    "succeeded",
    "failed",
    "retried",
    "revoked",
    "args",
    "kwargs",
    "eta",
    "expires",
    "retries",
    "worker",
    "result",
    "exception",
    "timestamp",
    "runtime",
    "traceback",
    "exchange",
    "routing_key",
    "clock",
    "client",
    "root",
    "root_id",
    "parent",
    "parent_id",
    "children",
)


class TaskRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One task as the store knows it; times are UTC seconds, `worker` is a host name.

    `children` are the ids of the known tasks whose `parent_id` is this one. The order of the
    fields is that of `schema.COLUMNS`, then `children`: rows are decoded by position.
    """

    uuid: str
    name: str | None = None
    state: str = "PENDING"
    received: float | None = None
    sent: float | None = None
    started: float | None = None
    rejected: float | None = None
    succeeded: float | None = None
    failed: float | None = None
    retried: float | None = None
    revoked: float | None = None
    args: str | None = None
    kwargs: str | None = None
    eta: str | None = None
    expires: str | None = None
    retries: int | None = None
    worker: str | None = None
    result: str | None = None
    exception: str | None = None
    timestamp: float = 0.0
    runtime: float | None = None
    traceback: str | None = None
    exchange: str | None = None
    routing_key: str | None = None
    clock: int = 0
    client: str | None = None
    root_id: str | None = None
    parent_id: str | None = None
    queue: str | None = None
    children: list[str] = []

    @property
    def root(self) -> str | None:
        """Flower's second name for `root_id`."""
        return self.root_id

    @property
    def parent(self) -> str | None:
        """Flower's second name for `parent_id`."""
        return self.parent_id

    def record(self) -> dict[str, Any]:
        """Return the 31 keys of Flower's task record, in its order."""
        return {key: getattr(self, key) for key in RECORD_KEYS}


@dataclass(frozen=True, slots=True)
class TaskPage:
    """The rows asked for, and how many tasks there are in all and after the filters.

    `exact` says whether `filtered` is the number itself; else it is a lower bound.
    """

    rows: list[TaskRow]
    total: int
    filtered: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Restored:
    """What the file held at the start; workers and counters in the order of their first sighting.

    `tasks` come oldest first and can be gone through once.
    """

    workers: list[Worker]
    counters: dict[str, dict[str, int]]
    tasks: Iterable[Task]
