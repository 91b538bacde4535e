"""Gathers the numbers of the Overview's sentence, for the page and the API. On the loop."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from flower_ng.brokers import QueueNumbers
from flower_ng.cluster import Cluster
from flower_ng.errors import AnswerError
from flower_ng.health.verdict import ClusterVerdict, cluster_verdict
from flower_ng.store import ALL_TYPES, SeriesPage, SeriesQuery, TaskPoint
from flower_ng.web.lookups.consumers import lengths
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.overview_sentence import HOUR_S, OverviewSentence, Vitals, verdict
from flower_ng.web.ui.task_charts import observed_s
from flower_ng.web.ui.time_window import start_of

STEP_S: Final = 60
#: How workers are counted in `/api/overview`.
COUNTED: Final = ("online", "left", "silent", "gone", "busy")
#: Queues that are named in a sentence; more are counted.
MOST_NAMES: Final = 3


@dataclass(frozen=True, slots=True)
class QueueBacklog:
    """What waits by queue, None where that is not known; `age_s` is how old that is, if it is old.

    `trouble` is why not all is known. `others` holds what waits in queues that only the broker
    names, which may be another application's; of those nobody is known to take from `unserved`.
    """

    lengths: Mapping[str, int | None]
    age_s: float | None = None
    trouble: str = ""
    others: Mapping[str, int] = field(default_factory=dict)
    unserved: tuple[str, ...] = ()

    @property
    def total(self) -> int | None:
        """The sum; None where not every length is known."""
        known = [length for length in self.lengths.values() if length is not None]
        return sum(known) if len(known) == len(self.lengths) else None

    @property
    def unseen(self) -> Iterator[str]:
        """Say in sentences what is not known, or looked at by no rule."""
        if self.age_s is None and self.total is None:
            unknown = [name for name, length in self.lengths.items() if length is None]
            why = self.trouble or f"the broker does not report {_named(unknown)}"
            yield f"Queue lengths: {why}"
        if self.unserved:
            yield f"Unchecked queues that no worker names hold messages: {_named(self.unserved)}"


def _named(names: Sequence[str]) -> str:
    """Name a few."""
    more = len(names) - MOST_NAMES
    return ", ".join(sorted(names)[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


@dataclass(frozen=True, slots=True)
class Health:
    """The verdict, the numbers that it is said with, and why numbers over time lack, if they do."""

    cluster_verdict: ClusterVerdict
    vitals: Vitals
    waiting: QueueBacklog
    verdict: OverviewSentence
    trouble: str

    def record(self) -> dict[str, Any]:
        """Return all that as `/api/overview` answers it; null is what is not known now."""
        census, vitals = self.cluster_verdict.census, self.vitals
        is_known = self.cluster_verdict.has_settled and not census.unknown and not vitals.answering
        workers = {name: getattr(census, name) for name in COUNTED}
        return {
            "verdict": self.cluster_verdict.kind,
            "sentence": self.verdict.sentence,
            "workers": workers if is_known else dict.fromkeys(workers),
            "waiting": None if vitals.waiting_age_s is not None else vitals.waiting,
            "queues": vitals.queues or None,
            "failed": vitals.failed,
            "finished": vitals.ended,
            "observed_s": vitals.observed_s,
            "problems": len(self.cluster_verdict.raised),
            "pending": len(self.cluster_verdict.pending),
            "muted": len(self.cluster_verdict.muted),
            "unseen": list(self.cluster_verdict.unseen),
        }


async def health(cluster: Cluster, links: Links, now: float) -> Health:
    """Return how the cluster is; what can't be read is said."""
    hour, trouble = await _hour(cluster, now)
    waiting = await waiting_in(cluster, now)
    unseen = (*waiting.unseen, trouble)
    judged = cluster_verdict(cluster.problems, cluster.presence, cluster.poll.facts, now, unseen)
    answering = 0 if judged.census.known else len(only_answering(cluster))
    vitals = _vitals(hour, waiting, answering)
    words = verdict(judged, vitals, now, links)
    return Health(judged, vitals, waiting, words, trouble)


def only_answering(cluster: Cluster) -> list[str]:
    """Return who answered inspections and is told of by no event, in order of name."""
    return sorted(cluster.inspector.workers.keys() - cluster.state.workers.keys())


async def _hour(cluster: Cluster, now: float) -> tuple[SeriesPage | None, str]:
    """Return the numbers of all types over the last hour, or why not."""
    query = SeriesQuery("task", (ALL_TYPES,), start_of(HOUR_S, now), now, STEP_S)
    try:
        return await cluster.store.series(query), ""
    except AnswerError as error:
        return None, f"Statistics: {error.message}"


def _vitals(hour: SeriesPage | None, waiting: QueueBacklog, answering: int) -> Vitals:
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
        answering=answering,
    )


async def waiting_in(cluster: Cluster, now: float) -> QueueBacklog:
    """Return what waits in the queues of tasks: those that the rules judge."""
    told, names = await lengths(cluster, now), cluster.known_queue_names()
    if not told.numbers:
        return QueueBacklog(dict.fromkeys(cluster.queue_names()), trouble=told.trouble)
    found = {name: one.length for name, one in told.numbers.items() if _counts(one, names)}
    others = [one for one in told.numbers.values() if one.name not in names and one.length]
    return QueueBacklog(
        found,
        told.age_s,
        told.trouble,
        {one.name: one.length or 0 for one in others},
        tuple(one.name for one in others if not one.consumers),
    )


def _counts(queue: QueueNumbers, names: Collection[str]) -> bool:
    return queue.name in names and not queue.is_missing
