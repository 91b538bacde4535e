"""Tells observers of each change of the state; a failing one does not stop the others. On the loop.

All of it runs under the state's mutex.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

from flower_ng.changes import BatchObserver, Change, Observer
from flower_ng.records import Task

log = logging.getLogger(__name__)


class Observers:
    """The observers of one state, told in their order.

    What one of them raises is logged with what it was told, and keeps nothing from the others. Of
    a fault that comes again and again only each time is logged at which its number has doubled.
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        #: Changes of a batch that nobody was told of yet, by their task, else by their host.
        self.untold: dict[str, Change] = {}
        self._all = tuple(observers)
        self._batched = [one for one in observers if isinstance(one, BatchObserver)]
        self._faults: Counter[tuple[str, str, type[Exception]]] = Counter()

    @property
    def take_batches(self) -> bool:
        """Whether all of them do."""
        return len(self._batched) == len(self._all)

    def observe(self, change: Change) -> None:
        """Tell of one change."""
        for one in self._all:
            self._tell(one, "observe", change)

    def observe_untold(self) -> None:
        """Tell of all `untold` changes, after which there are none."""
        changes = list(self.untold.values())
        self.untold.clear()
        for one in self._batched:
            self._tell(one, "observe_all", changes)

    def learned(self, task: Task) -> None:
        """Tell that a task ended as the result backend says."""
        for one in self._all:
            self._tell(one, "learned", task)

    def evicted(self, task: Task) -> None:
        """Tell that a task left memory, and before that what became of it."""
        if task.uuid in self.untold:
            self.observe_untold()
        for one in self._all:
            self._tell(one, "evicted", task)

    def forgotten(self, hostname: str) -> None:
        """Tell that a worker is forgotten."""
        for one in self._all:
            self._tell(one, "forgotten", hostname)

    def _tell(self, observer: Observer, method: str, what: Any) -> None:
        try:
            getattr(observer, method)(what)
        except Exception as fault:
            name = type(observer).__name__
            number = self._faults[name, method, type(fault)] + 1
            self._faults[name, method, type(fault)] = number
            if number & (number - 1) == 0:
                words = "The observer %s failed in %s at %s: fault %d of this kind"
                log.exception(words, name, method, _described(what), number)


def _described(what: object) -> str:
    """Return in a few words what an observer was told."""
    if isinstance(what, Change):
        return f"{what.event.type!a} of {what.event.uuid or what.event.hostname!a}"
    if isinstance(what, Task):
        return f"task {what.uuid!a}"
    if isinstance(what, list):
        return f"{len(what)} changes, the first {_described(what[0])}"
    return ascii(what)
