"""What is due in the time ahead, and how long that usually runs. On the loop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.errors import AnswerError
from flower_ng.schedule.entry import BeatEntry
from flower_ng.schedule.forecast import MINUTE_S, Ahead, DueSpan, forecast
from flower_ng.store import SeriesQuery, TaskPoint
from flower_ng.web.lookups.schedule import facts_of
from flower_ng.web.ui.task_charts import figure

#: The run times of so long are usual.
USUAL_S: Final = 7 * 86_400.0
#: Buckets that are told in words, the fullest first, and entries of each.
PEAKS: Final = 3
NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class AheadReach:
    """How far ahead is looked: `label` stands on its button, `period` in a sentence."""

    key: str
    label: str
    period: str
    step_s: int
    count: int


REACHES: Final = (
    AheadReach("24h", "24 h", "24 hours", 900, 96),
    AheadReach("1h", "1 h", "hour", 60, 60),
)


@dataclass(frozen=True, slots=True)
class Peak:
    """A bucket in which much is due: `work_s` is the sum of usual run times, None if unknown.

    `parts` are the entries that are due most often, each with how often; `others` how many more
    tasks are due then. `unknown` of the tasks have no usual run time.
    """

    start: float
    count: int
    work_s: float | None
    unknown: int
    parts: tuple[tuple[str, int], ...]
    others: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """How many tasks are due in each bucket of `span`, and how long they usually run in all.

    What is due in every bucket is left out of these, unless nothing else is due: of such steady
    entries there are `steady`, which send `steady_per_min`, and keep `steady_slots` slots busy,
    None where no run time is known. `total` is of all, and so is `unknown`: tasks that have no
    usual run time and are left out of `work_s`. `aheads` are the entries;
    `why_not` names those that can't be counted with the reason, `assumed` those whose interval is
    counted from now, because no run of them is known.
    """

    reach: AheadReach
    span: DueSpan
    counts: tuple[int, ...]
    work_s: tuple[float, ...]
    total: int
    steady: int
    steady_per_min: float
    steady_slots: float | None
    unknown: int
    peaks: tuple[Peak, ...]
    why_not: Mapping[str, str]
    assumed: tuple[str, ...]
    aheads: tuple[Ahead, ...]
    usual_s: Mapping[str, float]


def reach_of(key: str) -> AheadReach:
    """Return the reach with this key, the first one where there is none."""
    return next((one for one in REACHES if one.key == key), REACHES[0])


async def forecast_of(cluster: Cluster, reach: AheadReach, now: float) -> Forecast:
    """Reckon in the pool what is due; Unavailable where that takes too long."""
    start = now // reach.step_s * reach.step_s
    span = DueSpan(now, start, reach.step_s, reach.count)
    due = [(one, _due_at(cluster, one)) for one in cluster.timetable.entries if one.is_expected]
    aheads = await cluster.timetable.run(lambda: forecast(due, span))
    usual_s = await _usual(cluster, {one.entry.task for one in aheads}, now)
    return _summed(reach, span, aheads, usual_s)


def _due_at(cluster: Cluster, entry: BeatEntry) -> float | None:
    """Return when an entry is due first; None where that is not known, or only the latest."""
    facts = facts_of(cluster, entry)
    return entry.due_at if facts is None or facts.is_latest else facts.due_at


async def _usual(cluster: Cluster, types: set[str], now: float) -> Mapping[str, float]:
    """Return the median run time of each type, where it is known."""
    if not types:
        return {}
    try:
        page = await cluster.store.series(
            SeriesQuery("task", tuple(sorted(types)), max(0.0, now - USUAL_S), now, None)
        )
    except AnswerError:
        return {}
    medians = {
        one.name: figure(one.whole.run, "p50_s")
        for one in page.series
        if isinstance(one.whole, TaskPoint)
    }
    return {name: median for name, median in medians.items() if median is not None}


def _summed(
    reach: AheadReach, span: DueSpan, aheads: Sequence[Ahead], usual_s: Mapping[str, float]
) -> Forecast:
    steady = [one for one in aheads if all(one.counts[1:])]
    others = [one for one in aheads if one not in steady]
    if not any(map(any, (one.counts for one in others))):
        others, steady = list(aheads), []
    counts = tuple(map(sum, zip(*(one.counts for one in others), strict=True)))
    work = [_work_s(one, usual_s) for one in others]
    fullest = sorted(
        (place for place, count in enumerate(counts) if count), key=lambda at: -counts[at]
    )
    ahead_s = span.end - span.now
    steady_s = [sum(_work_s(one, usual_s)) for one in steady if one.entry.task in usual_s]
    return Forecast(
        reach=reach,
        span=span,
        counts=counts,
        work_s=tuple(map(sum, zip(*work, strict=True))),
        total=sum(sum(one.counts) for one in aheads),
        steady=len(steady),
        steady_per_min=sum(sum(one.counts) for one in steady) * MINUTE_S / ahead_s,
        steady_slots=sum(steady_s) / ahead_s if steady_s else None,
        unknown=sum(sum(one.counts) for one in aheads if one.entry.task not in usual_s),
        peaks=tuple(_peak(span, others, usual_s, place) for place in fullest[:PEAKS]),
        why_not={one.entry.name: one.why_not for one in aheads if one.why_not},
        assumed=tuple(one.entry.name for one in aheads if one.is_assumed),
        aheads=tuple(aheads),
        usual_s=usual_s,
    )


def _work_s(one: Ahead, usual_s: Mapping[str, float]) -> list[float]:
    each_s = usual_s.get(one.entry.task, 0.0)
    return [count * each_s for count in one.counts]


def _peak(span: DueSpan, aheads: Sequence[Ahead], usual_s: Mapping[str, float], place: int) -> Peak:
    due = sorted((one for one in aheads if one.counts[place]), key=lambda one: -one.counts[place])
    known = [one for one in due if one.entry.task in usual_s]
    work_s = sum(one.counts[place] * usual_s[one.entry.task] for one in known)
    count = sum(one.counts[place] for one in due)
    parts = tuple((one.entry.name, one.counts[place]) for one in due[:NAMED])
    return Peak(
        start=span.start + place * span.step_s,
        count=count,
        work_s=work_s if known else None,
        unknown=count - sum(one.counts[place] for one in known),
        parts=parts,
        others=count - sum(number for _, number in parts),
    )
