"""Task and Worker: the records that the state in memory makes of events. Any thread."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from celery import states
from celery.events import state as celery_state

#: The `state_source` of a task whose state no event told, but the result backend.
BACKEND = "result backend"
#: The `state_source` of a task whose newest event may be that of another of its attempts.
INFERRED = "inferred"


class Readable:
    """Answers `record["field"]` and `record.get("field", default)` beside `record.field`."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            raise KeyError(name) from None

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or the default where there is none of this name or it is not known."""
        value = getattr(self, name, None)
        return default if value is None else value


class Worker(Readable, msgspec.Struct, gc=False, eq=False):
    """A worker as its own events tell it; Celery's `celery.events.state.Worker` in fewer bytes.

    `heartbeats` holds the times of the last four, oldest first; empty after `worker-offline`.
    `heard_at` is our own clock at its newest event, `beat_at` at its newest sign of life, 0 when it
    said that it went offline: whether it is alive never depends on its own clock.
    """

    hostname: str
    pid: int | None = None
    freq: float = 60.0
    heartbeats: tuple[float, ...] = ()
    clock: int = 0
    active: int | None = None
    processed: int | None = None
    loadavg: tuple[float, float, float] | None = None
    sw_ident: str | None = None
    sw_ver: str | None = None
    sw_sys: str | None = None
    heard_at: float = 0.0
    beat_at: float = 0.0
    #: Whether its pool is solo, which sends nothing while it runs a task; None if that is unknown.
    is_solo: bool | None = None
    #: How many of its tasks' events told only what others had told before, by type.
    repeats: dict[str, int] = {}

    def __eq__(self, other: object) -> bool:
        """Compare host names, also with Celery's own record."""
        is_worker = isinstance(other, Worker | celery_state.Worker)
        return self.hostname == other.hostname if is_worker else NotImplemented  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self.hostname)

    @property
    def timestamp(self) -> float | None:
        """The time of its newest sign of life, as it was sent; else when it was heard of."""
        return self.heartbeats[-1] if self.heartbeats else self.heard_at or None

    @property
    def id(self) -> str:
        """Host name and process, as in Celery."""
        return f"{self.hostname}.{self.pid}"

    @property
    def alive(self) -> bool:
        """Whether a sign of life is younger than two heartbeats, now."""
        return self.is_alive(time.time())

    @property
    def status_string(self) -> str:
        """`ONLINE` or `OFFLINE`, as in Celery."""
        return "ONLINE" if self.alive else "OFFLINE"

    def is_alive(self, now: float) -> bool:
        """Whether a sign of life was younger than two heartbeats at that time, as in Flower."""
        return bool(self.heartbeats) and now < self.beat_at + 2 * self.freq


class Task(Readable, msgspec.Struct, gc=False, eq=False):
    """One task in memory; the attributes are those of `celery.events.state.Task`.

    Times are UTC seconds or None. `worker` is the Worker record, kept by reference, so that the
    task keeps its worker's name when that worker is purged.
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
    worker: Worker | None = None
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
    #: The name it had before it was replaced by another one (`Task.replace`).
    original_name: str | None = None
    #: Who told the state: None for the task's events, else BACKEND or INFERRED.
    state_source: str | None = None
    #: How many events of the app's own came while it was in memory.
    own_events: int = 0
    #: The state that holds it, a weak reference: its relatives are found there.
    cluster_state: Callable[[], Any] | None = None
    #: How far it has come: grows as it goes on (life).
    progress: int = 0
    #: How it was rejected or revoked, see TaskEvent, while that is all that became of it.
    how: str = ""
    #: Its runs, Turns or a Life, once there is more to tell of them than the fields here.
    life: Any = None
    #: Its first event that was heard cannot have been its first: the store may know more.
    is_partial: bool = False

    @property
    def id(self) -> str:
        """The uuid, under Celery's other name."""
        return self.uuid

    @property
    def ready(self) -> bool:
        """Whether the task is finished, as in Celery."""
        return self.state in states.READY_STATES

    def __eq__(self, other: object) -> bool:
        """Compare ids, also with Celery's own record."""
        is_task = isinstance(other, Task | celery_state.Task)
        return self.uuid == other.uuid if is_task else NotImplemented  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self.uuid)

    def __reduce__(self) -> tuple[Any, ...]:
        fields = msgspec.structs.asdict(self)
        fields |= {"cluster_state": None, "life": None}
        return _task, (fields,)

    @property
    def parent(self) -> "Task | None":
        """The task in memory that sent this one."""
        return self._relative(self.parent_id)

    @property
    def root(self) -> "Task | None":
        """The task in memory that began the workflow of this one."""
        return self._relative(self.root_id)

    @property
    def children(self) -> "set[Task]":
        """The tasks in memory that this one sent; looked for among all of them."""
        state = self.cluster_state and self.cluster_state()
        tasks = state.tasks.values() if state else ()
        return {task for task in tasks if task.parent_id == self.uuid and task is not self}

    def _relative(self, uuid: str | None) -> "Task | None":
        state = self.cluster_state and self.cluster_state()
        task: Task | None = state.tasks.get(uuid) if state and uuid is not None else None
        return task

    @property
    def origin(self) -> str | None:
        """Who spoke of it first: the client, else the worker."""
        return self.client if self.worker is None else self.worker.id

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as in Celery; `children` are not among them: ask the store."""
        fields = msgspec.structs.asdict(self)
        for ours in _OURS:
            del fields[ours]
        return {**fields, "root": self.root_id, "parent": self.parent_id}

    def info(self, fields: Iterable[str] = (), extra: Iterable[str] = ()) -> dict[str, Any]:
        """Return the named fields that are known; Celery's usual ones when none is named."""
        names = (*(tuple(fields) or INFO_FIELDS), *extra)
        return {name: value for name in names if (value := getattr(self, name, None)) is not None}


def _task(fields: dict[str, Any]) -> Task:
    return Task(**fields)


#: The fields that Celery's task has not.
_OURS = (
    "original_name", "state_source", "own_events", "cluster_state", "progress", "how", "life",
    "is_partial",
)  # fmt: skip

#: What `Task.info()` shows unless told otherwise (celery.events.state.Task).
INFO_FIELDS = (
    "args", "kwargs", "retries", "result", "eta", "runtime", "expires", "exception", "exchange",
    "routing_key", "root_id", "parent_id",
)  # fmt: skip
