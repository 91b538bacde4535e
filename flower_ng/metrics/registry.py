"""The registry of all metrics that one /metrics shows. Read on the loop."""

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.registry import Collector


class Registry(CollectorRegistry):
    """A registry of our own with what prometheus_client's default one has, and `collectors`.

    `listed` holds every collector in the order of the exposition.
    """

    def __init__(self, *collectors: Collector) -> None:
        super().__init__()
        self.listed: list[Collector] = []
        GCCollector(registry=self)
        PlatformCollector(registry=self)
        ProcessCollector(registry=self)
        for collector in collectors:
            self.register(collector)

    def register(self, collector: Collector) -> None:
        """Add a collector; prometheus_client's DuplicateTimeseries when a name is taken."""
        super().register(collector)
        self.listed.append(collector)

    def unregister(self, collector: Collector) -> None:
        """Take a collector out."""
        super().unregister(collector)
        self.listed.remove(collector)
