"""What changed since a moment: types and failures after it, beside those before. On the loop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.monitor.deploys import Deploy, latest
from flower_ng.store import SeriesPage, SeriesQuery, TaskPoint
from flower_ng.web.lookups.deploy_marks import deploys
from flower_ng.web.lookups.failures import Lookout, SeenFailure, lookout, seen
from flower_ng.web.ui.changed import Comparison, compared
from flower_ng.web.ui.chart_span import SPANS, Span
from flower_ng.web.ui.task_charts import observed_s

#: Deploys that are told of.
LISTED_S: Final = 30 * 86_400.0
#: New kinds of failures that are shown.
MOST_FAILURES: Final = 50
#: What may be missing of a span that was observed as a whole.
ROUNDING_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class ComparedSpan:
    """From `start` to `end` (UTC seconds), of which so much was observed."""

    start: float
    end: float
    observed_s: float

    @property
    def is_whole(self) -> bool:
        """Whether all that happened in it was counted."""
        return self.observed_s >= self.end - self.start - ROUNDING_S


@dataclass(frozen=True, slots=True)
class ChangesSince:
    """What is after a deploy beside what was as long before it.

    `new` are kinds of failures that were first seen after it, as far as `look` can tell; `more`
    others are not shown.
    """

    deploy: Deploy
    before: ComparedSpan
    after: ComparedSpan
    types: Comparison
    new: tuple[SeenFailure, ...]
    more: int
    look: Lookout


def chosen(cluster: Cluster, at: float | None, now: float) -> Deploy | None:
    """Return the deploy of a moment, or one without a name; the last one that is known for None."""
    known = deploys(cluster, now - LISTED_S, now)
    if at is None:
        return latest(known)
    return next((one for one in known if abs(one.at - at) < 1.0), Deploy(at))


async def changes_since(cluster: Cluster, deploy: Deploy, span: Span, now: float) -> ChangesSince:
    """Compare up to a span after a deploy with as much before; Unavailable without a history.

    The minute of the deploy, or the ten minutes where only those are kept, counts as after.
    """
    after = await _series(cluster, deploy.at, min(now, deploy.at + span.length_s))
    length_s = after.end - after.start
    before = await _series(cluster, after.start - length_s, float(after.start))
    was, since = (
        ComparedSpan(page.start, min(page.end, now), observed_s(page)) for page in (before, after)
    )
    is_whole = was.is_whole and since.is_whole
    days_ago = max(0.0, after.start - SPANS[-1].length_s)
    days = await _series(cluster, days_ago, float(after.start))
    earlier = _points(days).keys()
    types = compared(_points(before), _points(after), earlier, is_whole=is_whole)
    look = await lookout(cluster, SPANS[-1], now, deploy)
    new = [one for one in look.found.kinds.values() if look.is_new(one)]
    shown = await seen(cluster, look, new[:MOST_FAILURES])
    return ChangesSince(deploy, was, since, types, tuple(shown), len(new) - len(shown), look)


async def _series(cluster: Cluster, start: float, end: float) -> SeriesPage:
    query = SeriesQuery("task", None, start, max(end, start + 1.0), None, percentiles=False)
    return await cluster.store.series(query)


def _points(page: SeriesPage) -> Mapping[str, TaskPoint]:
    return {one.name: one.whole for one in page.series if isinstance(one.whole, TaskPoint)}
