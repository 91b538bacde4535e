"""The records that cross between threads and rooms: Event, Task, Worker, Change.

An Event is what came over the wire, typed and bounded; a Task and a Worker are what EventsState
makes of them; a Change says what one Event altered. No thread of its own.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec


class Event(msgspec.Struct, gc=False):
    """One Celery event after the border: every field typed, bounded, or None when absent.

    `timestamp` is UTC seconds; `clock` is the sender's logical clock. Fields that Celery does not
    send are not here: they are dropped at the border, never merged.
    """

    type: str
    hostname: str
    timestamp: float
    received_at: float = 0.0
    clock: int | None = None
    pid: int | None = None
    uuid: str | None = None
    name: str | None = None
    args: str | None = None
    kwargs: str | None = None
    result: str | None = None
    exception: str | None = None
    traceback: str | None = None
    runtime: float | None = None
    eta: str | None = None
    expires: str | None = None
    retries: int | None = None
    parent_id: str | None = None
    root_id: str | None = None
    exchange: str | None = None
    routing_key: str | None = None
    queue: str | None = None
    freq: float | None = None
    active: int | None = None
    processed: int | None = None
    loadavg: tuple[float, float, float] | None = None
    sw_ident: str | None = None
    sw_ver: str | None = None
    sw_sys: str | None = None


class Worker(msgspec.Struct, gc=False):
    """A worker as its own events tell it; Celery's `celery.events.state.Worker` in fewer bytes.

    `heartbeats` holds the times of the last four, oldest first; empty after `worker-offline`.
    `heard_at` is our own clock at its newest event: liveness never trusts a worker's clock.
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


class Task(msgspec.Struct, gc=False):
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
    #: A RETRY was applied since the store last took a snapshot (store/writer resets it).
    retry_passed: bool = False


class Change(msgspec.Struct, gc=False):
    """What one event altered: the records after it, and the task's state before it.

    `before` is None when the task was not in memory. `worker` is None for task-sent, whose host
    name is the publisher's; `is_new_worker` says that the worker entered the table with this event.
    """

    event: Event
    task: Task | None = None
    worker: Worker | None = None
    before: str | None = None
    is_new_worker: bool = False


class Observer(Protocol):
    """What listens to the state, on the loop: metrics, the store's writer, later the health rules."""

    def observe(self, change: Change, /) -> None:
        """Take note of one applied event."""

    def evicted(self, task: Task, /) -> None:
        """A task left memory because of `max_tasks_in_memory`; the store still has it."""

    def forgotten(self, hostname: str, /) -> None:
        """A worker was purged or evicted."""


def present(record: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a record that are not None, in the order of their declaration."""
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if value is not None:
            yield name, value
