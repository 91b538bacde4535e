"""Durations and failures of inspect commands, by method. On the loop."""

import time
from collections.abc import Callable

from flower_ng.metrics.family import Histogram, upper_bounds

#: Seconds; an inspection of all workers lasts as long as the inspect timeout.
BUCKETS = upper_bounds((0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0))


class Inspections:
    """The inspector tells each finished broadcast here; methods are Celery's (`stats`, …).

    `answered` of them brought an answer, the last of each after `answered_s` seconds, summed up.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.durations: dict[str, Histogram] = {}
        self.failures: dict[str, int] = {}
        self.answered, self.answered_s = 0, 0.0
        self._clock = clock

    def done(
        self,
        method: str,
        duration_s: float,
        *,
        failed: bool = False,
        answered_s: float | None = None,
    ) -> None:
        """Note one broadcast; it failed when no worker answered it, or the broker did not."""
        if method not in self.durations:
            self.durations[method] = Histogram(self._clock(), BUCKETS, [0] * len(BUCKETS))
        self.durations[method].observe(duration_s)
        self.failures[method] = self.failures.get(method, 0) + failed
        if answered_s is not None:
            self.answered += 1
            self.answered_s += answered_s
