"""FailureWatch sees how the newest tasks fare that a batch has started. On the loop."""

from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Final, Protocol

#: Of so many tasks that have ended the failed are counted.
NEWEST: Final = 20
#: So many that have not ended yet are watched; the oldest of more are not.
MOST_WATCHED: Final = 2_000
FAILED: Final = "FAILURE"


class StartedTask(Protocol):
    """A task as the state of the cluster has it."""

    @property
    def state(self) -> str:
        """Celery's word for it."""

    @property
    def ready(self) -> bool:
        """Whether it has ended."""


class FailureWatch:
    """Counts how many failed of the last NEWEST tasks that were started and have ended."""

    def __init__(self, tasks: Mapping[str, StartedTask]) -> None:
        self._tasks = tasks
        self._started: OrderedDict[str, None] = OrderedDict()
        self._failed: deque[bool] = deque(maxlen=NEWEST)

    def started(self, uuid: str) -> None:
        """Watch one more."""
        self._started[uuid] = None
        while len(self._started) > MOST_WATCHED:
            self._started.popitem(last=False)

    def look(self) -> int:
        """Return how many percent failed; 0 until there are NEWEST that have ended."""
        for uuid in list(self._started):
            task = self._tasks.get(uuid)
            if task is not None and task.ready:
                self._failed.append(task.state == FAILED)
                del self._started[uuid]
        if len(self._failed) < NEWEST:
            return 0
        return round(100 * sum(self._failed) / NEWEST)
