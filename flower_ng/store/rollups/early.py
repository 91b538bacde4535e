"""Early: receipts of which no event told yet that they were sent. On the loop.

Publishers stamp `task-sent` once the message is with the broker: a worker may have it before, and
its event may come before theirs.
"""

from typing import Final

from flower_ng.monitor.records import Event, Task

#: Receipts remembered; on a cluster whose publishers tell of nothing they all are for a moment.
MAX_EARLY: Final = 20_000


class Early:
    """Remembers when attempts were received that had not been sent yet, as far as events told.

    `waiting` has them by the attempt; mostly it is empty.
    """

    def __init__(self) -> None:
        self.waiting: dict[str | tuple[str, int], float] = {}

    def note(self, event: Event) -> None:
        """Remember a receipt; at the bound the oldest is forgotten."""
        waiting = self.waiting
        waiting[_attempt(event)] = event.timestamp
        if len(waiting) > MAX_EARLY:
            del waiting[next(iter(waiting))]

    def take(self, event: Event) -> float | None:
        """Return when what was sent here had been received, None where it was not yet; once."""
        return self.waiting.pop(_attempt(event), None)


def _attempt(event: Event) -> str | tuple[str, int]:
    """Return what is the same in a sending and its receipt."""
    uuid = event.uuid or ""
    return (uuid, event.retries) if event.retries else uuid


def was_sent(event: Event, task: Task) -> bool:
    """Tell whether the newest sending that is known is that of this receipt.

    A further attempt is sent while the one before it runs, so one sent before that is not it.
    """
    if task.sent is None:
        return False
    return not event.retries or task.started is None or task.sent >= task.started
