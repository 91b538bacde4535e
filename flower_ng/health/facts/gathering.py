"""FactCollector makes the snapshot that rules judge, in short slices. On the loop."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Final, Protocol

from flower_ng.brokers.condition import BrokerFacts
from flower_ng.health.facts.baselines import Baselines
from flower_ng.health.facts.lost_tasks import ASKED_AFTER_S, LostTaskCheck
from flower_ng.health.facts.recent_growth import RecentGrowth
from flower_ng.health.facts.records import (
    LOSS_S,
    EntryFacts,
    Facts,
    HistoryFacts,
    IngestFacts,
    RunningTask,
    UnackedTask,
    WorkerFacts,
)
from flower_ng.health.facts.rounds import AskingRounds
from flower_ng.health.facts.task_observer import TaskObserver
from flower_ng.health.facts.trends import Trends
from flower_ng.health.facts.worker_facts import StateTables, WorkerFactsReader, lag_s
from flower_ng.monitor.remote.verifying import Verifier
from flower_ng.monitor.state.eta import eta_s
from flower_ng.monitor.state.presence import LISTEN_S
from flower_ng.records import Task

#: Workers read in one slice, about half a millisecond, before other work of the loop runs.
SLICE: Final = 50
#: Running tasks that are judged, the oldest first.
MOST_RUNNING: Final = 1000
#: A worker that answered within this time but was not heard from sends no events.
ANSWERED_S: Final = 150.0


class EventConnection(Protocol):
    """The state of the events' connection."""

    @property
    def connected(self) -> bool:
        """Whether events can arrive."""

    @property
    def since(self) -> float:
        """Since when that is so."""

    @property
    def why(self) -> str | None:
        """Why they can't."""

    @property
    def retry_at(self) -> float | None:
        """When the next try is, None while connected and before the first has ended."""


@dataclass(frozen=True, slots=True)
class FactSources:
    """What is asked at each look. `dropped`, `malformed` and `asked` only grow.

    `asked` is how many questions workers answered, and how many seconds they took for it in all;
    `has_returned` says that all tasks of the run before are back in memory, `store` gives the
    store's status, `broker` what that told when it was last asked; `paused_by` who keeps
    a queue from its consumers on purpose, `is_revoked` whether a task was revoked here.
    """

    connection: Callable[[], EventConnection]
    dropped: Callable[[], int]
    malformed: Callable[[], int]
    asked: Callable[[], tuple[int, float]]
    store: Callable[[], Any]
    enable_events: bool
    has_returned: Callable[[], bool] = lambda: True
    broker: Callable[[], BrokerFacts | None] = lambda: None
    disallowed: Callable[[], str] = lambda: ""
    cuts: Callable[[], int] = lambda: 0
    missing: Mapping[str, int] = field(default_factory=dict)
    paused_by: Callable[[str], str] = lambda _: ""
    is_revoked: Callable[[str], bool] = lambda _: False


class FactCollector:
    """Collects the facts from memory; slower reads run in the background (`usual`, `claims`)."""

    def __init__(
        self,
        sources: FactSources,
        state: StateTables,
        crew: WorkerFactsReader,
        sightings: TaskObserver,
        claims: LostTaskCheck,
        verifier: Verifier,
        usual: Baselines,
        trends: Trends,
        *,
        entries: Callable[[], Sequence[EntryFacts] | None],
        claim_after_s: float,
        stall_after_s: float,
        held_rounds: AskingRounds,
        clock: Callable[[], float],
        timezone: tzinfo = UTC,
    ) -> None:
        self._sources, self._state = sources, state
        self._crew, self._sightings, self._claims = crew, sightings, claims
        self._verifier = verifier
        self._usual, self._trends = usual, trends
        self._entries = entries
        self._stall_after_s, self._held_rounds = stall_after_s / 2, held_rounds
        self._claim_after_s = min(ASKED_AFTER_S, claim_after_s / 2)
        self._clock, self._timezone = clock, timezone
        self._dropped, self._malformed, self._lost = (RecentGrowth(LOSS_S) for _ in range(3))
        self._cut_off, self._own_cuts = RecentGrowth(LOSS_S), RecentGrowth(LOSS_S)
        self._asked_count, self._asked_s = RecentGrowth(LOSS_S), RecentGrowth(LOSS_S)
        self._missing: dict[str, RecentGrowth] = {}
        self._began = clock()
        self._online_at: float | None = None

    async def facts(self) -> Facts:
        """Return a snapshot of everything known now."""
        now, connection = self._clock(), self._sources.connection()
        workers = await self._workers(now)
        running = await self._running({one.name: one for one in workers}, now)
        queues = self._trends.facts(workers, now, self._sources.paused_by)
        await asyncio.sleep(0)
        return Facts(
            now,
            self._ingest(connection, lag_s(workers), now),
            self._keeping(now),
            workers,
            running,
            self._usual.types,
            tuple(self._sightings.new.values()),
            queues,
            self._entries(),
            self._eventless(connection, now),
            broker := self._sources.broker(),
            self._cut(broker, now),
            tuple(self._held(now)),
            began=self._began,
            has_returned=self._sources.has_returned(),
            online_at=self._last_online(workers, now),
            missing=self._missing_events(now),
        )

    def _last_online(self, workers: Iterable[WorkerFacts], now: float) -> float | None:
        if any(one.is_online for one in workers):
            self._online_at = now
        return self._online_at

    def _eventless(self, connection: EventConnection, now: float) -> list[str]:
        is_asked = self._sources.enable_events and now - connection.since >= LISTEN_S
        quiet = self._crew.eventless(now, ANSWERED_S) if is_asked else []
        return [*quiet, *self._crew.unheard()]

    def _ask_what_is_held(self, workers: Iterable[WorkerFacts]) -> None:
        """Have online workers asked in which a task has waited for long: events may be missing."""
        after_s = self._stall_after_s
        self._held_rounds.begin(
            {
                worker.name
                for worker in workers
                if after_s and worker.is_online and (worker.waiting_s or 0.0) > after_s
            }
        )

    async def _workers(self, now: float) -> tuple[WorkerFacts, ...]:
        names, waiting = self._crew.names(), self._crew.waiting(now)
        self._crew.forget_all_but(names)
        await asyncio.sleep(0)
        found: list[WorkerFacts] = []
        for start in range(0, len(names), SLICE):
            found += self._crew.facts(names[start : start + SLICE], waiting, now)
            await asyncio.sleep(0)
        self._ask_what_is_held(found)
        return tuple(found)

    async def _running(
        self, workers: Mapping[str, WorkerFacts], now: float
    ) -> tuple[RunningTask, ...]:
        tasks = list(self._sightings.running(self._state, MOST_RUNNING))
        found: list[RunningTask] = []
        for start in range(0, len(tasks), SLICE):
            found += self._tasks(tasks[start : start + SLICE], workers, now)
            await asyncio.sleep(0)
        self._claims.check(
            (task.worker, task.uuid)
            for task in found
            if task.is_worker_online and task.runs_s > self._claim_after_s
        )
        return tuple(found)

    def _tasks(
        self, tasks: Sequence[Task], workers: Mapping[str, WorkerFacts], now: float
    ) -> Iterator[RunningTask]:
        for task in tasks:
            if task.worker is None or task.started is None:
                continue
            worker, claim = workers.get(task.worker.hostname), self._claims.of(task.uuid)
            yield RunningTask(
                uuid=task.uuid,
                type=task.name or "",
                worker=task.worker.hostname,
                runs_s=now - task.started + (worker.skew_s or 0.0 if worker else 0.0),
                is_worker_online=worker is not None and worker.is_online,
                limit_s=worker.told.limit_s if worker and worker.told else None,
                claimed=None if claim is None else claim.claimed,
                is_asked=claim is not None and self._verifier.is_settled(task.uuid, claim.at),
                is_held=claim is not None and claim.is_held,
            )

    def _cut(self, broker: BrokerFacts | None, now: float) -> int:
        cut = broker.redis.cut_off if broker and broker.redis else None
        return 0 if cut is None else max(0, int(self._cut_off.see(cut, now)))

    def _missing_events(self, now: float) -> dict[str, int]:
        """Return of how many tasks no event came lately, by worker."""
        totals = self._sources.missing
        for name in self._missing.keys() - totals.keys():
            del self._missing[name]
        found: dict[str, int] = {}
        for name, total in totals.items():
            if name not in self._missing:
                self._missing[name] = RecentGrowth(LOSS_S)
                self._missing[name].see(0, now)
            found[name] = int(self._missing[name].see(total, now))
        return found

    def _held(self, now: float) -> Iterator[UnackedTask]:
        """Yield what waits for its ETA: what came first is held for longest by now."""
        for task in self._sightings.held(self._state, MOST_RUNNING):
            if task.received is not None:
                since, eta = self._sightings.held_since(task), eta_s(task.eta, self._timezone)
                whole_s = None if eta is None else max(0.0, eta - since)
                yield UnackedTask(task.uuid, task.name or "", now - since, whole_s)

    def _ingest(self, connection: EventConnection, late_s: float | None, now: float) -> IngestFacts:
        sources = self._sources
        count, took_s = sources.asked()
        asked = self._asked_count.see(count, now)
        asked_s = self._asked_s.see(took_s, now)
        is_connected = connection.connected
        return IngestFacts(
            connected_since=connection.since if is_connected else None,
            why=connection.why or "",
            away_s=0.0 if is_connected else now - connection.since,
            dropped=int(self._dropped.see(sources.dropped(), now)),
            malformed=int(self._malformed.see(sources.malformed(), now)),
            over_s=LOSS_S,
            lag_s=late_s,
            disallowed=sources.disallowed(),
            inspect_s=asked_s / asked if asked else None,
            was_tried=is_connected or connection.retry_at is not None,
            cuts=int(self._own_cuts.see(sources.cuts(), now)),
        )

    def _keeping(self, now: float) -> HistoryFacts:
        status = self._sources.store()
        return HistoryFacts(
            failing=status.failing,
            lost=int(self._lost.see(status.lost, now)),
            over_s=LOSS_S,
            lag_s=status.lag_s,
        )
