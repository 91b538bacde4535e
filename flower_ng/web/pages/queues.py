"""Queues is what waits where, and who takes it: lengths, consumers, slots, and their trend."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flower_ng.errors import AnswerError, Unavailable
from flower_ng.store import SeriesPage, SeriesQuery
from flower_ng.store.rollups.points import QueuePoint
from flower_ng.web.base import Cluster, Page
from flower_ng.web.charts import highest, path
from flower_ng.web.inspected import Inspected
from flower_ng.web.links import Links
from flower_ng.web.paging import Choice
from flower_ng.web.span import Span, span_of, spans

#: More queues than this are not listed: the broker is asked for each.
MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Consumer:
    """A worker that told that it consumes from a queue; `slots` is None where it did not say."""

    name: str
    url: str
    slots: int | None


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


async def lengths(
    cluster: Cluster, names: Sequence[str]
) -> tuple[Mapping[str, Mapping[str, Any]], str]:
    """Return what the broker tells of each queue, and why that is not all; empty when it is."""
    try:
        told = await cluster.broker.queues(names)
    except Unavailable as error:
        return {}, error.message
    return {str(queue.get("name")): queue for queue in told}, cluster.broker.trouble or ""


def consumers(cluster: Cluster, links: Links) -> Mapping[str, Sequence[Consumer]]:
    """Return the online workers that consume from each queue, as they themselves told."""
    found: dict[str, list[Consumer]] = {}
    for worker in sorted(cluster.state.alive_workers(), key=lambda one: one.hostname):
        name = worker.hostname
        told = Inspected.of(cluster.inspector.workers.get(name, {}), None, worker.sw_sys)
        for queue in told.queues:
            found.setdefault(queue, []).append(Consumer(name, links.worker(name), told.slots))
    return found


def deserted(length: int | None, counted: int | None, workers: Iterable[Consumer]) -> bool:
    """Say whether messages wait while neither the broker nor a worker knows of a consumer."""
    return bool(length) and not counted and not any(True for _ in workers)


def whole(value: object) -> int | None:
    """Return a count that a broker told, None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


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
