"""TaskQuery is which tasks are asked for, and in which order. Frozen."""

from dataclasses import dataclass
from typing import Final

from flower_ng.store.search.conditions import Search

#: The filters for whole values, and the columns that they look at.
FILTERS: Final = {
    "state": "state",
    "name": "name",
    "worker": "worker",
    "queue": "queue",
    "exception": "exception_class",
}


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """Which tasks, in which order, and which of them.

    `state`, `name`, `worker`, `queue` and `exception` (its class) are whole values, their case
    ignored. The received range (UTC seconds) includes both ends, and tasks that no one received
    pass it. Without `sort` the newest come first, whatever the direction; an attribute that tasks
    do not have sorts by id.
    """

    search: Search | None = None
    state: str | None = None
    name: str | None = None
    worker: str | None = None
    received_start: float | None = None
    received_end: float | None = None
    sort: str | None = None
    descending: bool = False
    offset: int = 0
    limit: int | None = None
    queue: str | None = None
    exception: str | None = None
