"""The records that the store returns: TaskRow, TaskPage, Restored. Frozen; reading threads."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import msgspec

from flower_ng.life.runs import TaskEvent, is_running
from flower_ng.records import Task, Worker
from flower_ng.store.tables import timeline
from flower_ng.store.tables.schema import COLUMNS
from flower_ng.store.tables.texts import LARGE, Truncation, truncation_of
from flower_ng.store.tables.timeline import Attempt

#: The keys of a task's record, in Flower's order; `root` and `parent` are second names.
RECORD_KEYS = (
    *takewhile(lambda name: name != "root_id", COLUMNS),
    *("root", "root_id", "parent", "parent_id", "children"),
)


class TaskRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One task as the store knows it; times are UTC seconds, `worker` is a host name.

    `original_name` is the name it had before it was replaced by another one (`Task.replace`).
    `state_source` is None where events told the state, else who did.

    `children` are the ids of the known tasks whose `parent_id` is this one. `exception_line` is the
    first line of the exception, which is of `exception_class`; `rerun_of` is the task that this one
    repeats, `reruns` are those that repeat it. `report` and `log` are what the task told of itself,
    as text (reports). The events, the log and the lineage are only there when one task is asked
    for, not in lists. The fields stand in the order of `schema.COLUMNS`, then
    `children`, then that of `sql.statements`: rows are decoded by position.
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
    original_name: str | None = None
    state_source: str | None = None
    children: list[str] = []
    exception_class: str | None = None
    exception_line: str | None = None
    event_count: int | None = None
    report: str | None = None
    timeline: str | None = None
    rerun_of: str | None = None
    reruns: list[str] = []
    log: str | None = None

    @property
    def root(self) -> str | None:
        """Flower's second name for `root_id`."""
        return self.root_id

    @property
    def parent(self) -> str | None:
        """Flower's second name for `parent_id`."""
        return self.parent_id

    @property
    def is_running(self) -> bool:
        """Whether it runs as far as is known: started, or in a state of the app's own."""
        return is_running(self.state)

    @property
    def cuts(self) -> dict[str, Truncation]:
        """How args, kwargs, result, exception and traceback were cut: those of them that were."""
        found = {name: truncation_of(getattr(self, name)) for name in LARGE}
        return {name: cut for name, cut in found.items() if cut is not None}

    @property
    def events(self) -> tuple[TaskEvent, ...]:
        """The events that are kept, the earliest first."""
        return timeline.events(self.timeline)

    @property
    def events_left_out(self) -> int:
        """How many events came that were not kept, because there were too many."""
        return max(0, (self.event_count or 0) - timeline.kept(self.timeline))

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts of the task that its events tell of, each as often as it was run."""
        told = timeline.numbered(self.events, self.retries)
        return timeline.attempts(timeline.named(told, self.name, self.original_name))

    def record(self) -> dict[str, Any]:
        """Return the 31 keys of Flower's task record, in its order."""
        return {key: getattr(self, key) for key in RECORD_KEYS}


@dataclass(frozen=True, slots=True)
class TaskPage:
    """The rows asked for, and how many tasks there are in all and after the filters.

    `exact` says whether `filtered` is the number itself; else about so many match.
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
