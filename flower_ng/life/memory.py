"""Tasks in memory that ran more than once, or whose events came out of order. On the loop."""

from collections.abc import Iterable
from typing import Any, Final

from flower_ng.life.attempts import first_at, retries_of
from flower_ng.life.matching import runs_of
from flower_ng.life.runs import KILLED, MAIN, UNSTARTED, Run, TaskEvent, are_one, in_order

#: Events that are remembered of one task in memory: the newest.
MAX_EVENTS: Final = 80


class Life:
    """The runs of a task that is in memory, brought up to date with each event.

    Most events can belong to one run alone, and cost little; else all are matched anew. Of a task
    that was run very often the newest runs are remembered.
    """

    def __init__(self, events: Iterable[TaskEvent] = ()) -> None:
        self._events = dict.fromkeys(in_order(events))
        #: The records of the workers that had it, by host name.
        self.workers: dict[str, Any] = {}
        self._newest: dict[str, TaskEvent] = {}
        self._sent: int | None = None
        #: Some event could belong to several runs: which is likeliest may change with each further.
        self._may_change = False
        self.runs: list[Run] = []
        self._match()

    def repeats(self, event: TaskEvent) -> bool:
        """Whether a worker tells once more of an end that it told of just before."""
        before = self._newest.get(event.hostname)
        if before is None or not are_one(before, event):
            return False
        return before.type == event.type or event.how == KILLED

    def add(self, event: TaskEvent) -> bool:
        """Take in an event; return whether it is a new one."""
        if event in self._events:
            return False
        self._events[event] = None
        if event.type == "sent":
            self._note_sent(event)
        if self._may_change or not self._go_on(event, self._newest.get(event.hostname)):
            self._match()
            self._may_change = self._is_open()
        elif event.type in MAIN:
            self._newest[event.hostname] = event
        return True

    @property
    def retries(self) -> int | None:
        """The number of the newest attempt that was sent or received, from 0; None if unknown."""
        return retries_of(self.runs, self._sent)

    def _note_sent(self, event: TaskEvent) -> None:
        if event.retries is not None and event.retries > (self._sent or -1):
            self._sent = event.retries

    def _is_open(self) -> bool:
        """Whether runs went on at the same time and have not all ended."""
        *others, newest = self.runs or [Run("")]
        if newest.outcome is not None:
            return any(run.outcome is None for run in others)
        return any(run.ended is None or run.ended >= newest.first_at for run in others)

    def _match(self) -> None:
        self._forget()
        self.runs = runs_of(self._events)
        self._newest = {}
        for event in in_order(self._events):
            if event.type == "sent":
                self._note_sent(event)
            elif event.type in MAIN:
                self._newest[event.hostname] = event

    def _forget(self) -> None:
        """Let the oldest go at the bound: half, so that this is rare."""
        if len(self._events) > MAX_EVENTS:
            self._events = dict.fromkeys(in_order(self._events)[-MAX_EVENTS // 2 :])

    def _go_on(self, event: TaskEvent, before: TaskEvent | None) -> bool:
        """Note an event that can only belong to one run; return False for one that can't.

        `before` is the newest event of the same worker.
        """
        if event.type == "sent":
            return not self._tells_of_ends(event)
        if event.type not in MAIN:
            return self._customize(event)
        is_next = before is None or (event.at >= before.at and not are_one(before, event))
        if event.type == "received":
            return is_next and self._receive(event)
        run = self._only_one(event) if is_next and event.how not in UNSTARTED else None
        if run is None or self._is_elsewhere(run):
            return False
        if event.type == "started":
            run.started = event.at
        else:
            run.end(event)
        return True

    def _tells_of_ends(self, sent: TaskEvent) -> bool:
        """Whether a sending may tell which run ended: an attempt is sent before it is retried."""
        return any(run.is_inferred or (run.ended or 0.0) >= sent.at for run in self.runs)

    def _customize(self, event: TaskEvent) -> bool:
        own = [run for run in self.runs if run.worker == event.hostname]
        run = max(own, key=first_at, default=None)
        if run is None or run.outcome is not None or event.at < run.first_at:
            return False
        run.custom, run.custom_at = event.type.upper(), event.at
        return True

    def _only_one(self, event: TaskEvent) -> Run | None:
        """Return the one run that a start or an end can belong to, None where there are more."""
        own = [run for run in self.runs if run.worker == event.hostname]
        going = [run for run in own if run.outcome is None]
        waiting = [run for run in going if run.started is None]
        newest_start = max((run.started or 0.0 for run in own), default=0.0)
        if any((run.received or 0.0) <= newest_start for run in waiting):
            return None  # it could have been the one that started
        if event.type != "started":
            waiting = [run for run in going if run.started is not None]
        return waiting[0] if len(waiting) == 1 else None

    def _is_elsewhere(self, run: Run) -> bool:
        """Whether another worker received the same attempt."""
        return any(
            other.attempt == run.attempt and other.worker != run.worker for other in self.runs
        )

    def _receive(self, event: TaskEvent) -> bool:
        """Note the receipt of the newest run, which then is the last."""
        if len(self._events) > MAX_EVENTS or any(map(_has_ended_unstarted, self.runs)):
            return False
        newest = self.runs[-1] if self.runs else None
        if newest is not None and (
            newest.retries is None
            or newest.name != event.name
            or (event.retries or -1) < newest.retries
            or event.at < newest.first_at
        ):
            return False
        run = Run(event.hostname, event.name, event.retries, received=event.at)
        if newest is not None:
            run.life = newest.life
        run.place = float(event.retries or 0)
        self.runs.append(run)
        return True


def _has_ended_unstarted(run: Run) -> bool:
    """Whether it is not known that a run started: one that follows may say so."""
    return run.started is None and run.outcome is not None
