"""Change says what one event altered; an Observer is told of each change. On the loop."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from flower_ng.event_record import Event
from flower_ng.records import Task, Worker


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
