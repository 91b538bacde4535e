"""The lookups of Celery's State over tasks in memory, for snapshot cameras. On any thread.

Nothing is kept between questions, so that events cost nothing; a question walks all tasks.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from flower_ng.records import Task


def by_time(
    tasks: Mapping[str, Task], limit: int | None = None, *, newest_first: bool
) -> Iterator[tuple[str, Task]]:
    """Yield `(uuid, task)` by the time of the newest event.

    Celery orders by the logical clock, which begins anew when workers restart.
    """
    ordered = sorted(tasks.items(), key=lambda item: item[1].timestamp, reverse=newest_first)
    return islice(ordered, limit)


class TasksBy:
    """Tasks grouped by a key: `by[key]` is a set, `by(key)` yields by time, as in Celery."""

    def __init__(self, tasks: Mapping[str, Task], key: Callable[[Task], str | None]) -> None:
        self._tasks = tasks
        self._key = key

    def __getitem__(self, key: str) -> set[Task]:
        return {task for task in self._tasks.values() if self._key(task) == key}

    def __iter__(self) -> Iterator[str]:
        keys = {self._key(task) for task in self._tasks.values()}
        return (key for key in keys if key is not None)

    def __call__(
        self,
        key: str,
        limit: int | None = None,
        reverse: bool = True,  # noqa: FBT001, FBT002 - Celery's signature
    ) -> Iterator[tuple[str, Task]]:
        """Yield `(uuid, task)` with that key, ordered by time."""
        ordered = by_time(self._tasks, newest_first=reverse)
        return islice((item for item in ordered if self._key(item[1]) == key), limit)


def worker_name(task: Task) -> str | None:
    """Return the host name of a task's worker; None before a worker had it."""
    return None if task.worker is None else task.worker.hostname
