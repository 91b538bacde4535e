"""Brings stored tasks back into memory after a start, while pages are already served.

They are read on a thread, which may take seconds, and taken in on the loop, some at a time.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice

from flower_ng.monitor.state.state import ClusterState
from flower_ng.records import Task

log = logging.getLogger(__name__)

#: Tasks taken in at once: a millisecond of the loop.
SOME = 500


class Returning:
    """Takes `tasks`, oldest first, into the state; `count` says how many so far.

    `seen` is told of them on the loop. `fault` says why the rest cannot be read, if so. Tasks that
    are forgotten meanwhile stay away.
    """

    def __init__(
        self,
        state: ClusterState,
        tasks: Iterable[Task] = (),
        *,
        seen: Callable[[Sequence[Task]], None] = lambda _: None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.count = 0
        self.fault: str | None = None
        self._state = state
        self._tasks: Iterator[Task] | None = iter(tasks)
        self._seen = seen
        self._forgotten: set[str] = set()
        self._timer = timer
        self._began = timer()

    @property
    def lasts_s(self) -> float:
        """For how many seconds it has been going on; 0 when it is over."""
        return 0.0 if self._tasks is None else self._timer() - self._began

    async def run(self) -> None:
        """Bring them all back; a store that cannot be read is logged and ends it."""
        try:
            while (some := await asyncio.to_thread(self._next)) and self._tasks is not None:
                kept = [task for task in some if task.uuid not in self._forgotten]
                self._state.take_back(kept)
                self._seen(kept)
                self.count += len(some)
        except Exception as error:
            if self._tasks is not None:
                log.exception("Could not restore all tasks")
                self.fault = str(error) or type(error).__name__
        self.stop()

    def stop(self) -> None:
        """Leave the rest where it is; a second call is harmless."""
        self._tasks = None
        self._forgotten.clear()

    def forget(self, uuids: Collection[str]) -> None:
        """Have tasks forgotten by the state, also those that are still to come."""
        if self._tasks is not None:
            self._forgotten.update(uuids)
        self._state.forget_tasks(uuids)

    def _next(self) -> list[Task]:
        return list(islice(self._tasks or (), SOME))
