"""Checkup starts and stops everything that looks for problems, in order. On the loop."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from celery import Celery

from flower_ng.errors import AnswerError
from flower_ng.health.engine import Engine
from flower_ng.health.facts.baselines import Baselines
from flower_ng.health.facts.beat_schedule import BeatSchedule
from flower_ng.health.facts.gathering import FactCollector, FactSources
from flower_ng.health.facts.lost_tasks import LostTaskCheck, is_idle_since
from flower_ng.health.facts.rounds import AskingRounds
from flower_ng.health.facts.task_observer import TaskObserver
from flower_ng.health.facts.trends import Trends
from flower_ng.health.facts.worker_facts import WorkerFactsReader
from flower_ng.health.rules.all_rules import RULES
from flower_ng.health.watch import ProblemWatch
from flower_ng.monitor.remote.inspector import WorkerInspector
from flower_ng.monitor.remote.verifying import Verifier
from flower_ng.monitor.state.presence import OFFLINE, Presence
from flower_ng.monitor.state.state import ClusterState
from flower_ng.schedule.timetable import Timetable
from flower_ng.store import Store, TaskQuery

log = logging.getLogger(__name__)

#: Slow reads (baselines, the schedule) run once in this many intervals.
SELDOM: Final = 6
#: Exceptions count as new only after the dashboard has observed for this long.
LEARNING_S: Final = 3600.0
GONE: Final = "Its worker is gone, and nothing says how the task ended."
LEFT: Final = "Its worker is shutting down or has stopped, and nothing says how the task ended."
IDLE: Final = (
    "Its worker says that it runs nothing, and no event says how it ended: the task may have raised"
    " Ignore."
)
UNCLAIMED: Final = "Its worker says that it does not run it, and no event says how it ended."
#: What a worker is asked in which tasks wait for long.
HELD: Final = ("active", "reserved", "stats")
#: Pairs of task type and exception that are read from the history at the start.
MOST_GROUPS: Final = 5000


@dataclass(frozen=True, slots=True)
class ProblemLimits:
    """Settings of the rules: `thresholds` by rule name, and times in seconds."""

    thresholds: Mapping[str, float]
    interval_s: float
    hold_s: float
    quiet_start_s: float


class Checkup:
    """Checks one cluster; `problems` holds the results. `sightings` must observe the state."""

    def __init__(
        self,
        capp: Celery,
        limits: ProblemLimits,
        sightings: TaskObserver,
        sources: FactSources,
        state: ClusterState,
        presence: Presence,
        inspector: WorkerInspector,
        store: Store,
        verifier: Verifier,
        timetable: Timetable,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.trends, seldom_s = Trends(clock), SELDOM * limits.interval_s
        self.schedule = BeatSchedule(timetable, sightings, self._heard_since, seldom_s)
        self._limits, self._clock, self._sources = limits, clock, sources
        self._state, self._store, self._sightings = state, store, sightings
        self._usual = Baselines(store.series, clock, seldom_s)
        self._presence = presence
        self._claims = LostTaskCheck(inspector, verifier.doubt, clock)

        async def ask_what_is_held(name: str) -> None:
            await inspector.inspect(name, HELD)

        self._held_rounds = AskingRounds(ask_what_is_held, clock)
        gathering = FactCollector(
            sources,
            state,
            WorkerFactsReader(
                state, presence, inspector, sightings, verifier, is_revoked=sources.is_revoked
            ),
            sightings,
            self._claims,
            verifier,
            self._usual,
            self.trends,
            entries=lambda: self.schedule.entries,
            claim_after_s=limits.thresholds.get("task-unclaimed", 0.0),
            stall_after_s=limits.thresholds.get("worker-stalled", 0.0),
            held_rounds=self._held_rounds,
            clock=clock,
            timezone=capp.timezone,
        )
        self._engine = Engine(RULES, limits.thresholds, hold_s=limits.hold_s)
        self.problems = ProblemWatch(
            self._engine,
            gathering.facts,
            store.notebook,
            interval_s=limits.interval_s,
            clock=clock,
            mutes_elsewhere=store.notebook.newest if store.is_in_postgresql else None,
        )
        self._learning: asyncio.Task[None] | None = None

    def doubt(self, uuid: str, worker: str) -> str:
        """Return why it is unknown whether a started task still runs; empty without a doubt.

        The result backend is asked elsewhere (monitor/remote/verifying.py).
        """
        known, task = self._state.workers.get(worker), self._state.tasks.get(uuid)
        status = self._presence.status(known)
        if status in OFFLINE:
            return LEFT if status == "left" else GONE
        if known and task and task.started and is_idle_since(known, task.started):
            return IDLE
        claim = self._claims.of(uuid)
        return UNCLAIMED if claim and not claim.claimed else ""

    def follow_clock(self, step_s: float) -> None:
        """Keep for how long problems have lasted, where the system's clock was moved."""
        self._engine.follow_clock(step_s)

    def start(self) -> None:
        """Begin; the state and the store have started."""
        self._engine.quiet_until = self._clock() + self._limits.quiet_start_s
        self.problems.restore()
        self._sightings.renew(self.problems.about("type"))
        self._usual.start()
        self.schedule.start()
        self.problems.start()
        self._learning = asyncio.get_running_loop().create_task(self._learn())

    def stop(self) -> None:
        """End."""
        self.problems.stop()
        self._usual.stop()
        self.schedule.stop()
        self._claims.stop()
        self._held_rounds.stop()
        if self._learning is not None:
            self._learning.cancel()

    def _heard_since(self) -> float | None:
        connection = self._sources.connection()
        return connection.since if connection.connected else None

    async def _learn(self) -> None:
        """Learn which exceptions occurred before: at once from a history, otherwise in an hour."""
        try:
            oldest = self._store.status().oldest
            age_s = 0.0 if oldest is None else self._clock() - oldest
            await asyncio.sleep(max(0.0, LEARNING_S - age_s))
            groups = await self._store.failure_groups(TaskQuery(state="FAILURE"), MOST_GROUPS)
            self._sightings.know((one.name or "", one.exception or "") for one in groups)
        except AnswerError as error:
            log.warning("Known exceptions could not be read, so none is reported as new: %s", error)
            return
        self._sightings.is_learned = True
