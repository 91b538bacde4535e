"""The metrics flower_ng_queue_*: one series for each queue. Read on the loop at a scrape.

They show the newest look at the broker and never ask it. What is not known has no series.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric

from flower_ng.brokers.base import QueueNumbers
from flower_ng.monitor.remote.capacity import Capacity

#: Queues that are shown.
MOST: Final = 1000
NONE: Final = Capacity()


class QueueSources:
    """Where the numbers come from; all three are asked at a scrape and answer from memory.

    `serving` gives None where no worker told of its queues.
    """

    def __init__(
        self,
        numbers: Callable[[], Mapping[str, QueueNumbers]],
        serving: Callable[[], Mapping[str, Capacity] | None],
        oldest_s: Callable[[QueueNumbers], float | None],
    ) -> None:
        self.numbers, self.serving, self.oldest_s = numbers, serving, oldest_s


Read = Callable[[QueueSources, QueueNumbers, Capacity | None], float | None]

FAMILIES: Final[tuple[tuple[str, str, Read], ...]] = (
    (
        "flower_ng_queue_length",
        "Messages that wait in a queue, as its broker counts; without those that workers hold.",
        lambda _, queue, __: queue.length,
    ),
    (
        "flower_ng_queue_oldest_age_seconds",
        "For how long the oldest message of a queue has waited, at least, where a send was seen.",
        lambda sources, queue, _: sources.oldest_s(queue),
    ),
    (
        "flower_ng_queue_consumers",
        "Consumers of a queue, as its broker counts them.",
        lambda _, queue, __: queue.consumers,
    ),
    (
        "flower_ng_queue_workers",
        "Online workers that consume from a queue, by their own answers.",
        lambda _, __, crew: None if crew is None else crew.workers,
    ),
    (
        "flower_ng_queue_slots",
        "Tasks that the online workers of a queue run at once.",
        lambda _, __, crew: None if crew is None else crew.slots,
    ),
    (
        "flower_ng_queue_unacked",
        "Messages of a queue that workers hold and have not acknowledged, as its broker counts.",
        lambda _, queue, __: queue.unacked,
    ),
)


class QueueMetrics:
    """The collector of FAMILIES."""

    def __init__(self, sources: QueueSources) -> None:
        self._sources = sources

    def describe(self) -> Iterator[Metric]:
        """Yield the metrics without values, for a registry."""
        for name, text, _ in FAMILIES:
            yield GaugeMetricFamily(name, text, labels=["queue"])

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they stand, for a registry."""
        queues = tuple(self._queues())
        for name, text, read in FAMILIES:
            metric = GaugeMetricFamily(name, text, labels=["queue"])
            for queue, crew in queues:
                value = read(self._sources, queue, crew)
                if value is not None:
                    metric.add_metric([queue.name], value)
            yield metric

    def _queues(self) -> Iterator[tuple[QueueNumbers, Capacity | None]]:
        numbers, crews = self._sources.numbers(), self._sources.serving()
        for name in sorted({*numbers, *(crews or {})})[:MOST]:
            queue = numbers.get(name) or QueueNumbers(name)
            yield queue, None if crews is None else crews.get(name, NONE)
