"""Vitals gathers the numbers of the Overview's sentence, for page and API. On the loop."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flower_ng.brokers import QueueNumbers
from flower_ng.errors import AnswerError
from flower_ng.health.standing import Standing, standing
from flower_ng.store import SeriesPage, SeriesQuery
from flower_ng.store.rollups.points import TaskPoint
from flower_ng.store.rollups.tallies import ALL_TYPES
from flower_ng.web.consuming import lengths
from flower_ng.web.links import Links
from flower_ng.web.outcomes import observed_s
from flower_ng.web.services import Cluster
from flower_ng.web.verdict import HOUR_S, Verdict, Vitals, verdict
from flower_ng.web.window import start_of

STEP_S: Final = 60


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits by queue, None where that is not known; `age_s` is how old that is, if it is old.

    `trouble` is why not all is known. `others` holds what waits in queues that only the broker
    names, which may be another application's.
    """

    lengths: Mapping[str, int | None]
    age_s: float | None = None
    trouble: str = ""
    others: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int | None:
        """The sum; None where not every length is known."""
        known = [length for length in self.lengths.values() if length is not None]
        return sum(known) if len(known) == len(self.lengths) else None


@dataclass(frozen=True, slots=True)
class Health:
    """The verdict, the numbers that it is said with, and why numbers over time lack, if they do."""

    standing: Standing
    vitals: Vitals
    waiting: Waiting
    verdict: Verdict
    trouble: str

    def record(self) -> dict[str, Any]:
        """Return all that as `/api/overview` answers it; null is what is not known now."""
        census, vitals = self.standing.census, self.vitals
        is_known = self.standing.is_current and bool(census.known) and not census.unknown
        workers = {name: getattr(census, name) for name in ("online", "left", "silent", "gone")}
        return {
            "verdict": self.standing.kind,
            "sentence": self.verdict.sentence,
            "workers": workers if is_known else dict.fromkeys(workers),
            "waiting": None if vitals.waiting_age_s is not None else vitals.waiting,
            "queues": vitals.queues or None,
            "failed": vitals.failed,
            "finished": vitals.ended,
            "observed_s": vitals.observed_s,
            "problems": len(self.standing.raised),
            "pending": len(self.standing.pending),
            "muted": len(self.standing.muted),
            "unseen": list(self.standing.unseen),
        }


async def health(cluster: Cluster, links: Links, now: float) -> Health:
    """Return how the cluster is; what can't be read is said."""
    hour, trouble = await _hour(cluster, now)
    waiting = await waiting_in(cluster, now)
    facts = cluster.poll.facts
    verdicts = standing(cluster.problems, cluster.presence, facts, now)
    vitals = _vitals(hour, waiting)
    return Health(verdicts, vitals, waiting, verdict(verdicts, vitals, now, links), trouble)


async def _hour(cluster: Cluster, now: float) -> tuple[SeriesPage | None, str]:
    """Return the numbers of all types over the last hour, or why not."""
    query = SeriesQuery("task", (ALL_TYPES,), start_of(HOUR_S, now), now, STEP_S)
    try:
        return await cluster.store.series(query), ""
    except AnswerError as error:
        return None, f"Numbers over time: {error.message}"


def _vitals(hour: SeriesPage | None, waiting: Waiting) -> Vitals:
    seen_s = 0.0 if hour is None else observed_s(hour)
    point = None if hour is None else hour.series[0].whole
    ended: int | None = 0 if seen_s else None
    failed = ended
    if isinstance(point, TaskPoint):
        ended, failed = point.succeeded + point.failed, point.failed
    return Vitals(
        ended,
        failed,
        seen_s,
        waiting.total,
        len(waiting.lengths),
        waiting.age_s,
        elsewhere=sum(waiting.others.values()),
        other_queues=len(waiting.others),
    )


async def waiting_in(cluster: Cluster, now: float) -> Waiting:
    """Return what waits in the queues of tasks: those that the rules judge."""
    told, names = await lengths(cluster, now), cluster.known_queue_names()
    if not told.numbers:
        return Waiting(dict.fromkeys(cluster.queue_names()), trouble=told.trouble)
    found = {name: one.length for name, one in told.numbers.items() if _counts(one, names)}
    others = {one.name: one.length for one in told.numbers.values() if one.name not in names}
    return Waiting(
        found,
        told.age_s,
        told.trouble,
        {name: length for name, length in others.items() if length},
    )


def _counts(queue: QueueNumbers, names: Collection[str]) -> bool:
    return queue.name in names and not queue.is_missing
