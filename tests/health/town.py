"""A healthy, noisy cluster on a clock of its own: real state, sightings, crew and gathering.

The workers' answers, the history's numbers and the broker's are made up, because an hour of them
must pass in seconds. What is noisy: load comes in bursts that fill the queues and drain again;
tasks fail, are retried, take a minute instead of a second, wait for an ETA; workers are restarted
one by one, and all of them by a deploy that changes their tasks; some answers are missing, some
inspections slow; the broker's memory swings; the beat is late.
"""

import random
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from flower_ng.brokers.condition import BrokerFacts, RedisFacts
from flower_ng.health.engine import Engine
from flower_ng.health.facts.gathering import FactCollector, FactSources
from flower_ng.health.facts.lost_tasks import LostTaskCheck
from flower_ng.health.facts.records import Counts, EntryFacts, Facts, TypeFacts
from flower_ng.health.facts.rounds import AskingRounds
from flower_ng.health.facts.task_observer import TaskObserver
from flower_ng.health.facts.trends import Trends
from flower_ng.health.facts.worker_facts import WorkerFactsReader
from flower_ng.health.problem import Problem
from flower_ng.health.rules.all_rules import RULES
from flower_ng.monitor.ingest.ingest_stats import ConnectionState
from flower_ng.monitor.remote.answers import Failure
from flower_ng.monitor.remote.verifying import Verifier
from flower_ng.monitor.remote.worker_answer import WorkerAnswer
from flower_ng.monitor.state.presence import Presence
from flower_ng.monitor.state.sent_tasks import Oldest
from flower_ng.monitor.state.state import ClusterState
from flower_ng.store.tables.texts import exception_class
from tests.health.making import BEGAN, DEFAULTS

#: Seconds between two heartbeats, and two looks; slots of a worker.
BEAT_S, LOOK_S, SLOTS = 5.0, 5.0, 4
#: Each type's median runtime in seconds, and the share that fails.
TYPES = {"shop.pay": (0.8, 0.01), "shop.mail": (0.2, 0.0), "shop.report": (25.0, 0.03)}
QUEUES = ("celery", "mail")
#: A burst comes so often, and lasts as long; a deploy begins then, and restarts one worker a step.
BURST_EVERY_S, BURST_S = 900.0, 240.0
DEPLOY_AT_S = 1800.0
GIB = 2**30


class Town:
    """Workers that beat, work, fail now and then, and are restarted; `live` lets time pass."""

    def __init__(self, workers: int = 12, seed: int = 5) -> None:
        self.now = BEGAN
        self.random = random.Random(seed)
        self.names = [f"w{number}@box{number % 3}" for number in range(workers)]
        self.pids = dict(enumerate(range(100, 100 + workers)))
        self.done: Counter[str] = Counter()
        self.counts: Counter[tuple[str, str]] = Counter()
        self.busy: dict[str, list[float]] = {name: [] for name in self.names}
        self.pending: list[tuple[float, dict[str, Any]]] = []
        self.lengths = dict.fromkeys(QUEUES, 20)
        self.skews = {name: self.random.uniform(-0.5, 0.5) for name in self.names}
        self.records: dict[str, dict[str, Any]] = {}
        self.told: dict[str, WorkerAnswer] = {}
        self.failures: dict[str, dict[str, Failure]] = {}
        self.asked = [0, 0.0]
        self.serial = self.restarts = self.retries = 0
        self.deployed: set[str] = set()
        self.longest = dict(self.lengths)
        self.ever_more = False
        self.cut_off = 3
        clock = self.clock
        sightings = TaskObserver(exception_class, clock)
        sightings.is_learned = True
        sightings.know((name, "KeyError") for name in TYPES)
        self.state = ClusterState(observers=(sightings,), clock=clock)
        self.trends = Trends(clock)
        asked: Any = SimpleNamespace(
            workers=self.records,
            told=self.told,
            failures=lambda name: self.failures.get(name, {}),
            ages=lambda _name: {},
            inspect=self.inspect,
        )
        verifier = Verifier(self.state, self, lambda _worker: False, clock=clock)
        verifier.refusal = "No result backend is configured"
        connection = ConnectionState(connected=True, since=BEGAN, began=BEGAN)
        status = SimpleNamespace(failing=None, lost=0, lag_s=0.1)
        self.usual: Any = SimpleNamespace(types=None)
        self.gathering = FactCollector(
            FactSources(
                connection=lambda: connection,
                dropped=int,
                malformed=int,
                asked=lambda: (int(self.asked[0]), self.asked[1]),
                store=lambda: status,
                enable_events=True,
                broker=self.broker,
            ),
            self.state,
            WorkerFactsReader(
                self.state,
                Presence(self.state, lambda: connection, None, clock),
                asked,
                sightings,
                verifier,
            ),
            sightings,
            LostTaskCheck(asked, verifier.doubt, clock),
            verifier,
            self.usual,
            self.trends,
            entries=self.entries,
            claim_after_s=DEFAULTS["task-unclaimed"],
            stall_after_s=DEFAULTS["worker-stalled"],
            held_rounds=AskingRounds(self.inspect, clock),
            clock=clock,
        )
        self.engine = Engine(RULES, DEFAULTS, hold_s=20.0, quiet_until=BEGAN + 60)

    def clock(self) -> float:
        return self.now

    async def refusal(self) -> str:
        return "No result backend is configured"

    async def outcomes(self, _uuids: Any) -> dict[str, Any]:
        return {}

    async def inspect(self, name: str, _methods: Any) -> dict[str, dict[str, Any]]:
        """Answer what a worker runs."""
        tasks = (one for one in self.state.tasks.values() if one.state == "STARTED")
        return {
            name: {"active": [{"id": one.uuid} for one in tasks if one.worker.hostname == name]}
        }

    async def live(self, for_s: float) -> list[Problem]:
        """Let time pass; return every problem that was raised."""
        raised: list[Problem] = []
        end = self.now + for_s
        while self.now < end:
            self.step()
            facts = await self.gathering.facts()
            raised += self.judged(facts)
            self.now += LOOK_S
        return raised

    def judged(self, facts: Facts) -> list[Problem]:
        return [one for rule in self.engine.rules for one in self.engine.judge(rule, facts).raised]

    @property
    def in_burst(self) -> bool:
        return self.ever_more or (self.now - BEGAN) % BURST_EVERY_S < BURST_S

    def step(self) -> None:
        """Let all that happens in one interval happen, in the order in which it is heard."""
        self.end_tasks()
        self.deploy()
        for index, name in enumerate(self.names):
            if self.random.random() < 0.0005:
                self.restart(index, name)
            self.beat(index, name)
            self.work(name)
        if int(self.now) % 60 < LOOK_S:
            self.every_minute()

    def deploy(self) -> None:
        """Restart one worker after the other; the new ones know one task more."""
        if self.now - BEGAN >= DEPLOY_AT_S:
            for index, name in enumerate(self.names):
                if name not in self.deployed:
                    self.deployed.add(name)
                    self.restart(index, name)
                    return

    def broker(self) -> BrokerFacts:
        """Memory goes up and down with what waits."""
        used = int(GIB * self.random.uniform(0.2, 0.8))
        redis = RedisFacts(
            "7.2.0",
            memory_bytes=used,
            memory_limit_bytes=GIB,
            policy="noeviction",
            evicted=0,
            clients=self.random.randint(50, 400),
            cut_off=self.cut_off,
            role="master",
            replicas=1,
            replicas_behind=int(self.random.random() < 0.1),
            unacked=self.random.randint(0, 60),
        )
        return BrokerFacts(self.now, "redis", redis=redis)

    def entries(self) -> list[EntryFacts]:
        """An entry each minute, whose beat is late."""
        late_s = max(0.0, self.random.uniform(-30, 120))
        return [EntryFacts("each minute", "shop.report", self.now - 60 - late_s, late_s)]

    def beat(self, index: int, name: str) -> None:
        load = [self.random.uniform(0.1, 6.0) for _ in range(3)]
        state = {"active": len(self.busy[name]), "processed": self.done[name], "loadavg": load}
        about = {"pid": self.pids[index], "freq": BEAT_S, "sw_ver": "5.5.0"}
        self.tell("worker-heartbeat", name, **state, **about)

    def restart(self, index: int, name: str) -> None:
        """Restart warmly: tasks end first."""
        self.pending = [one for one in self.pending if one[1]["hostname"] != name]
        for uuid in [t.uuid for t in self.state.tasks.values() if t.worker and not t.ready]:
            if self.state.tasks[uuid].worker.hostname == name:
                self.tell("task-succeeded", name, uuid=uuid, runtime=1.0)
        self.busy[name] = []
        self.restarts += 1
        self.tell("worker-offline", name, pid=self.pids[index])
        self.pids[index] += 1000
        self.done[name] = 0
        self.tell("worker-online", name, pid=self.pids[index], processed=0, freq=BEAT_S)

    def work(self, name: str) -> None:
        """Take tasks into free slots; in a burst all of them are taken."""
        while len(self.busy[name]) < SLOTS and self.random.random() < (1 if self.in_burst else 0.5):
            kind = self.random.choice(tuple(TYPES))
            median_s, failing = TYPES[kind]
            is_slow = kind != "shop.report" and self.random.random() < 0.005
            usual_s = self.random.lognormvariate(0, 0.8) * median_s
            self.run(name, kind, 50.0 if is_slow else usual_s, failing)

    def run(self, name: str, kind: str, runtime: float, failing: float) -> None:
        """Start a task, maybe after it was held for its ETA or was tried before."""
        self.serial += 1
        uuid, held_s = f"task-{self.serial}", self.random.uniform(60, 1200)
        due = datetime.fromtimestamp(self.now + held_s, UTC).isoformat()
        eta = due if self.serial % 50 == 0 else None
        self.tell("task-sent", name, uuid=uuid, name=kind, queue=self.random.choice(QUEUES))
        self.tell("task-received", name, uuid=uuid, name=kind, eta=eta)
        if eta is not None:
            event = {"type": "task-started", "hostname": name, "uuid": uuid, "kind": kind}
            self.pending.append((self.now + held_s, event))
            return
        self.tell("task-started", name, uuid=uuid)
        if self.random.random() < 0.05:
            self.retries += 1
            self.tell("task-retried", name, uuid=uuid, exception="TimeoutError()")
            self.tell("task-received", name, uuid=uuid, name=kind)
            self.tell("task-started", name, uuid=uuid)
        self.busy[name].append(self.now + runtime)
        end = "task-failed" if self.random.random() < failing else "task-succeeded"
        about = {"exception": "KeyError('x')"} if end == "task-failed" else {"runtime": runtime}
        event = {"type": end, "hostname": name, "uuid": uuid, "kind": kind, **about}
        self.pending.append((self.now + runtime, event))
        self.counts[kind, "received"] += 1

    def end_tasks(self) -> None:
        due = [event for at, event in self.pending if at <= self.now]
        self.pending = [one for one in self.pending if one[0] > self.now]
        for event in due:
            kind = event.pop("kind")
            self.counts[kind, event["type"]] += 1
            self.done[event["hostname"]] += 1
            self.tell(**event)
            if event["type"] == "task-started":  # what was held runs, and ends soon
                end = {**event, "type": "task-succeeded", "runtime": 1.0, "kind": kind}
                self.pending.append((self.now + 1, end))
        for name, ends in self.busy.items():
            self.busy[name] = [at for at in ends if at > self.now]

    def every_minute(self) -> None:
        """Answer an inspection, mostly; sample the queues; add up the types."""
        for index, name in enumerate(self.names):
            if self.random.random() < 0.03:
                self.failures[name] = {"stats": Failure("no reply within 1 s", self.now)}
            else:
                self.failures.pop(name, None)
                self.records[name] = self.answer(index, name)
                self.told[name] = WorkerAnswer.of(self.records[name])
        self.asked[0] += 4
        self.asked[1] += 4 * self.random.uniform(0.02, 1.2)
        for name in QUEUES:
            step = (
                self.random.randint(200, 800) if self.in_burst else -self.random.randint(100, 600)
            )
            self.lengths[name] = max(0, self.lengths[name] + step + self.random.randint(-60, 60))
            self.longest[name] = max(self.longest[name], self.lengths[name])
            oldest_s = self.lengths[name] / 10 + self.random.uniform(0, 60)
            self.trends.note(name, self.lengths[name], Oldest(oldest_s), 12)
        self.usual.types = tuple(self.type_facts(kind) for kind in TYPES)

    def answer(self, index: int, name: str) -> dict[str, Any]:
        first = self.pids[index] * 10 + self.done[name] // 200  # children live for 200 tasks
        pool = {"processes": [first + slot for slot in range(SLOTS)], "max-concurrency": SLOTS}
        memory = 90_000 + self.random.randint(0, 20_000)
        return {
            "timestamp": self.now,
            "stats": {"pool": pool, "total": {"t": self.done[name]}, "rusage": {"maxrss": memory}},
            "active_queues": [{"name": queue} for queue in QUEUES],
            "registered": sorted([*TYPES, *(["shop.new"] if name in self.deployed else [])]),
            "conf": {"worker_max_tasks_per_child": 50, "task_time_limit": 3600},
        }

    def type_facts(self, kind: str) -> TypeFacts:
        """Ten minutes as noisy as chance makes them, against a day."""
        median_s, failing = TYPES[kind]
        ended = self.random.randint(100, 900)
        failed = sum(self.random.random() < failing for _ in range(ended))
        retried = self.random.randint(0, ended // 10)
        recent = Counts(600, ended, ended - failed, failed, retried, sent=ended)
        usual = Counts(86_400, 90_000, int(90_000 * (1 - failing)), int(90_000 * failing), 5000)
        return TypeFacts(kind, recent, usual, median_s * 6.5, 90_000)

    def tell(self, type: str, hostname: str, **fields: Any) -> None:  # noqa: A002 - the event's
        """Send an event, late and by a clock that is a little off."""
        sent_at = self.now + self.skews[hostname] - self.random.uniform(0, 0.3)
        event = {"type": type, "hostname": hostname, "timestamp": sent_at, "clock": 1, **fields}
        self.state.event(event)
