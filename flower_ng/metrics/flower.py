"""The six metric families of Flower, updated by each applied event. On the loop.

Names, labels and types are Flower 2.2.0's, and so are the rules of `observe`; where a rule would
leave a gauge negative or stuck, ours says what is true instead.
"""

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import Metric

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.metrics.family import (
    DEFAULT_BUCKETS,
    LABEL_MAX,
    Counter,
    CounterFamily,
    Family,
    GaugeFamily,
    Histogram,
    HistogramFamily,
    Rest,
    cut,
    shows_created,
    upper_bounds,
)
from flower_ng.metrics.pairs import EVENT_LINES, TASK_TYPES, Pairs
from flower_ng.metrics.waiting import PrefetchedTasks
from flower_ng.records import Task, Worker

PAIR = ("worker", "task")
#: Event types that end a task's run, or its wait for one.
ENDS = frozenset({"task-succeeded", "task-failed", "task-retried", "task-revoked", "task-rejected"})
#: Event types that the prefetch time follows.
_TIMED = ENDS | {"task-started"}
#: A worker that missed so many of its heartbeats is lost (`celery.events.state`: twice `freq`).
BEATS_UNTIL_LOST = 2.0
#: Seconds between an event's timestamp and its application.
LAG_BUCKETS = upper_bounds((0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300))
#: A pair's lines beside its buckets: count, sum, beginning of its run times; two gauges; events.
PAIR_LINES = 5 + EVENT_LINES * len(TASK_TYPES)
#: Workers that are settled in one step: half a millisecond.
SLICE = 250


class PrometheusMetrics:
    """Flower's metrics: an Observer of the state, and a collector for prometheus_client.

    Every family offers `.labels(…)` with `inc`, `dec`, `set` or `observe`. `is_alive` tells the
    liveness that the pages show too; it may be set after construction. At most `max_pairs`
    (worker, task) pairs get series of their own, and no more when these take `max_bytes` of an
    answer; past that a task counts as `__other__`.
    `ingest_lag` (seconds), `tasks_evicted` and `hosts_forgotten` are tallies of our own.
    ValueError when `buckets` (seconds) do not ascend.
    """

    def __init__(
        self,
        buckets: Iterable[float] | None = None,
        max_pairs: int = 20_000,
        max_bytes: float = 100 * 2**20,
        *,
        is_alive: Callable[[Worker], bool] | None = None,
        with_created: bool | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.is_alive = is_alive
        created = shows_created() if with_created is None else with_created
        bounds = upper_bounds(DEFAULT_BUCKETS if buckets is None else buckets)
        lines = len(bounds) + PAIR_LINES
        self.pairs = Pairs(max_pairs, max_bytes, lines, self.remove_worker_metrics)
        growing: dict[str, Any] = {"with_created": created, "clock": clock}
        self.events = CounterFamily(
            "flower_events",
            "number of events",
            ("worker", "type", "task"),
            admit=self.pairs.admit_typed,
            **growing,
        )
        self.runtime = HistogramFamily(
            "flower_task_runtime_seconds",
            "task run time",
            PAIR,
            buckets=bounds,
            admit=self.pairs.admit,
            **growing,
        )
        self.prefetch_time = GaugeFamily(
            "flower_task_prefetch_time_seconds",
            "time waiting at the worker before execution",
            PAIR,
            admit=self.pairs.admit,
        )
        self.number_of_prefetched_tasks = GaugeFamily(
            "flower_worker_prefetched_tasks",
            "tasks of that type prefetched at the worker",
            PAIR,
            admit=self.pairs.admit,
        )
        self.worker_online = GaugeFamily(
            "flower_worker_online", "1 while the worker is online, else 0", ("worker",)
        )
        self.worker_number_of_currently_executing_tasks = GaugeFamily(
            "flower_worker_number_of_currently_executing_tasks",
            "active count from the heartbeat",
            ("worker",),
        )
        self.ingest_lag = Histogram(clock(), LAG_BUCKETS, [0] * len(LAG_BUCKETS))
        self.tasks_evicted = 0
        self.hosts_forgotten = 0
        self._clock = clock
        self._workers: dict[str, Worker] = {}
        self._waiting = PrefetchedTasks(self.number_of_prefetched_tasks)

    @property
    def families(self) -> tuple[Family[Any], ...]:
        """The six families, in the order of the exposition."""
        return (
            self.events,
            self.runtime,
            self.prefetch_time,
            self.number_of_prefetched_tasks,
            self.worker_online,
            self.worker_number_of_currently_executing_tasks,
        )

    def register(self, registry: CollectorRegistry = REGISTRY) -> "PrometheusMetrics":
        """Be collected by a registry too, prometheus_client's own by default; return this."""
        registry.register(self)
        return self

    def observe(self, change: Change) -> None:
        """Count one applied event."""
        self.observe_all((change,))

    def observe_all(self, changes: Sequence[Change]) -> None:
        """Count applied events."""
        self._note_lag(changes)
        hostname, heard = "", None
        series: Mapping[Rest, Counter] = {}
        for change in changes:
            event, worker, task = change.event, change.worker, change.task
            if worker is not heard or event.hostname != hostname:
                hostname, heard = event.hostname, worker
                if worker is not None:
                    self._hear(hostname, worker)
                series = self.events.of_worker(hostname)
            if task is None:
                if event.type in WORKER_EVENTS:
                    WORKER_EVENTS[event.type](self, event)
                hostname = ""  # it may have left with this
                continue
            key = event.type, task.name or ""
            counter = series.get(key)
            if counter is None or worker is None:
                counter = self._counter(event, key)
                series = self.events.of_worker(hostname)
            counter.value += 1.0
            if worker is not None:
                self._follow(event, task)

    def _note_lag(self, changes: Sequence[Change]) -> None:
        """Count how late events are applied; those of one moment mostly in one bucket."""
        now, lag = self._clock(), self.ingest_lag
        late_s = [now - change.event.timestamp for change in changes]
        least_s, most_s = min(late_s), max(late_s)
        place = bisect_left(lag.bounds, most_s)
        if place == 0 or least_s > lag.bounds[place - 1]:
            lag.counts[place] += len(late_s)
        else:
            for one_s in late_s:
                lag.counts[bisect_left(lag.bounds, one_s)] += 1
        lag.sum += sum(late_s) if least_s > 0.0 else sum(one_s for one_s in late_s if one_s > 0.0)

    def learned(self, task: Task) -> None:
        """A task has ended, of which no event told: it waits no longer, and counts as no event."""
        self._waiting.drop(task.uuid)

    def evicted(self, task: Task) -> None:
        """A task left memory: it is not followed any more."""
        self.tasks_evicted += 1
        self._waiting.drop(task.uuid)

    def forgotten(self, hostname: str) -> None:
        """A worker left memory: its series leave too."""
        self.hosts_forgotten += 1
        self.remove_worker_metrics(hostname)

    def known_workers(self) -> frozenset[str]:
        """Names that have series; publishers are not workers and age by themselves."""
        names = {name for family in self.families for name in family.table}
        whole = {name[:LABEL_MAX]: name for name in (*self._workers, *self.pairs.publishers)}
        known = (whole.get(name, name) for name in names)
        return frozenset(name for name in known if not self.pairs.is_publisher(name))

    def remove_worker_metrics(self, worker: str) -> None:
        """Remove all series of a worker, or of a publisher."""
        self._waiting.clear(worker)
        self._workers.pop(worker, None)
        self.pairs.leave(worker)
        for family in self.families:
            family.remove_worker(worker)

    def settle(self) -> None:
        """Bring what time alone changes up to date: lost workers, silent publishers."""
        deque(self.settling(), maxlen=0)

    def settling(self) -> Iterator[None]:
        """Do as `settle`, some workers at a step; they may come and go between two."""
        now = self._clock()
        self.pairs.forget_silent(now)
        workers = list(self._workers.items())
        for start in range(0, len(workers), SLICE):
            for hostname, worker in workers[start : start + SLICE]:
                self._settle(hostname, worker, now)
            yield

    def _settle(self, hostname: str, worker: Worker, now: float) -> None:
        if self.is_alive is not None and not self.is_alive(worker):
            silence_s = now - worker.heard_at
            self._lost(hostname, unheard=silence_s > BEATS_UNTIL_LOST * worker.freq)

    def describe(self) -> Iterator[Metric]:
        """Yield the families without samples, for a registry."""
        for family in self.families:
            yield from family.describe()

    def collect(self) -> Iterator[Metric]:
        """Yield the families with their samples, for a registry."""
        self.settle()
        for family in self.families:
            yield from family.collect()

    def _hear(self, hostname: str, worker: Worker) -> None:
        if self._workers.get(hostname) is not worker:
            self._workers[hostname] = worker
            self.pairs.promote(hostname)
        if self._waiting.silent:
            self._waiting.wake(hostname)

    def _counter(self, event: Event, key: Rest) -> Counter:
        """Return the counter of an event, a new one, or one of a publisher's, which age."""
        if event.type == "task-sent" and event.hostname not in self._workers:
            self.pairs.published(event.hostname, self._clock())
        return self.events.cell(event.hostname, key)

    def _follow(self, event: Event, task: Task) -> None:
        """Keep the run time, and the prefetch gauges: a task with an ETA waits for its time."""
        kind, hostname, rest = event.type, event.hostname, (task.name or "",)
        runtime = event.runtime
        if runtime is not None and 0.0 < runtime < inf:
            self.runtime.cell(hostname, rest).observe(runtime)
        if task.state != "RECEIVED":
            self._waiting.drop(task.uuid)
        if kind == "task-received":
            if task.state == "RECEIVED" and task.received is not None and task.eta is None:
                self._waiting.add(task.uuid, hostname, rest)
        elif kind in _TIMED:
            self._time_prefetch(kind, task, hostname, rest)

    def _time_prefetch(self, kind: str, task: Task, hostname: str, rest: Rest) -> None:
        """A retry, which has an ETA, may be received before the end of the run that was timed."""
        gauges, received, started = self.prefetch_time, task.received, task.started
        is_timed = task.eta is None and received is not None and started is not None
        if not is_timed and cut(rest) not in gauges.of_worker(hostname):
            return
        gauge = gauges.cell(hostname, rest)
        if kind == "task-started" and is_timed:
            gauge.value, gauge.owner = max(0.0, (started or 0.0) - (received or 0.0)), task.uuid
        elif kind != "task-started" and gauge.owner in {None, task.uuid}:  # no newer one's
            gauge.value = 0.0

    def _came_online(self, event: Event) -> None:
        self._waiting.clear(event.hostname)
        self.worker_online.cell(event.hostname, ()).value = 1.0

    def _beat(self, event: Event) -> None:
        self.worker_online.cell(event.hostname, ()).value = 1.0
        if event.active is not None:
            executing = self.worker_number_of_currently_executing_tasks
            executing.cell(event.hostname, ()).value = float(event.active)

    def _went_offline(self, event: Event) -> None:
        self.worker_online.cell(event.hostname, ()).value = 0.0
        self._waiting.clear(event.hostname)
        self._lost(event.hostname, unheard=True)

    def _lost(self, hostname: str, *, unheard: bool) -> None:
        """Show nothing of a lost worker as running; nothing as waiting once it is unheard of."""
        gauges = [self.worker_online, self.worker_number_of_currently_executing_tasks]
        if unheard:
            gauges.append(self.prefetch_time)
            self._waiting.silence(hostname)
        for gauge in gauges:
            for cell in gauge.of_worker(hostname).values():
                cell.value = 0.0


WORKER_EVENTS: Mapping[str, Callable[[PrometheusMetrics, Event], None]] = {
    "worker-online": PrometheusMetrics._came_online,  # noqa: SLF001 - its own table
    "worker-heartbeat": PrometheusMetrics._beat,  # noqa: SLF001 - its own table
    "worker-offline": PrometheusMetrics._went_offline,  # noqa: SLF001 - its own table
}
