"""Assigns the events of a task to its runs. Pure.

Celery numbers the attempts of a task by `retries`, which only task-sent and task-received carry.
All other events come from the main process of the worker that has the task, in their true order,
while those of two workers, and of publishers, come in any order. So the events of each worker are
matched with its own runs, by its own clock, and what follows depends on which events came, never on
the order in which they did. That an attempt was retried may be told only when the next one is under
way: its child sends that one before the main process hears of the retry.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from celery import states

from flower_ng.life.attempts import ordered
from flower_ng.life.further_attempts import FurtherAttempts, taken_elsewhere
from flower_ng.life.runs import (
    OUTCOMES,
    UNSTARTED,
    AttemptKey,
    Run,
    TaskEvent,
    are_one,
    in_order,
)


def runs_of(events: Iterable[TaskEvent]) -> list[Run]:
    """Return the runs that events tell of, the newest attempt last."""
    known = in_order(events)
    further = FurtherAttempts.of(known)
    told = [event for event in known if event.type != "sent"]
    told.sort(key=_host)  # each worker's own stay in their order
    by_worker = {host: list(own) for host, own in groupby(told, _host)}
    runs: list[Run] = []
    for host, own in by_worker.items():
        runs += _Worker(host, taken_elsewhere(by_worker, host), further).runs(own)
    return ordered(runs)


_host = attrgetter("hostname")


class _End:
    """What told how a run ended: one event, or a failure and its rejection; and the run."""

    def __init__(self, event: TaskEvent, run: Run | None = None, *, is_more: bool = False) -> None:
        self.events: list[TaskEvent] = []
        self.type, self.at, self.run = event.type, event.at, run
        #: It came when all runs had ended.
        self.is_more = is_more
        self.add(event)

    @property
    def is_free(self) -> bool:
        """Whether it may be that of any run that has not ended."""
        return self.run is None and not self.is_more

    def add(self, event: TaskEvent) -> None:
        self.events.append(event)
        if self.run is not None:
            self.run.end(event)

    def belongs_to(self, run: Run) -> None:
        self.run = run
        for event in self.events:
            run.end(event)


class _Worker:
    """Matches one worker's events, in their order, with its runs.

    `elsewhere` is when other workers received attempts that they went on with.
    """

    def __init__(
        self, host: str, elsewhere: Mapping[AttemptKey, float], further: FurtherAttempts
    ) -> None:
        self._host = host
        self._elsewhere = elsewhere
        self._further = further
        self._runs: list[Run] = []
        self._ends: list[_End] = []
        self._running = 0

    def runs(self, events: Sequence[TaskEvent]) -> list[Run]:
        """Return the runs that the events tell of."""
        before: TaskEvent | None = None
        for place, event in enumerate(events, 1):
            if event.type == "received":
                self._receive(event)
            elif event.type == "started":
                self._start(event, events[place:])
            elif event.type not in OUTCOMES:
                self._customize(event)
            elif before is not None and are_one(before, event):
                self._ends[-1].add(event)
            else:
                self._end(event)
            before = event
        self._match_retries()
        self._match_others()
        self._match_rest()
        return self._runs

    def _receive(self, event: TaskEvent) -> None:
        self._runs.append(Run(self._host, event.name, event.retries, received=event.at))

    def _waiting(self) -> list[Run]:
        """Return the runs that have not started, of each attempt at most its newest."""
        newest = {run.attempt: run for run in self._runs}
        return [run for run in newest.values() if run.started is None and run.outcome is None]

    def _start(self, event: TaskEvent, later: Sequence[TaskEvent]) -> None:
        """Attempts start in their order, but for those that another worker went on with.

        Where fewer starts were heard than runs wait, the newest is likelier to have started, unless
        what is heard next says that an attempt before it did.
        """
        self._running += 1
        waiting = self._waiting()
        if not waiting:
            self._runs.append(Run(self._host, started=event.at))
            return
        alive = [run for run in waiting if not self._is_elsewhere(run)] or waiting[-1:]
        starts = 1 + sum(one.type == "started" for one in later)
        ending = next((one for one in later if one.type in OUTCOMES), None)
        is_older = ending is not None and (
            ending.how in UNSTARTED
            or (ending.type == "retried" and not self._is_followed(alive[-1], ending.at))
        )
        run = alive[0] if is_older or starts >= len(alive) else alive[-1]
        run.started = event.at
        run.is_inferred |= starts < len(alive)

    def _is_elsewhere(self, run: Run) -> bool:
        """Whether another worker received the same attempt later, and went on with it."""
        return self._elsewhere.get(run.attempt, 0.0) > (run.received or 0.0)

    def _customize(self, event: TaskEvent) -> None:
        """Tasks send events of their own while they run, over a connection of their own."""
        if not self._runs:
            self._runs.append(Run(self._host))
        run = self._runs[-1]
        run.custom, run.custom_at = event.type.upper(), event.at

    def _end(self, event: TaskEvent) -> None:
        run = self._unstarted(event)
        if run is not None or event.how in UNSTARTED:
            self._ends.append(_End(event, run, is_more=True))
        else:
            self._ends.append(_End(event, self._only_one(event), is_more=not self._running))
            self._running = max(0, self._running - 1)

    def _only_one(self, event: TaskEvent) -> Run | None:
        """Return the run that ended where no other can have; a retry may be told late."""
        unended = self._unended()
        return unended[0] if len(unended) == 1 and event.type != "retried" else None

    def _unstarted(self, event: TaskEvent) -> Run | None:
        """Return the run that ended before its start, or whose start was not heard."""
        waiting = self._waiting()
        if event.how in UNSTARTED:
            waiting = [run for run in waiting if not self._has_gone_on(run)]
        if not waiting or (self._running and event.how not in UNSTARTED):
            return None
        run = waiting[0] if event.type == "retried" else waiting[-1]
        run.is_inferred |= len(waiting) > 1
        return run

    def _unended(self) -> list[Run]:
        return [run for run in self._runs if run.started is not None and run.outcome is None]

    def _match_retries(self) -> None:
        """Attempts that are known to have been followed by a further one come first."""
        ends = [end for end in self._ends if end.is_free and end.type == "retried"]
        matched: dict[int, tuple[_End, Run]] = {}
        for end in ends:
            runs = [
                (self._is_followed(run, end.at), place, run)
                for place, run in enumerate(self._runs)
                if place not in matched and self._may_be_retried(run, end)
            ]
            if runs:
                _, place, run = max(runs)
                matched[place] = end, run
        self._settle(matched)

    def _settle(self, matched: Mapping[int, tuple[_End, Run]]) -> None:
        """Give each run its end, in their order where the times allow that."""
        runs = [matched[place][1] for place in sorted(matched)]
        ends = sorted((end for end, _ in matched.values()), key=attrgetter("at"))
        in_turn = list(zip(ends, runs, strict=True))
        if not all(self._may_be_retried(run, end) for end, run in in_turn):
            in_turn = list(matched.values())
        for end, run in in_turn:
            end.belongs_to(run)
        self._mark_inferred(in_turn)

    def _mark_inferred(self, matched: Sequence[tuple[_End, Run]]) -> None:
        """Mark the runs that may have had each other's end, or one that a run without has now."""
        unended = [run for run in self._runs if run.outcome is None and run.started is not None]
        for end, run in matched:
            is_sure = self._is_followed(run, end.at)
            swapped = [
                other
                for theirs, other in matched
                if other is not run and self._fits(end, other) and self._fits(theirs, run)
            ]
            others = [
                other
                for other in unended
                if self._fits(end, other) and (not is_sure or self._is_followed(other, end.at))
            ]
            run.is_inferred |= bool(swapped or others)

    def _fits(self, end: _End, run: Run) -> bool:
        return _may_end(run, end) and self._is_followed(run, end.at, if_unknown=True)

    def _may_be_retried(self, run: Run, end: _End) -> bool:
        """Whether it began before that, and the attempt that follows was sent between."""
        return run.outcome is None and self._fits(end, run)

    def _is_followed(self, run: Run, at: float, *, if_unknown: bool = False) -> bool:
        """Whether a further attempt is known that was sent since its receipt and until then."""
        if run.retries is None:
            last = self._runs[-1]
            return if_unknown or (run is not last and bool(last.retries))
        number = run.retries + 1
        if times := self._further.times.get(number):
            return any((run.received or 0.0) <= sent <= at for sent in times)
        return if_unknown or (run.name, number) in self._further.received

    def _match_others(self) -> None:
        """Of several runs that may have ended the newest did."""
        matched: list[tuple[Run, list[Run]]] = []
        for end in reversed(self._ends):
            if end.is_free and end.type != "retried":
                runs = [run for run in self._unended() if _may_end(run, end)]
                if runs:
                    *others, newest = runs
                    end.belongs_to(newest)
                    matched.append((newest, others))
        for run, others in matched:
            run.is_inferred |= self._may_be_swapped(run, others)

    def _may_be_swapped(self, run: Run, others: Sequence[Run]) -> bool:
        """Whether the end of a run may be that of another, whose own came while the run went on."""
        began = run.started or 0.0
        rivals = [other for other in others if other.ended is None or other.ended >= began]
        return bool(rivals) and (
            self._was_followed(run) or not all(map(self._was_followed, rivals))
        )

    def _was_followed(self, run: Run) -> bool:
        """Whether a later attempt was received, or the task that it was replaced by."""
        if run.retries is None:
            return False
        return any(at > (run.received or 0.0) for at in self._further.names.values()) or any(
            name == run.name and number is not None and number > run.retries
            for name, number in self._further.received
        )

    def _has_gone_on(self, run: Run) -> bool:
        """Whether a run must have started here: it was followed, and no other worker had it."""
        return self._was_followed(run) and not self._is_elsewhere(run)

    def _match_rest(self) -> None:
        """The others are second ends of a run, or ends of runs that nothing else was heard of."""
        for end in self._ends:
            if end.run is None:
                before = [run for run in self._runs if run.first_at <= end.at]
                end.belongs_to(self._run_of_rest(end, before[-1] if before else None))

    def _run_of_rest(self, end: _End, last: Run | None) -> Run:
        is_new = last is not None and end.events[0].how in UNSTARTED
        if (
            last is not None
            and not is_new
            and last.outcome != states.RETRY
            and not last.is_requeued
        ):
            if end.type != "retried" or last.outcome is None:
                return last
            if last.outcome == states.REVOKED:  # the attempt that followed was
                revoked = Run(self._host, ended=last.ended, outcome=states.REVOKED)
                revoked.is_inferred = last.is_inferred = True
                self._runs.append(revoked)
                last.outcome = None
                return last
        self._runs.append(run := Run(self._host))
        return run


def _may_end(run: Run, end: _End) -> bool:
    return run.started is not None and run.started <= end.at
