"""The metric flower_ng_problem: one series for each open problem. Read on the loop at a scrape."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from prometheus_client.core import GaugeMetricFamily, Metric

NAME = "flower_ng_problem"
HELP = "1 for each problem that there is, 0 while it is muted; gone when it is cleared."
#: Series at most.
MOST = 1000


class ProblemMetric:
    """The collector; `problems` gives the rule, the subject, and whether it is to be told."""

    def __init__(self, problems: Callable[[], Iterable[tuple[str, str, bool]]]) -> None:
        self._problems = problems

    def describe(self) -> Iterator[Metric]:
        """Yield the metric without values, for a registry."""
        yield self._empty()

    def collect(self) -> Iterator[Metric]:
        """Yield the metric as it stands, for a registry."""
        metric = self._empty()
        for rule, subject, is_told in islice(self._problems(), MOST):
            metric.add_metric([rule, subject], float(is_told))
        yield metric

    def _empty(self) -> GaugeMetricFamily:
        return GaugeMetricFamily(NAME, HELP, labels=["rule", "subject"])
