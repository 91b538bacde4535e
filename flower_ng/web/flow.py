"""Flow is how fast a queue fills and empties, from what was sampled and counted of it; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.store import SeriesPage
from flower_ng.store.rollups.points import QueuePoint

#: Rates are of so long a time, up to now.
WINDOW_S: Final = 600
STEP_S: Final = 60
#: Of less time no rate is told: it would be chance.
LEAST_S: Final = 30.0
#: A queue grows that becomes longer by so many messages in that time.
GROWTH: Final = 10

Points = Sequence[QueuePoint | None]


@dataclass(frozen=True, slots=True)
class Flow:
    """What comes into a queue and leaves it in a second; None where it is not known.

    `net_per_s` is by how much it grows, negative where it shrinks; `oldest_s` is the age of the
    oldest message.
    """

    arrivals_per_s: float | None = None
    departures_per_s: float | None = None
    net_per_s: float | None = None
    oldest_s: float | None = None

    def empty_s(self, length: int | None) -> float | None:
        """Return in how many seconds so many are gone at this pace; None for never, or unknown.

        Of a queue that keeps its length, those that wait now are gone when so many have left.
        """
        if not length or self.grows or self.net_per_s is None:
            return None
        pace = -self.net_per_s if self.net_per_s < 0 else self.departures_per_s or 0.0
        return length / pace if pace else None

    @property
    def grows(self) -> bool:
        """Whether it becomes longer by more than chance."""
        return (self.net_per_s or 0.0) * WINDOW_S >= GROWTH


def flow(page: SeriesPage, points: Points, length: int | None, now: float) -> Flow:
    """Return the flow of one queue; `length` is that of now."""
    arrivals, departures = _rates(page, points)
    net = _net(page, points, length, now)
    if net is None and arrivals is not None and departures is not None:
        net = arrivals - departures
    ages = [point.oldest_age_s for point in points[-2:] if point and point.oldest_age_s]
    return Flow(arrivals, departures, net, ages[-1].last if ages else None)


def _rates(page: SeriesPage, points: Points) -> tuple[float | None, float | None]:
    """Return what came and went in a second, where events told of the queue at all."""
    sent = sum(point.sent for point in points if point)
    received = sum(point.received for point in points if point)
    observed_s = sum(bucket.observed_s for bucket in page.buckets)
    if not sent or observed_s < LEAST_S:
        return None, None
    return sent / observed_s, received / observed_s


def _net(page: SeriesPage, points: Points, length: int | None, now: float) -> float | None:
    """Return how much longer it became in a second, by the oldest sample and its length now."""
    for bucket, point in zip(page.buckets, points, strict=True):
        if point is not None and point.length is not None:
            past_s = now - bucket.start - STEP_S / 2
            if length is None or past_s < LEAST_S:
                return None
            return (length - point.length.mean) / past_s
    return None
