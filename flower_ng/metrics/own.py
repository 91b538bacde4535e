"""flower_ng's own metrics (flower_ng_…), declared in METRICS; read on the loop at each scrape."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, islice

from prometheus_client.core import Metric

from flower_ng.metrics.family import LABEL_MAX, Histogram, as_go
from flower_ng.metrics.flower import PrometheusMetrics
from flower_ng.metrics.inspections import Inspections
from flower_ng.metrics.lag import LoopLag
from flower_ng.metrics.pairs import OTHER
from flower_ng.store import StoreStatus

#: Senders choose these label values: further ones are summed up, so that the series stay bounded.
VALUES_MAX = 100
#: Celery's own event types: they start at 0, so that `increase()` sees the first loss.
TYPES = (
    *("task-sent", "task-received", "task-started", "task-succeeded", "task-failed"),
    *("task-retried", "task-revoked", "task-rejected"),
    *("worker-online", "worker-heartbeat", "worker-offline"),
)


@dataclass(frozen=True, slots=True)
class MetricSources:
    """Where the numbers come from; the callables are called at each scrape, on the loop.

    `received`, `dropped` (by event type) and `malformed` (by reason) count events.
    """

    version: str
    received: Callable[[], int]
    dropped: Callable[[], Mapping[str, int]]
    malformed: Callable[[], Mapping[str, int]]
    inbox_messages: Callable[[], int]
    inbox_bytes: Callable[[], int]
    connected: Callable[[], bool]
    tasks: Callable[[], int]
    workers: Callable[[], int]
    flower: PrometheusMetrics
    loop_lag: LoopLag
    inspections: Inspections
    store: Callable[[], StoreStatus]
    delayed: Callable[[], int | None] = lambda: None
    learned: Callable[[], Mapping[str, int]] = dict
    cuts: Callable[[], int] = lambda: 0
    missing: Callable[[], Mapping[str, int]] = dict


#: One value, or one for each value of the metric's label; None if unknown.
Value = float | Histogram
Reading = Value | Mapping[str, Value] | None


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """One metric: `name` without the suffix `_total`, and how it is read."""

    name: str
    kind: str
    help: str
    read: Callable[[MetricSources], Reading]
    label: str = ""

    def collect(self, sources: MetricSources) -> Metric:
        """Read the metric."""
        metric = self.empty()
        reading = self.read(sources)
        values = bounded(reading) if isinstance(reading, Mapping) else {"": reading}
        for label, value in values.items():
            if value is not None:
                add(metric, {self.label: label} if self.label else {}, value)
        return metric

    def empty(self) -> Metric:
        """Return the metric without values."""
        return Metric(self.name, self.help, self.kind)


METRICS: tuple[OwnMetric, ...] = (
    OwnMetric(
        "flower_ng_build_info",
        "gauge",
        "Always 1; the version that runs.",
        lambda s: {s.version: 1},
        "version",
    ),
    OwnMetric(
        "flower_ng_connected",
        "gauge",
        "1 while events can arrive from the broker, else 0.",
        lambda s: s.connected(),
    ),
    OwnMetric(
        "flower_ng_events_received",
        "counter",
        "Events received and applied.",
        lambda s: s.received(),
    ),
    OwnMetric(
        "flower_ng_events_dropped",
        "counter",
        "Events lost because the inbox was full, by event type.",
        lambda s: {**dict.fromkeys(TYPES, 0), **s.dropped()},
        "type",
    ),
    OwnMetric(
        "flower_ng_events_malformed",
        "counter",
        "Events ignored because they could not be read, by reason.",
        lambda s: s.malformed(),
        "reason",
    ),
    OwnMetric(
        "flower_ng_events_missing",
        "counter",
        "Tasks that a worker's heartbeats count and of which no task-started event came.",
        lambda s: s.missing(),
        "worker",
    ),
    OwnMetric(
        "flower_ng_event_connection_cuts",
        "counter",
        "Times that Redis closed the event connection though it runs: events are missing.",
        lambda s: s.cuts(),
    ),
    OwnMetric(
        "flower_ng_ends_from_backend",
        "counter",
        "Tasks whose end came from the result backend, not from an event, by state.",
        lambda s: {**dict.fromkeys(("SUCCESS", "FAILURE", "REVOKED"), 0), **s.learned()},
        "state",
    ),
    OwnMetric(
        "flower_ng_delayed_tasks",
        "gauge",
        "Tasks that RabbitMQ holds until their ETA (native delayed delivery, with quorum queues).",
        lambda s: s.delayed(),
    ),
    OwnMetric(
        "flower_ng_inbox_messages",
        "gauge",
        "Messages received that wait to be applied.",
        lambda s: s.inbox_messages(),
    ),
    OwnMetric(
        "flower_ng_inbox_bytes",
        "gauge",
        "Size of the messages that wait to be applied.",
        lambda s: s.inbox_bytes(),
    ),
    OwnMetric(
        "flower_ng_ingest_lag_seconds",
        "histogram",
        "Time from an event's timestamp to its application; a sender's clock ahead counts as 0.",
        lambda s: s.flower.ingest_lag,
    ),
    OwnMetric(
        "flower_ng_loop_lag_seconds",
        "gauge",
        "How late the HTTP loop ran its newest due call.",
        lambda s: s.loop_lag.newest_s,
    ),
    OwnMetric(
        "flower_ng_loop_lag_max_seconds",
        "gauge",
        "The worst loop lag of the last one to two minutes.",
        lambda s: s.loop_lag.max_s,
    ),
    OwnMetric(
        "flower_ng_loop_stalls",
        "counter",
        "Times that the HTTP loop ran a due call more than 50 ms late.",
        lambda s: s.loop_lag.stalls,
    ),
    OwnMetric("flower_ng_tasks_in_memory", "gauge", "Tasks in memory.", lambda s: s.tasks()),
    OwnMetric("flower_ng_workers_in_memory", "gauge", "Workers in memory.", lambda s: s.workers()),
    OwnMetric(
        "flower_ng_tasks_evicted",
        "counter",
        "Tasks that left memory because of max_tasks.",
        lambda s: s.flower.tasks_evicted,
    ),
    OwnMetric(
        "flower_ng_hosts_forgotten",
        "counter",
        "Workers and publishers purged, aged out, or evicted at a bound.",
        lambda s: s.flower.hosts_forgotten,
    ),
    OwnMetric(
        "flower_ng_inspect_duration_seconds",
        "histogram",
        "Time that inspect broadcasts took, by method.",
        lambda s: s.inspections.durations,
        "method",
    ),
    OwnMetric(
        "flower_ng_inspect_failures",
        "counter",
        "Inspect broadcasts that brought no answer, by method.",
        lambda s: s.inspections.failures,
        "method",
    ),
    OwnMetric(
        "flower_ng_label_pairs",
        "gauge",
        "Pairs of worker and task that have series of their own.",
        lambda s: s.flower.pairs.count,
    ),
    OwnMetric(
        "flower_ng_label_pairs_max",
        "gauge",
        "Bound of the pairs; past it tasks count as __other__.",
        lambda s: s.flower.pairs.bound,
    ),
    OwnMetric(
        "flower_ng_label_bytes",
        "gauge",
        "Size that the series of these pairs may have in an answer.",
        lambda s: s.flower.pairs.bytes,
    ),
    OwnMetric(
        "flower_ng_label_bytes_max",
        "gauge",
        "Bound of that size; past it tasks count as __other__.",
        lambda s: s.flower.pairs.bytes_max,
    ),
    OwnMetric("flower_ng_store_tasks", "gauge", "Tasks in the store.", lambda s: s.store().tasks),
    OwnMetric(
        "flower_ng_store_bytes",
        "gauge",
        "Size of what the store and its index hold.",
        lambda s: s.store().bytes,
    ),
    OwnMetric(
        "flower_ng_store_queue",
        "gauge",
        "Changed tasks that wait to be written to the store.",
        lambda s: s.store().waiting,
    ),
    OwnMetric(
        "flower_ng_store_lag_seconds",
        "gauge",
        "How long the oldest change that is not written has waited, at most.",
        lambda s: s.store().lag_s,
    ),
    OwnMetric(
        "flower_ng_store_unindexed",
        "gauge",
        "Tasks that are not in the search index yet; filters and searches read each of them.",
        lambda s: s.store().unindexed,
    ),
    OwnMetric(
        "flower_ng_store_failing",
        "gauge",
        "1 while the store cannot be written, else 0.",
        lambda s: s.store().failing is not None,
    ),
    OwnMetric(
        "flower_ng_store_failures",
        "counter",
        "Writes to the store that failed; they are tried again.",
        lambda s: s.store().failures,
    ),
    OwnMetric(
        "flower_ng_store_lost",
        "counter",
        "Changes of tasks that could not be kept.",
        lambda s: s.store().lost,
    ),
    OwnMetric(
        "flower_ng_store_deleted",
        "counter",
        "Tasks deleted from the store, by reason.",
        lambda s: s.store().deleted,
        "reason",
    ),
)


class OwnMetrics:
    """The collector of METRICS."""

    def __init__(self, sources: MetricSources, metrics: tuple[OwnMetric, ...] = METRICS) -> None:
        self._sources = sources
        self._metrics = metrics

    def describe(self) -> Iterator[Metric]:
        """Yield the metrics without values, for a registry."""
        for declared in self._metrics:
            yield declared.empty()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they stand, for a registry."""
        for declared in self._metrics:
            yield declared.collect(self._sources)


def bounded(values: Mapping[str, Value]) -> dict[str, Value]:
    """Keep the first hundred label values, long ones cut; sum the rest up under `__other__`."""
    kept = {name[:LABEL_MAX]: value for name, value in islice(values.items(), VALUES_MAX)}
    rest = islice(values.values(), VALUES_MAX, None)
    others = sum(value for value in rest if not isinstance(value, Histogram))
    return {**kept, OTHER: others} if others else kept


def add(metric: Metric, labels: dict[str, str], value: Value) -> None:
    """Add the samples of one value to a metric."""
    if not isinstance(value, Histogram):
        suffix = "_total" if metric.type == "counter" else ""
        metric.add_sample(metric.name + suffix, labels, float(value))
        return
    counts = list(accumulate(value.counts))
    for bound, count in zip(value.bounds, counts, strict=True):
        metric.add_sample(f"{metric.name}_bucket", {**labels, "le": as_go(bound)}, count)
    metric.add_sample(f"{metric.name}_count", labels, counts[-1])
    metric.add_sample(f"{metric.name}_sum", labels, value.sum)
