"""The records that cross between threads and rooms: Event, Task, Worker, Change.

An Event is what came over the wire, typed and bounded; a Task and a Worker are what EventsState
makes of them; a Change says what one Event altered. No thread of its own.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Protocol, runtime_checkable

import msgspec
from celery import states
from celery.events import state as celery_state

from flower_ng.life.runs import EXPIRED, REQUEUED, TERMINATED, WAITED

#: Bounds of what comes over the wire: longer names are refused, longer texts are cut.
NAME_LENGTH = 512
TEXT_LENGTH = 4096
TRACEBACK_LENGTH = 65_536
#: Of what an app's own event says: fields, characters of one value, and in all.
OWN_FIELDS, OWN_VALUE_LENGTH, OWN_LENGTH = 20, 300, 1200
#: The `state_source` of a task whose state no event told, but the result backend.
BACKEND = "result backend"
#: The `state_source` of a task whose newest event may be that of another of its attempts.
INFERRED = "inferred"
#: Event times outside are no times: 1970 and the year 2242, in seconds.
TIME_MAX = 2.0**33
CLOCK_MAX = 2**62
NUMBER_MAX = 2**53

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH)]
_Text = Annotated[str, msgspec.Meta(max_length=TEXT_LENGTH)]
_Traceback = Annotated[str, msgspec.Meta(max_length=TRACEBACK_LENGTH)]
_Nothing = Annotated[str, msgspec.Meta(max_length=0)]
_Time = Annotated[float, msgspec.Meta(gt=0, lt=TIME_MAX)]
_Clock = Annotated[int, msgspec.Meta(ge=0, le=CLOCK_MAX)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MAX)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, lt=TIME_MAX)]
_Freq = Annotated[float, msgspec.Meta(ge=1, le=3600)]


class Event(msgspec.Struct, gc=False, eq=False):
    """One Celery event after the border: every field typed, bounded, or None when absent.

    `timestamp` is UTC seconds; `clock` is the sender's logical clock. Fields that Celery does not
    send are not here: they are dropped at the border, never merged. The bounds are checked while
    decoding (wire.py), not by the constructor.
    """

    type: _Name
    hostname: _Name
    timestamp: _Time
    clock: _Clock | None = None
    pid: _Count | None = None
    uuid: _Name | None = None
    name: _Name | None = None
    args: _Text | None = None
    kwargs: _Text | None = None
    result: _Text | None = None
    exception: _Text | None = None
    traceback: _Traceback | None = None
    runtime: _Seconds | None = None
    eta: _Name | None = None
    expires: _Name | None = None
    retries: _Count | None = None
    parent_id: _Name | None = None
    root_id: _Name | None = None
    exchange: _Text | None = None
    routing_key: _Text | None = None
    queue: _Text | None = None
    requeue: bool | None = None
    terminated: bool | None = None
    expired: bool | None = None
    freq: _Freq | None = None
    active: _Count | None = None
    processed: _Count | None = None
    loadavg: tuple[_Seconds, _Seconds, _Seconds] | None = None
    sw_ident: _Name | None = None
    sw_ver: _Name | None = None
    sw_sys: _Name | None = None
    #: What an event of the app's own (task-progress) says, as a JSON object; made by clean.py.
    #: Nothing that was sent is taken for it.
    own: _Nothing | None = msgspec.field(default=None, name="flower_ng.own")

    @property
    def how(self) -> str:
        """What more it says of an end, see TaskEvent; empty for nothing."""
        if self.requeue:
            return REQUEUED
        if self.terminated is None:
            return ""
        return TERMINATED if self.terminated else EXPIRED if self.expired else WAITED

    def as_dict(self) -> dict[str, Any]:
        """Return the fields that it has, as Celery's callbacks see an event."""
        fields = msgspec.structs.asdict(self)
        own = msgspec.json.decode(self.own) if self.own else {}
        return {
            **own,
            **{
                name: value for name, value in fields.items() if value is not None and name != "own"
            },
        }


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


class Change(msgspec.Struct, gc=False, eq=False):
    """What one event altered: the records after it, and the task's state before it.

    `before` is None when the task was not in memory. `worker` is None for task-sent, whose host
    name is the publisher's; `is_new_worker` says that the worker entered the table with this event,
    `is_repeated` that a task's event told nothing that another one had not told before.
    """

    event: Event
    task: Task | None = None
    worker: Worker | None = None
    before: str | None = None
    is_new_worker: bool = False
    is_repeated: bool = False


class Observer(Protocol):
    """What listens to the state, on the loop: the metrics, the store's writer.

    One that also has `observe_all`, as BatchObserver says, is told of many changes at once.
    """

    def observe(self, change: Change, /) -> None:
        """Take note of one applied event."""

    def learned(self, task: Task, /) -> None:
        """A task has ended, as the result backend says; that is no event."""

    def evicted(self, task: Task, /) -> None:
        """A task left memory because of `max_tasks_in_memory`; the store still has it."""

    def forgotten(self, hostname: str, /) -> None:
        """A worker was purged or evicted."""


@runtime_checkable
class BatchObserver(Observer, Protocol):
    """An Observer that takes changes by the dozen, so that what they share is looked up once."""

    def observe_all(self, changes: Sequence[Change], /) -> None:
        """Take note of applied events, in their order.

        No task is in it twice, so that each record is as its change left it.
        """
