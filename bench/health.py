"""Measures a look for problems: the longest that it holds the loop, and all that it costs.

    python bench/health.py [workers ...]        (2000 and 5000)

Each worker is inspected, consumes from 4 of 40 queues, has 20 of 50 task types running, waiting or
done; every fiftieth is silent. Times are of the processor, so that other load hardly counts.
"""

import asyncio
import gc
import logging
import random
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.held import Held
from flower_ng.cli.serving import spare_collections
from flower_ng.health.engine import Engine
from flower_ng.health.facts.gathering import FactCollector, FactSources
from flower_ng.health.facts.lost_tasks import LostTaskCheck
from flower_ng.health.facts.records import Counts, TypeFacts
from flower_ng.health.facts.task_observer import TaskObserver
from flower_ng.health.facts.trends import Trends
from flower_ng.health.facts.worker_facts import WorkerFactsReader
from flower_ng.health.rules.all_rules import RULES
from flower_ng.health.watch import ProblemWatch
from flower_ng.monitor.remote.verifying import Verifier
from flower_ng.monitor.state.state import ClusterState
from flower_ng.settings import Settings
from flower_ng.store.tables.texts import exception_class

TYPES = tuple(f"shop.tasks.number_{number}" for number in range(50))
QUEUES = tuple(f"queue{number}" for number in range(40))
TASKS = 20
LOOKS = 30
BEAT_S = 5.0
SILENT = 50


class Town:
    """A cluster on a clock of its own."""

    def __init__(self, workers: int) -> None:
        self.now = 1_800_000_000.0
        self.random = random.Random(7)
        self.names = [f"worker{number}@host{number // 8}" for number in range(workers)]
        self.records: dict[str, dict[str, Any]] = {}
        sightings = TaskObserver(exception_class, self.clock)
        self.state = ClusterState(
            max_workers_in_memory=10_000, observers=(sightings,), clock=self.clock
        )
        self.trends = Trends(self.clock)
        asked: Any = SimpleNamespace(
            workers=self.records, failures=lambda _: {}, inspect=self.nobody_answers
        )
        verifier = Verifier(self.state, self, lambda _worker: False, clock=self.clock)
        usual: Any = SimpleNamespace(types=tuple(type_facts(name) for name in TYPES))
        gathering = FactCollector(
            self.sources(),
            self.state,
            WorkerFactsReader(self.state, asked, sightings, verifier),
            sightings,
            LostTaskCheck(asked, verifier.doubt, self.clock),
            verifier,
            usual,
            self.trends,
            entries=lambda: None,
            claim_after_s=0.0,
            clock=self.clock,
        )
        thresholds = {rule.name: float(getattr(Settings(), rule.option)) for rule in RULES}
        self.watch = ProblemWatch(
            Engine(RULES, thresholds, hold_s=20.0),
            gathering.facts,
            SimpleNamespace(put=lambda *_: None, read=dict),
            interval_s=5.0,
            clock=self.clock,
        )

    def clock(self) -> float:
        """The town's time."""
        return self.now

    async def refusal(self) -> str:
        """Know of no result backend."""
        return "No result backend is configured"

    async def outcomes(self, _uuids: Any) -> dict[str, Any]:
        """Know of no result."""
        return {}

    async def nobody_answers(self, _name: str, _methods: Any) -> dict[str, Any]:
        """Tell nothing."""
        return {}

    def sources(self) -> FactSources:
        """Everything is well."""
        connection = SimpleNamespace(connected=True, since=self.now - 7200, why=None)
        status = SimpleNamespace(failing=None, lost=0, lag_s=0.1)
        return FactSources(
            connection=lambda: connection,
            dropped=int,
            malformed=int,
            asked=lambda: (0, 0.0),
            store=lambda: status,
            enable_events=True,
        )

    def fill(self) -> None:
        """Have each worker told of, and its tasks."""
        self.beat()
        for number, name in enumerate(self.names):
            for task in range(TASKS):
                about = {"hostname": name, "uuid": f"{number}-{task}", "name": TYPES[task]}
                for kind in ("received", "started", "succeeded")[: 1 + task % 3]:
                    self.tell(f"task-{kind}", about)

    def beat(self) -> None:
        """Let the time of one look pass; once a minute all workers answer."""
        minute, self.now = int(self.now) // 60, self.now + BEAT_S
        for number, name in enumerate(self.names):
            if number % SILENT or not self.records:
                self.tell("worker-heartbeat", {"hostname": name, "freq": BEAT_S})
            if not self.records.get(name) or int(self.now) // 60 != minute:
                self.records[name] = answer(number, self.now)
        for queue in QUEUES:
            self.trends.note(queue, 5, 1.0, None)

    def tell(self, kind: str, about: dict[str, Any]) -> None:
        """Send an event."""
        event = {"type": kind, "timestamp": self.now, "clock": 1, "pid": 1, "sw_ver": "5.5.0"}
        self.state.event({**event, **about})


def answer(number: int, now: float) -> dict[str, Any]:
    """What a worker says of itself."""
    pool = {"processes": list(range(100, 108)), "max-concurrency": 8}
    return {
        "timestamp": now,
        "stats": {"pool": pool, "total": dict.fromkeys(TYPES, 7), "rusage": {"maxrss": 90_000}},
        "active_queues": [{"name": QUEUES[(number + at) % len(QUEUES)]} for at in range(4)],
        "registered": list(TYPES),
        "conf": {"worker_max_tasks_per_child": 50, "task_time_limit": 3600},
    }


def type_facts(name: str) -> TypeFacts:
    """A type of which some fail, as many as ever."""
    return TypeFacts(name, Counts(600, 900, 890, 10), Counts(86_400, 90_000, 89_000, 1000), 5.0, 90)


async def measure(workers: int) -> str:
    """Return one row: the worst and the median look."""
    town = Town(workers)
    town.fill()
    held, took = [], []
    for _ in range(LOOKS):
        town.beat()
        gc.collect()  # what was told is not the look's garbage
        began, turns = time.thread_time(), Held()
        await town.watch.look()
        held.append(turns.stop())
        took.append(time.thread_time() - began)
    middle = LOOKS // 2
    figures = (max(held), sorted(held)[middle], max(took), sorted(took)[middle])
    problems = len(town.watch.now)
    return f"{workers:7} {problems:8} " + " ".join(f"{one * 1000:9.1f}" for one in figures)


async def main() -> None:
    """Print the table."""
    spare_collections()
    print("workers problems held, most    median  all, most    median   (ms)")
    for workers in map(int, sys.argv[1:] or ("2000", "5000")):
        print(await measure(workers))


if __name__ == "__main__":
    logging.disable()
    asyncio.run(main())
