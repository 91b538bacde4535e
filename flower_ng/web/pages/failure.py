"""One kind of failures: how often, where, since when, an example, and what is done about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flower_ng.monitor.remote.batch_actions import RERUN_MANY
from flower_ng.store import Gap, TaskRow
from flower_ng.web.http.base import Need, Page
from flower_ng.web.lookups.deploy_marks import deploys
from flower_ng.web.lookups.failures import Lookout, SeenFailure, kind_named, lookout, seen
from flower_ng.web.lookups.past_actions import PastAction, past_actions_on
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.chart_span import Span, span_of, spans
from flower_ng.web.ui.charts import WIDTH, Chart, DeployMark, Hole, curves, highest, ticks
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Choice
from flower_ng.web.ui.traceback import TracebackPart, parts

#: For how long it may be muted, in seconds.
MUTED: Final = {"1 hour": 3600, "1 day": 86_400, "1 week": 604_800, "30 days": 2_592_000}


#: The steps of a span, in words.
STEPS: Final = {60: "minute", 600: "10 minutes", 3600: "hour"}


@dataclass(frozen=True, slots=True)
class FailingWorker:
    """A worker with how many of the failures it had; `version` is its Celery's now, if known."""

    name: str
    url: str
    count: int
    version: str


@dataclass(frozen=True, slots=True)
class SampleTrace:
    """What the template of a traceback shows."""

    trace: tuple[TracebackPart, ...]


@dataclass(frozen=True, slots=True)
class FailureView:
    """One kind, as of `look`; `rows` are its newest tasks, `block` the traceback of the newest.

    `block` is None where no traceback is known. `rerun_url` is where all that the search finds are
    reviewed to be run again.
    """

    title: str
    one: SeenFailure
    look: Lookout
    spans: tuple[Choice, ...]
    span: Span
    chart: Chart
    workers: tuple[FailingWorker, ...]
    rows: tuple[TaskRow, ...]
    block: SampleTrace | None
    tasks_url: str
    rerun_url: str
    muted: dict[str, int]
    past_actions: tuple[PastAction, ...]
    links: Links


class FailurePage(Page):
    """`/failures/{digest}`."""

    path = r"/failures/(.+)"
    need = Need.READ
    nav = "Failures"
    template = "pages/failure.html"

    async def view(self, digest: str) -> FailureView:
        """Read the newest failures; NotFound where none of them is of this kind."""
        links, span = Links(self.services.prefix), span_of(self.get_argument("span", default=""))
        cluster, now = self.cluster, self.services.clock()
        look = await lookout(cluster, span, now)
        (one,) = await seen(cluster, look, [kind_named(look, digest)])
        rows = await cluster.store.those(one.kind.newest)
        trace = one.sample.traceback if one.sample is not None else None
        return FailureView(
            title=" in ".join(filter(None, (one.kind.exception or "Failure", one.kind.name))),
            one=one,
            look=look,
            spans=tuple(spans(span, links.failure(digest).removeprefix(links.prefix), links, {})),
            span=span,
            chart=self._chart(look, one, await cluster.store.gaps(look.bars.start, now)),
            workers=tuple(self._workers(one, links)),
            rows=tuple(cluster.format_task(row) for row in rows),
            block=SampleTrace(parts(trace)) if trace else None,
            tasks_url=links.tasks(search=one.search),
            rerun_url=links.action(RERUN_MANY.route),
            muted=MUTED,
            past_actions=tuple(await past_actions_on(self, digest)),
            links=links,
        )

    def _workers(self, one: SeenFailure, links: Links) -> Iterator[FailingWorker]:
        known = self.cluster.state.workers
        for name, count in sorted(one.kind.workers.items(), key=lambda item: (-item[1], item[0])):
            version = known[name].sw_ver if name in known else None
            yield FailingWorker(name, links.worker(name), count, version or "")

    def _chart(self, look: Lookout, one: SeenFailure, gaps: tuple[Gap, ...]) -> Chart:
        """Return how many failed over time, with what was not seen, and deploys."""
        bars, trend = look.bars, list(map(float, one.kind.trend))
        length = bars.step_s * bars.count
        end = bars.start + length

        def x(at: float) -> float:
            return round(WIDTH * (min(max(at, bars.start), end) - bars.start) / length, 1)

        unseen = [(gap.start, gap.end or look.now) for gap in gaps]
        first = one.kind.first
        unseen.append((bars.start, first if look.oldest is None else min(first, look.oldest)))
        most = highest(trend)
        return Chart(
            title=f"Failures per {STEPS[look.span.step_s]}",
            ticks=ticks(most, _count),
            curves=curves([("Failed", "failure", trend)], most, _count),
            holes=tuple(
                Hole(x(begin), round(x(stop) - x(begin), 1), is_whole=False)
                for begin, stop in unseen
                if stop > bars.start
            ),
            marks=tuple(
                DeployMark(x(deploy.at), deploy.words, deploy.is_told)
                for deploy in deploys(self.cluster, bars.start, look.now)
            ),
            start=bars.start,
            end=end,
            step_s=bars.step_s,
            show=_count,
        )


def _count(value: float | None) -> str:
    return fmt.number(None if value is None else round(value))
