"""Queues is what waits where, and who takes it: lengths, consumers, slots, and their trend."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flower_ng.errors import AnswerError
from flower_ng.store import SeriesPage, SeriesQuery
from flower_ng.store.rollups.points import QueuePoint
from flower_ng.web.base import Page
from flower_ng.web.charts import highest, path
from flower_ng.web.consuming import MOST, Consumer, consumers, deserted, lengths, whole
from flower_ng.web.links import Links
from flower_ng.web.paging import Choice
from flower_ng.web.span import Span, span_of, spans


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One queue; None stands for what is not known. `trend` is an SVG path.

    `consumers` is the broker's own count, `workers` are those online that told of the queue, and
    `slots` the sum of theirs.
    """

    name: str
    length: int | None
    consumers: int | None
    workers: tuple[Consumer, ...]
    slots: int | None
    trend: str
    most: float | None
    tasks_url: str
    workers_url: str
    is_deserted: bool


@dataclass(frozen=True, slots=True)
class QueuesView:
    """The queues; `trouble` is why lengths lack, `problem` why trends do.

    `is_inspected` says whether any online worker told of its queues, `left_out` how many queues
    are not listed.
    """

    title: str
    spans: tuple[Choice, ...]
    span: Span
    lines: tuple[QueueLine, ...]
    trouble: str
    problem: str
    is_inspected: bool
    left_out: int


class Queues(Page):
    """`/queues`: always a page, also when the broker does not answer."""

    path = "/queues"
    nav = "Queues"
    template = "pages/queues.html"

    async def view(self, *_none: str) -> QueuesView:
        """Ask the broker and the store, and set it beside what the workers told."""
        cluster, links = self.cluster, Links(self.services.prefix)
        span = span_of(self.get_argument("span", default=""))
        every = cluster.queue_names()
        names = every[:MOST]
        told, trouble = await lengths(cluster, names)
        page, problem = await self._trends(names, span)
        workers = consumers(cluster, links)
        return QueuesView(
            title="Queues",
            spans=tuple(spans(span, "/queues", links, {})),
            span=span,
            lines=tuple(_lines(names, told, page, workers, links)),
            trouble=trouble,
            problem=problem,
            is_inspected=bool(workers),
            left_out=len(every) - len(names),
        )

    async def _trends(self, names: Sequence[str], span: Span) -> tuple[SeriesPage | None, str]:
        now = self.services.clock()
        start = max(0.0, now - span.length_s)
        query = SeriesQuery("queue", tuple(names), start, now, span.coarse_s)
        try:
            return (await self.cluster.store.series(query) if names else None), ""
        except AnswerError as error:
            return None, error.message


def _lines(
    names: Sequence[str],
    told: Mapping[str, Mapping[str, Any]],
    page: SeriesPage | None,
    workers: Mapping[str, Sequence[Consumer]],
    links: Links,
) -> Iterator[QueueLine]:
    trends = {} if page is None else {one.name: _means(one.points) for one in page.series}
    for name in names:
        line = told.get(name, {})
        yield _line(name, line, trends.get(name, ()), tuple(workers.get(name, ())), links)


def _line(
    name: str,
    told: Mapping[str, Any],
    trend: Sequence[float | None],
    workers: tuple[Consumer, ...],
    links: Links,
) -> QueueLine:
    length, counted = whole(told.get("messages")), whole(told.get("consumers"))
    slots = [worker.slots for worker in workers if worker.slots is not None]
    return QueueLine(
        name=name,
        length=length,
        consumers=counted,
        workers=workers,
        slots=sum(slots) if len(slots) == len(workers) and slots else None,
        trend=path(trend, highest(trend) or 1.0),
        most=highest(trend),
        tasks_url=links.tasks(search=f'queue:"{name}"') if '"' not in name else links.tasks(),
        workers_url=links.page("/workers", {"group": "queue"}),
        is_deserted=deserted(length, counted, workers),
    )


def _means(points: Sequence[object]) -> Sequence[float | None]:
    return [
        point.length.mean if isinstance(point, QueuePoint) and point.length else None
        for point in points
    ]
