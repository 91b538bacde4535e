"""How fast a queue fills and drains, from sampled lengths and counted tasks; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.brokers import LengthSample
from flower_ng.store import QueuePoint, SeriesPage
from flower_ng.web.ui import format as fmt

#: Rates are of so long a time, up to now.
WINDOW_S: Final = 600
STEP_S: Final = 60
#: Of less time no rate is told: it would be chance.
LEAST_S: Final = 30.0
#: How fast a length changes is told of the last minute, or of what came after its turn.
LATELY_S: Final = 65.0
#: It is told to shrink, or to grow, that has done so for so long.
SHRINKS_S: Final = 10.0
GROWS_S: Final = 30.0
#: A change of fewer messages, or of a smaller share of them, is chance.
CHANCE: Final = 10
CHANCE_SHARE: Final = 0.05

Points = Sequence[QueuePoint | None]


@dataclass(frozen=True, slots=True)
class Flow:
    """What comes into a queue and leaves it in a second; None where it is not known.

    `net_per_s` is by how much it grows, negative where it shrinks, 0 where it does neither;
    `oldest_s` is the age of the oldest message.
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
        pace = -self.net_per_s or self.departures_per_s or 0.0
        return length / pace if pace else None

    @property
    def grows(self) -> bool:
        """Whether it becomes longer by more than chance."""
        return (self.net_per_s or 0.0) > 0


def flow(page: SeriesPage | None, points: Points, samples: Sequence[LengthSample]) -> Flow:
    """Return the flow of one queue; `samples` are its newest lengths, the oldest first."""
    arrivals, departures = (None, None) if page is None else _rates(page, points)
    ages = [point.oldest_age_s for point in points[-2:] if point and point.oldest_age_s]
    return Flow(arrivals, departures, net_per_s(samples), ages[-1].last if ages else None)


def pace_words(pace: Flow, length: int | None, *, is_deserted: bool = False) -> str:
    """Return when a queue of this length will be empty, in words."""
    if not length:
        return "empty" if length == 0 else fmt.DASH
    if is_deserted and (pace.net_per_s or 0.0) >= 0:
        return "no consumers"
    if pace.grows:
        return "growing"
    empty_s = pace.empty_s(length)
    return fmt.DASH if empty_s is None else f"about {fmt.span(max(1.0, empty_s))}"


def _rates(page: SeriesPage, points: Points) -> tuple[float | None, float | None]:
    """Return what came and went in a second, where events told of the queue at all."""
    sent = sum(point.sent for point in points if point)
    received = sum(point.received for point in points if point)
    observed_s = sum(bucket.observed_s for bucket in page.buckets)
    if not sent or observed_s < LEAST_S:
        return None, None
    return sent / observed_s, received / observed_s


def net_per_s(samples: Sequence[LengthSample]) -> float | None:
    """Return how much longer a queue becomes in a second, since it turned in the last minute.

    After a burst it is the emptying that counts, not that there was nothing before it. None where
    that is too short a time to tell.
    """
    lately = [one for one in samples if one.at >= samples[-1].at - LATELY_S]
    if len(lately) == 1:  # looks are seldom
        lately = list(samples[-2:])
    if not lately or lately[-1].at - lately[0].at < SHRINKS_S:
        return None
    turn, newest = _turn(lately), lately[-1]
    grown, past_s = newest.length - turn.length, newest.at - turn.at
    if abs(grown) < max(CHANCE, CHANCE_SHARE * max(one.length for one in lately)):
        return 0.0
    return grown / past_s if past_s >= (GROWS_S if grown > 0 else SHRINKS_S) else None


def _turn(samples: Sequence[LengthSample]) -> LengthSample:
    """Return the sample since which a queue only grew, or only shrank, but for chance."""
    newest = samples[-1]
    before = samples[:-1]
    highest = max(before, key=lambda one: (one.length, one.at))
    lowest = min(before, key=lambda one: (one.length, -one.at))
    if newest.length >= highest.length:
        return lowest
    if newest.length <= lowest.length:
        return highest
    return max(highest, lowest, key=lambda one: one.at)
