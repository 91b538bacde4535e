"""WorkerFactsReader makes the facts about workers from events and answers. On the loop."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from flower_ng.health.facts.records import HeldTasks, WorkerFacts
from flower_ng.health.facts.task_observer import TaskObserver
from flower_ng.health.facts.worker_answers import AnswerHistory
from flower_ng.monitor.remote.answers import Failure
from flower_ng.monitor.remote.verifying import Verifier
from flower_ng.monitor.remote.worker_answer import NO_ANSWER, WorkerAnswer
from flower_ng.monitor.state.presence import Presence
from flower_ng.monitor.state.tallies import running
from flower_ng.records import Task, Worker

#: Looks over which a clock is judged: what comes late looks like a clock that is behind, so that
#: the best of several counts.
SKEW_LOOKS: Final = 12
LEAST_LOOKS: Final = 3
#: Reserved tasks that are looked at, the oldest.
MOST_RESERVED: Final = 2000
#: An answer of this time after a task's receipt tells of it, also where clocks differ a little.
ANSWER_LATE_S: Final = 10.0
#: A worker that says to have done so many tasks, none of which was heard of, sends no events.
LEAST_DONE: Final = 20


@dataclass(slots=True)
class WaitingTasks:
    """For how long the oldest reserved task of a worker has waited; `held` as it said itself."""

    oldest_s: float = 0.0
    held: HeldTasks | None = None


@dataclass(frozen=True, slots=True)
class _TasksAnswer:
    """Which tasks a worker said at a time to run, and to have ready; `at` is 0 where it did not."""

    at: float = 0.0
    active: AbstractSet[str] = frozenset()
    reserved: AbstractSet[str] = frozenset()

    def has(self, uuid: str) -> bool:
        """Whether it named that task."""
        return uuid in self.active or uuid in self.reserved

    def held(self, now: float) -> HeldTasks | None:
        """Return it without a task that is known here; None where there was no answer."""
        return HeldTasks(len(self.active), 0.0, now - self.at) if self.at else None


NO_TASKS: Final = _TasksAnswer()


class StateTables(Protocol):
    """The part of EventsState that is looked at."""

    @property
    def workers(self) -> Mapping[str, Worker]:
        """The worker table."""

    @property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks in memory."""

    @property
    def counter(self) -> Mapping[str, Mapping[str, int]]:
        """How many events of each type came from each worker."""

    @property
    def tallies(self) -> Any:
        """How many tasks of each worker have each state."""


class InspectorRecords(Protocol):
    """The part of the Inspector that is looked at."""

    @property
    def workers(self) -> Mapping[str, Mapping[str, Any]]:
        """The records, by host name."""

    @property
    def told(self) -> Mapping[str, WorkerAnswer]:
        """What they say, read."""

    def failures(self, workername: str, /) -> Mapping[str, Failure]:
        """What a worker failed to answer since."""

    def ages(self, workername: str, /) -> Mapping[str, float]:
        """How many seconds ago it answered each method."""


class WorkerFactsReader:
    """Makes WorkerFacts, and keeps earlier values that later ones are compared with."""

    def __init__(
        self,
        state: StateTables,
        presence: Presence,
        asked: InspectorRecords,
        sightings: TaskObserver,
        verifier: Verifier,
        *,
        is_revoked: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._is_revoked = is_revoked
        self._state = state
        self._presence = presence
        self._asked = asked
        self._sightings = sightings
        self._verifier = verifier
        self._followed: dict[str, AnswerHistory] = {}
        self._skews: dict[str, Skew] = {}
        self._heard: dict[str, tuple[int, int]] = {}

    def names(self) -> list[str]:
        """Return who is known, and who is only remembered for tasks that it had started."""
        tallies = self._state.tallies.workers
        lost = (name for name in tallies if name is not None and running(tallies[name]))
        return list(dict.fromkeys((*self._state.workers, *lost)))

    def waiting(self, now: float) -> dict[str, WaitingTasks]:
        """Return of each worker with reserved tasks for how long the oldest has waited.

        Not those that the worker itself has answered since to have no more: of these an event was
        missed, for example while the dashboard was restarted. Nor those that were revoked here.
        """
        found: dict[str, WaitingTasks] = {}
        answers: dict[str, _TasksAnswer] = {}
        for task in self._sightings.reserved(self._state, MOST_RESERVED):
            if task.worker is None or task.received is None or self._is_revoked(task.uuid):
                continue
            name = task.worker.hostname
            answer = answers.get(name)
            if answer is None:
                answer = answers[name] = self._answer(name, now)
            if answer.has(task.uuid) or answer.at < task.received + ANSWER_LATE_S:
                waiting = found.setdefault(name, WaitingTasks(0.0, answer.held(now)))
                waits_s = now - task.received
                waiting.oldest_s = max(waits_s, waiting.oldest_s)
                if waiting.held is not None and task.uuid in answer.reserved:
                    longest_s = max(waits_s, waiting.held.waiting_s)
                    waiting.held = replace(waiting.held, waiting_s=longest_s)
        return found

    def _answer(self, name: str, now: float) -> _TasksAnswer:
        """Return which tasks a worker said to have."""
        told, ages = self._asked.told.get(name, NO_ANSWER), self._asked.ages(name)
        if (
            told.reserved is None
            or told.active is None
            or not ages.keys() >= {"reserved", "active"}
        ):
            return NO_TASKS
        active = frozenset(task.uuid for task in told.active)
        return _TasksAnswer(now - max(ages["reserved"], ages["active"]), active, told.reserved)

    def facts(
        self, names: Iterable[str], waiting: Mapping[str, WaitingTasks], now: float
    ) -> Iterator[WorkerFacts]:
        """Yield the facts of some workers."""
        for name in names:
            yield self._facts(name, waiting.get(name), now)

    def eventless(self, now: float, within_s: float) -> list[str]:
        """Return who answered lately, and of whom no event came before or after that."""
        return [
            name
            for name, record in self._asked.workers.items()
            if now - (at := record.get("timestamp", 0.0)) < within_s
            if self._is_eventless(self._state.workers.get(name), at)
        ]

    def _is_eventless(self, worker: Worker | None, answered_at: float) -> bool:
        if worker is None:
            return True
        is_silent = self._presence.status(worker) in {"silent", "gone"}
        return is_silent and answered_at > worker.heard_at + 2 * worker.freq

    def unheard(self) -> list[str]:
        """Return who is online and does tasks of which no event comes."""
        return [
            worker.hostname
            for worker in self._state.workers.values()
            if self._presence.status(worker) == "online" and worker.processed is not None
            if self._done_unheard(worker.hostname, worker.processed) >= LEAST_DONE
        ]

    def _done_unheard(self, name: str, processed: int) -> int:
        """Return how many tasks a worker did since a task's event came from it."""
        events = sum(self._state.counter.get(name, {}).values())
        tasks = events - self._state.counter.get(name, {}).get("worker-heartbeat", 0)
        before, until = self._heard.get(name, (tasks, processed))
        if tasks != before or processed < until:
            until = processed
        self._heard[name] = tasks, until
        return processed - until

    def forget_all_but(self, names: Iterable[str]) -> None:
        """Forget what was followed of others."""
        known = set(names)
        for table in (self._followed, self._skews, self._heard):
            for name in [name for name in table if name not in known]:
                del table[name]

    def _facts(self, name: str, waiting: WaitingTasks | None, now: float) -> WorkerFacts:
        known, tallies = self._state.workers.get(name), self._state.tallies.workers.get(name, {})
        worker = known or Worker(name)
        failure = self._asked.failures(name).get("stats")
        followed = self._follow(name, failure, now)
        return WorkerFacts(
            name=name,
            status=self._presence.status(known),
            silent_s=self._presence.silent_s(worker),
            running=(number := running(tallies)),
            lost=self._verifier.lost(name, number),
            lost_because=self._verifier.refusal or "",
            reserved=tallies.get("RECEIVED", 0),
            waiting_s=waiting.oldest_s if waiting else None,
            begun_s=self._sightings.begun_s(name, now),
            held=waiting.held if waiting else None,
            load=worker.loadavg,
            version=worker.sw_ver,
            told=followed.told,
            unanswered_s=None if failure is None else now - (followed.failing_since or now),
            why="" if failure is None else failure.why,
            skew_s=self._skew(worker),
            switches=self._sightings.switches(name, now),
            growth=followed.growth,
            churn=followed.churn,
        )

    def _follow(self, name: str, failure: Failure | None, now: float) -> AnswerHistory:
        followed = self._followed.setdefault(name, AnswerHistory())
        record = self._asked.workers.get(name)
        if record is not None and "stats" in record:
            followed.see(self._asked.told.get(name, NO_ANSWER), record.get("timestamp", now))
        if failure is None:
            followed.failing_since = None
        elif followed.failing_since is None:
            followed.failing_since = now
        return followed

    def _skew(self, worker: Worker) -> float | None:
        """Note how far the newest event's time is ahead of when it came; return the best."""
        if not worker.heartbeats or not worker.beat_at:
            self._skews.pop(worker.hostname, None)
            return None
        skew = self._skews.get(worker.hostname)
        if skew is None:
            skew = self._skews[worker.hostname] = Skew()
        return skew.see(worker.heartbeats[-1], worker.beat_at)


class Skew:
    """How far a worker's clock was ahead at its newest beats."""

    __slots__ = ("_ahead_s", "_beat_at")

    def __init__(self) -> None:
        self._beat_at = 0.0
        self._ahead_s: deque[float] = deque(maxlen=SKEW_LOOKS)

    def see(self, told: float, beat_at: float) -> float | None:
        """Take the newest beat, unless it was taken; return the best, None of too few."""
        if beat_at != self._beat_at:
            self._beat_at = beat_at
            self._ahead_s.append(told - beat_at)
        return max(self._ahead_s) if len(self._ahead_s) >= LEAST_LOOKS else None


def lag_s(workers: Iterable[WorkerFacts]) -> float | None:
    """Return how late the quickest worker's events come; None where no worker is online."""
    ahead_s = [one.skew_s for one in workers if one.is_online and one.skew_s is not None]
    return max(0.0, -max(ahead_s)) if ahead_s else None
