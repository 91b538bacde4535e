"""The attempts of a retried task whose events arrive in the usual order. Pure; on the loop.

The attempts of most retried tasks come one after the other: each is received, starts, and is
retried, which may be told when the next one was received. Then each event can belong to one run
alone, and nothing has to be matched: events are only kept, for the day that one comes out of turn.
"""

from typing import Any, Final

import msgspec

from flower_ng.life.memory import MAX_EVENTS
from flower_ng.life.runs import TaskEvent

#: What ends a run, after which it is not the rule that more comes.
_FINAL: Final = frozenset({"succeeded", "failed"})


class Turns(msgspec.Struct, gc=False, eq=False):
    """The events of a task so far, and where its newest attempt is.

    `number` is that attempt's, from 0, `sent` the highest that was sent; `at` is the time of the
    newest event of the `worker` that has it, `last_at` that of any worker.
    """

    events: list[TaskEvent]
    worker: Any
    number: int
    sent: int
    at: float
    last_at: float
    #: Workers that had attempts before.
    others: tuple[Any, ...] = ()
    is_started: bool = True
    is_ended: bool = False
    is_over: bool = False
    #: Who had the attempt before, and its newest event there, until it is told to be retried.
    before: Any = None
    before_at: float = 0.0

    @property
    def retries(self) -> int:
        """The number of the newest attempt that was sent or received."""
        return max(self.number, self.sent)

    def send(self, event: TaskEvent) -> bool:
        """Take in a further sending; False, as in all that follows, where it is not in turn."""
        number = event.retries
        if number != self.retries + 1 or not self._goes_on:
            return False
        self.sent = number
        self.events.append(event)
        return True

    def receive(self, event: TaskEvent, worker: Any) -> bool:
        """Take in the receipt of the next attempt."""
        is_next = event.retries == self.number + 1 and event.at > self.last_at
        if not (is_next and self.is_started and self.before is None and self._goes_on):
            return False
        if not self.is_ended:
            self.before, self.before_at = self.worker, self.at
        if worker is not self.worker:
            if self.worker not in self.others:
                self.others += (self.worker,)
            self.worker = worker
        self.number += 1
        self.is_started = self.is_ended = False
        self.at = self.last_at = event.at
        self.events.append(event)
        return True

    def start(self, event: TaskEvent, worker: Any) -> bool:
        """Take in the start of the newest attempt."""
        if worker is not self.worker or self.is_started or event.at <= self.at:
            return False
        self.is_started = True
        self._note(event)
        return True

    def end(self, event: TaskEvent, worker: Any) -> bool:
        """Take in how the newest attempt ended."""
        is_its = worker is self.worker and worker is not self.before
        if not is_its or not self.is_started or self.is_ended or event.at <= self.at:
            return False
        self.is_ended = True
        self.is_over = event.type in _FINAL
        self._note(event)
        return True

    def retry(self, event: TaskEvent, worker: Any) -> bool:
        """Take in that the attempt before the newest was retried."""
        if self.is_ended or event.at <= self.before_at or worker is not self.before:
            return False
        if worker is self.worker:
            if self.is_started or event.at <= self.at:
                return False
            self.at = event.at
        self.before = None
        self.last_at = max(self.last_at, event.at)
        self.events.append(event)
        return True

    @property
    def _goes_on(self) -> bool:
        return not self.is_over and len(self.events) < MAX_EVENTS

    def _note(self, event: TaskEvent) -> None:
        self.at = event.at
        self.last_at = max(self.last_at, event.at)
        self.events.append(event)
