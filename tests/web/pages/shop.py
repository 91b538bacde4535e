"""A cluster whose state and store are real, while its workers and its broker answer as told.

They are stand-ins so that every answer, and every lack of one, can be had at will.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, tzinfo
from types import SimpleNamespace
from typing import Any

from celery import Celery

from flower_ng.batches import Batches
from flower_ng.brokers import (
    Look,
    QueueGlimpse,
    QueueIds,
    QueueNumbers,
    QueuePlace,
    WaitingMessage,
    is_system_queue,
)
from flower_ng.brokers.base import numbers
from flower_ng.brokers.poll import Poll
from flower_ng.health.facts.beat_schedule import BeatSchedule
from flower_ng.health.facts.task_observer import TaskObserver
from flower_ng.hook import Hook
from flower_ng.monitor.remote.answers import METHODS, Failure
from flower_ng.monitor.remote.lineage import Kin, ToldKin
from flower_ng.monitor.remote.worker_answer import WorkerAnswer
from flower_ng.monitor.state.presence import Presence
from flower_ng.monitor.state.sent_tasks import Oldest, Sent
from flower_ng.monitor.state.state import ClusterState
from flower_ng.monitor.state.worker_starts import Start, Starts
from flower_ng.schedule.timetable import Timetable
from flower_ng.store import SeenStart, Store
from tests.health.making import Switch, watch
from tests.web.site import FakeCluster

NOW = 1000.0
#: Where schedules are reckoned.
POOL = ThreadPoolExecutor(2)
W1 = "w1@box"
ALL_METHODS = tuple(METHODS)


class FakeInspector:
    """Keeps what was asked; `workers` is what it knows, `coming` is answered when somebody asks."""

    methods = ALL_METHODS

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.workers: dict[str, dict[str, Any]] = {}
        self.coming: dict[str, dict[str, Any]] = {}
        self.aged_s: dict[str, float] = {}
        self.failed: dict[str, Failure] = {}
        self.is_silent = False

    def inspect(self, workername: str | None = None, methods: Any = ()) -> "asyncio.Future[Any]":
        del methods
        self.asked.append(workername)
        self.workers |= self.coming
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not self.is_silent:
            future.set_result(self.workers)
        return future

    @property
    def told(self) -> dict[str, WorkerAnswer]:
        return {name: WorkerAnswer.of(record) for name, record in self.workers.items()}

    def ages(self, workername: str) -> dict[str, float]:
        return self.aged_s if workername in self.workers else {}

    def failures(self, workername: str) -> dict[str, Failure]:
        return self.failed if workername else {}


class FakeControl:
    """Does nothing, and says what it was told to do."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> str:
            self.calls.append((name, *args))
            return f"{name} done"

        return call


class FakeBroker:
    """Knows these queues, or raises."""

    trouble: str | None = None

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] | Exception = []
        self.facts: Any = None
        #: What it lists by itself, unasked.
        self.listed: list[dict[str, Any]] = []
        #: The first messages of each queue.
        self.waiting: tuple[WaitingMessage, ...] = ()

    async def queues(self, names: Sequence[str]) -> list[dict[str, Any]]:
        if isinstance(self.told, Exception):
            raise self.told
        return [queue for queue in self.told if queue["name"] in names]

    async def look(self, names: Sequence[str]) -> Look:
        rows = [*await self.queues(names), *self.listed]
        return Look(tuple(map(numbers, rows)), self.facts)

    async def peek(self, _name: str, most: int) -> QueueGlimpse:
        return QueueGlimpse(self.waiting[:most])

    async def place(self, _name: str, task_id: str) -> QueuePlace:
        ids = [one.id for one in self.waiting]
        return QueuePlace(ids.index(task_id) if task_id in ids else None)

    async def ids(self, _name: str) -> QueueIds:
        return QueueIds(frozenset(one.id for one in self.waiting), is_whole=True)

    async def clean(self, spared: Sequence[str]) -> list[str]:
        return [one.name for one in self.facts.stale if one.owner not in spared]


class FakeLineage:
    """What stored results say of tasks, by id, and of saved groups; `refusal` is why they can't."""

    def __init__(self) -> None:
        self.kin: dict[str, Kin] = {}
        self.saved: dict[str, tuple[str, ...]] = {}
        self.refusal = ""

    async def of(self, uuids: Sequence[str]) -> ToldKin:
        return ToldKin({one: self.kin[one] for one in uuids if one in self.kin}, 0, self.refusal)

    async def members(self, group: str) -> tuple[str, ...]:
        return self.saved.get(group, ())


class Shop(FakeCluster):
    """The cluster of the pages' tests."""

    broker_url = "redis://:**@localhost:6379/0"
    transport = "redis"
    timezone: tzinfo = UTC

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.store = Store(None, max_tasks=10_000, clock=lambda: NOW)
        self.starts = Starts(self.started, lambda: self.now)
        self.sent = Sent()
        self.task_observer = TaskObserver(lambda *_: None, lambda: self.now)
        minutes = self.store.rollups.minutes
        observers = (self.store, minutes, self.starts, self.sent, self.task_observer)
        self.state = ClusterState(observers=observers, clock=lambda: self.now)
        self.reach: Any = None  # a Reach, of tests that need one
        self.presence = Presence(
            self.state,
            lambda: self.events.connection,
            None,
            lambda: self.now,
            lambda: self.reach,
        )
        self.store.memory_is(self.state.forget_tasks)
        self.batches = Batches(self.store, self.state.tasks, lambda _: None, lambda: self.now)
        self.inspector = FakeInspector()
        self.celery = Celery("shop", broker="memory://", set_as_current=False)
        self.timetable = Timetable(self.celery, POOL, self.redactor, lambda: self.now)
        self.health.schedule = BeatSchedule(
            self.timetable,
            self.task_observer,
            lambda: self.events.connection.since,
            30.0,
            lambda: self.now,
        )
        self.control = FakeControl()
        self.lineage = FakeLineage()
        self.broker = FakeBroker()
        self.poll = Poll(
            self.broker,
            "redis",
            lambda: self.queues,
            lambda _: None,
            fresh_s=0.0,
            clock=lambda: self.now,
        )
        self.publisher = SimpleNamespace(
            backend_refusal=self.backend_refusal,
            signature=lambda _name: "(x, y)",
            misfit=lambda *_: "",
            registered=lambda _name: True,
            apply_async=self.publish,
        )
        self.published: list[tuple[Any, ...]] = []
        self.no_backend = "No result backend is configured"
        self.format_task: Any = Hook(None)
        self.queues: list[str] = []
        self.told: list[str] = []

    async def publish(self, *task: Any) -> dict[str, Any]:
        self.published.append(task)
        return {}

    def delayed(self) -> int | None:
        return None

    async def backend_refusal(self) -> str:
        return self.no_backend

    def is_system_queue(self, name: str) -> bool:
        return is_system_queue(name)

    def queue_names(self) -> Sequence[str]:
        return self.queues

    def oldest(self, queue: QueueNumbers) -> Oldest | None:
        return self.sent.oldest(queue.name, queue.length, self.now)

    def known_queue_names(self) -> Sequence[str]:
        return self.queues

    def warnings(self) -> Sequence[str]:
        return self.told

    async def judge(
        self, *subjects: str, rule: str = "switched", title: str = "Off", hold_s: float = 60.0
    ) -> None:
        """Let a rule about queues find these; without any it finds nothing."""
        switch = Switch(rule, about="queue", title=title)
        switch.subjects = subjects
        self.problems = watch(switch, hold_s=hold_s, clock=lambda: self.now)
        await self.problems.look()

    def plan(self, **entries: Mapping[str, Any]) -> None:
        """Let beat have this schedule."""
        self.celery.conf.beat_schedule = {
            name.replace("_", " "): dict(entry) for name, entry in entries.items()
        }
        self.timetable.looked_at = None

    def happen(self, kind: str, hostname: str = W1, **fields: Any) -> None:
        """Let an event happen now."""
        event = {"type": kind, "hostname": hostname, "timestamp": self.now, "clock": 1}
        self.state.event({**event, **fields})

    def started(self, start: Start) -> None:
        """Keep that a worker started."""
        self.store.seen_starts.put(SeenStart(start.hostname, start.at, start.version))

    def beat(self, hostname: str = W1, **fields: Any) -> None:
        """Let a worker be online."""
        usual = {"freq": 2, "active": 1, "processed": 5, "loadavg": [0.5, 0.25, 0.125]}
        self.happen("worker-heartbeat", hostname, **{**usual, **fields})

    def chord(self, root: str = "order", members: int = 3) -> None:
        """Let a task send a group whose first task fails with one, and a body that waits for it."""
        self.task(root, "shop.order", root_id=root)
        for number in range(members):
            ends = "task-failed" if number == 1 else "task-succeeded"
            self.task(f"{root}-{number}", ends=ends, root_id=root, parent_id=root)
            self.lineage.kin[f"{root}-{number}"] = Kin(group=f"{root}-group")
        last = f"{root}-{members - 1}"
        self.task(f"{root}-body", "shop.total", root_id=root, parent_id=last)
        self.lineage.kin[f"{root}-body"] = Kin(group=f"{root}-group")

    def task(
        self,
        uuid: str,
        name: str = "shop.pay",
        ends: str = "task-succeeded",
        hostname: str = W1,
        **fields: Any,
    ) -> None:
        """Let a task be received and started, and end so."""
        steps: Mapping[str, Iterable[str]] = {
            "task-received": ("task-received",),
            "task-started": ("task-received", "task-started"),
        }
        given = {"name": name, "args": "(1,)", "kwargs": "{}"} | fields
        for kind in steps.get(ends, ("task-received", "task-started", ends)):
            self.happen(kind, hostname, uuid=uuid, **(given if kind == "task-received" else fields))
