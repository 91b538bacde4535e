"""Queues is what waits where, and who takes it: lengths, consumers, slots, and their trend."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flower_ng.brokers import QueueNumbers
from flower_ng.brokers.recent import RecentLengths
from flower_ng.errors import AnswerError
from flower_ng.monitor.state.sent_tasks import Oldest
from flower_ng.store import MAX_SERIES, QueuePoint, SeriesPage, SeriesQuery
from flower_ng.web.http.base import Need, Page
from flower_ng.web.lookups.broker_part import BrokerPart, broker_part
from flower_ng.web.lookups.consumers import MOST, Consumer, consumers, lengths, queue_names
from flower_ng.web.lookups.past_view import PastView, past_view
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.chart_span import Span, span_of, spans
from flower_ng.web.ui.charts import highest, path
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Choice
from flower_ng.web.ui.problem_rows import ProblemRow, marks
from flower_ng.web.ui.queue_rates import STEP_S, WINDOW_S, Flow, Points, flow, pace_words
from flower_ng.web.ui.time_window import start_of


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One queue; None stands for what is not known. `trend` is an SVG path.

    `consumers` is the broker's own count, `workers` are those online that told of the queue, and
    `slots` the sum of theirs. `pace` says in words when it will be empty.
    """

    name: str
    length: int | None
    unacked: int | None
    oldest: Oldest | None
    consumers: int | None
    workers: tuple[Consumer, ...]
    slots: int | None
    flow: Flow
    pace: str
    trend: str
    most: float | None
    url: str
    workers_url: str
    is_deserted: bool


@dataclass(frozen=True, slots=True)
class QueuesView:
    """The queues; `trouble` is why lengths lack or are `age_s` old, `problem` why trends lack.

    `is_inspected` says whether any online worker told of its queues, `is_sent_told` whether events
    told of what came into any queue lately; `left_out` is how many queues are not listed.
    `delayed` is how many tasks RabbitMQ holds until their ETA, None where it is not told.
    `problems` are what rules found, by queue.
    """

    title: str
    spans: tuple[Choice, ...]
    span: Span
    lines: tuple[QueueLine, ...]
    trouble: str
    age_s: float | None
    problem: str
    is_inspected: bool
    is_sent_told: bool
    left_out: int
    delayed: int | None
    problems: Mapping[str, tuple[ProblemRow, ...]]
    broker: BrokerPart


class Queues(Page):
    """`/queues`: always a page, also when the broker does not answer."""

    path = "/queues"
    need = Need.READ
    nav = "Queues"
    template = "pages/queues.html"

    async def view(self, *_none: str) -> QueuesView | PastView | None:
        """Ask the broker and the store, and set it beside what the workers told."""
        if self.get_argument("at", default=""):
            return await past_view(self, "Queues")
        cluster, links = self.cluster, Links(self.services.prefix)
        span = span_of(self.get_argument("span", default=""))
        every = queue_names(cluster)
        names = every[:MOST]
        told = await lengths(cluster, self.services.clock())
        page, problem = await self._series(names, span.length_s, span.coarse_s)
        recent, _ = await self._series(names, WINDOW_S, STEP_S)
        workers, forsaken = consumers(cluster, links), self._forsaken()
        lines = tuple(
            _line(
                told.numbers.get(name, QueueNumbers(name)),
                points,
                pace,
                tuple(workers.get(name, ())),
                links,
                oldest=cluster.oldest(told.numbers[name]) if name in told.numbers else None,
                is_deserted=name in forsaken,
                is_old=told.age_s is not None,
            )
            for name, points, pace in _series_of(names, (page, recent), cluster.poll.recent)
        )
        return QueuesView(
            title="Queues",
            spans=tuple(spans(span, "/queues", links, {})),
            span=span,
            lines=lines,
            trouble=told.trouble,
            age_s=told.age_s,
            problem=problem,
            is_inspected=bool(workers),
            is_sent_told=any(
                point is not None and point.sent
                for points in _points(recent).values()
                for point in points
            ),
            left_out=len(every) - len(names),
            delayed=None if cluster.poll.facts is None else cluster.poll.facts.delayed,
            broker=await broker_part(cluster, links),
            problems={name: marks(cluster.problems.about("queue", name), links) for name in names},
        )

    def _forsaken(self) -> set[str]:
        """Return the queues that the rule found to have no consumers, raised already or not."""
        watch = self.cluster.problems
        found = (*watch.now, *watch.pending)
        return {one.subject for one in found if one.rule == "queue-deserted"}

    async def _series(
        self, names: Sequence[str], length_s: float, step_s: int
    ) -> tuple[SeriesPage | None, str]:
        """Return the numbers of the queues over a time up to now, or why not."""
        now = self.services.clock()
        asked = tuple(names) if len(names) <= MAX_SERIES else None
        query = SeriesQuery("queue", asked, start_of(length_s, now), now, step_s)
        try:
            return (await self.cluster.store.series(query) if names else None), ""
        except AnswerError as error:
            return None, error.message


def _series_of(
    names: Sequence[str],
    pages: tuple[SeriesPage | None, SeriesPage | None],
    lengths: RecentLengths,
) -> Iterator[tuple[str, Points, Flow]]:
    """Yield each queue with its trend, and what comes and goes."""
    whole_time, recent = map(_points, pages)
    for name in names:
        pace = flow(pages[1], recent.get(name, ()), lengths.of(name))
        yield name, whole_time.get(name, ()), pace


def _line(
    told: QueueNumbers,
    points: Points,
    pace: Flow,
    workers: tuple[Consumer, ...],
    links: Links,
    *,
    oldest: Oldest | None,
    is_deserted: bool,
    is_old: bool,
) -> QueueLine:
    slots = [worker.slots for worker in workers if worker.slots is not None]
    trend = _levels(points, "mean")
    return QueueLine(
        name=told.name,
        length=told.length,
        unacked=told.unacked,
        oldest=oldest,
        consumers=told.consumers,
        workers=workers,
        slots=sum(slots) if len(slots) == len(workers) and slots else None,
        flow=pace,
        pace=fmt.DASH if is_old else pace_words(pace, told.length, is_deserted=is_deserted),
        trend=path(trend, highest(trend) or 1.0),
        most=highest(_levels(points, "most")),
        url=links.queue(told.name),
        workers_url=links.page("/workers", {"group": "queue"}),
        is_deserted=is_deserted,
    )


def _points(page: SeriesPage | None) -> Mapping[str, Points]:
    if page is None:
        return {}
    return {
        one.name: [point if isinstance(point, QueuePoint) else None for point in one.points]
        for one in page.series
    }


def _levels(points: Points, figure: str) -> Sequence[float | None]:
    return [getattr(point.length, figure) if point and point.length else None for point in points]
