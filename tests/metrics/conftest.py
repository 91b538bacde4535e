"""A cluster's events for the metrics, with a clock that stands still until told."""

from typing import Any

import pytest
from tornado.ioloop import IOLoop

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.metrics import Inspections, LoopLag, MetricSources, OwnMetrics, PrometheusMetrics
from flower_ng.records import Task, Worker
from flower_ng.store import StoreStatus

START = 1_700_000_000.0
STATES = {"succeeded": "SUCCESS", "failed": "FAILURE", "retried": "RETRY"}
TIMES = {"sent", "received", "started", *STATES, "revoked", "rejected"}

STORE = StoreStatus(
    kind="file",
    path="/history.sqlite3",
    tasks=31,
    bytes=8192,
    oldest=1.0,
    newest=2.0,
    waiting=5,
    lag_s=0.75,
    failing="disk full",
    failures=6,
    lost=7,
    deleted={"max_age": 8, "forgotten": 0},
    max_tasks=100,
    max_age_s=None,
    max_failure_age_s=None,
    max_bytes=None,
)


class Feed:
    """Tells `metrics` what a cluster sends, as EventsState would; `now` is the clock."""

    def __init__(self, **options: Any) -> None:
        self.now = START
        self.tasks: dict[str, Task] = {}
        self.workers: dict[str, Worker] = {}
        self.dead: set[str] = set()
        self.metrics = PrometheusMetrics(
            clock=lambda: self.now,
            is_alive=lambda worker: worker.hostname not in self.dead,
            **options,
        )

    def worker(self, kind: str, name: str = "w1@box", **fields: Any) -> None:
        event = Event(f"worker-{kind}", name, self.now, **fields)
        self.metrics.observe(Change(event, worker=self.heard(name)))

    def task(self, kind: str, uuid: str = "u1", worker: str = "w1@box", **fields: Any) -> None:
        event = Event(f"task-{kind}", worker, self.now, uuid=uuid, **fields)
        record = self.tasks.setdefault(uuid, Task(uuid))
        record.state = record.state if kind == "sent" else STATES.get(kind, kind.upper())
        record.name = event.name or record.name
        record.eta = event.eta or record.eta
        if kind in TIMES:
            setattr(record, kind, self.now)
        sender = None if kind == "sent" else self.heard(worker)
        self.metrics.observe(Change(event, task=record, worker=sender))

    def run(self, uuid: str = "u1", worker: str = "w1@box", name: str = "shop.pay") -> None:
        """A task is received, starts 2 s later, and succeeds."""
        self.task("received", uuid, worker, name=name)
        self.now += 2.0
        self.task("started", uuid, worker)
        self.task("succeeded", uuid, worker, runtime=0.3)

    def heard(self, name: str) -> Worker:
        worker = self.workers.setdefault(name, Worker(name, freq=2.0))
        worker.heard_at = self.now
        return worker

    def value(self, sample: str, **labels: str) -> float | None:
        """The value that a scrape shows now; None when there is no such series."""
        for family in self.metrics.collect():
            for found in family.samples:
                if found.name == sample and found.labels == labels:
                    return float(found.value)
        return None


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def make_feed() -> type[Feed]:
    return Feed


@pytest.fixture
async def own(feed: Feed) -> OwnMetrics:
    """Our own metrics over fixed numbers."""
    inspections = Inspections()
    inspections.done("stats", 0.3)
    inspections.done("stats", 1.1, failed=True)
    return OwnMetrics(
        MetricSources(
            version="1.2.3",
            received=lambda: 7,
            dropped=lambda: {"task-sent": 3},
            malformed=lambda: {"no uuid": 2},
            inbox_messages=lambda: 4,
            inbox_bytes=lambda: 4096,
            connected=lambda: True,
            tasks=lambda: 11,
            workers=lambda: 2,
            flower=feed.metrics,
            loop_lag=LoopLag(IOLoop.current()),
            inspections=inspections,
            store=lambda: STORE,
        )
    )
