"""Overview is the health of the cluster in one glance: a sentence, what is wrong, what failed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from flower_ng.errors import AnswerError
from flower_ng.store import SeriesPage, SeriesQuery, TaskQuery, TaskRow
from flower_ng.store.rollups.points import TaskPoint
from flower_ng.store.rollups.tallies import ALL_TYPES
from flower_ng.web import format as fmt
from flower_ng.web.base import Page
from flower_ng.web.charts import Chart
from flower_ng.web.consuming import MOST, consumers, deserted, lengths, whole
from flower_ng.web.links import Links
from flower_ng.web.outcomes import failed_share, task_charts
from flower_ng.web.paging import Choice
from flower_ng.web.span import Span, span_of, spans

#: The newest failures, which are grouped; the list of tasks has the rest.
FAILURES: Final = 200
HOUR_S: Final = 3600
DAY_S: Final = 86_400
#: Failures rise when at least so many of the last hour failed, and twice the usual share of tasks.
LEAST_FAILED: Final = 5
RISE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Fact:
    """A part of the sentence on health; `value` is as people read it, `url` the list behind it."""

    label: str
    value: str
    url: str
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that is wrong now: what, in which detail, and the page that proves it."""

    title: str
    detail: str
    url: str


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures of one type with one class of exception; `first` and `last` are UTC seconds."""

    name: str | None
    exception: str | None
    count: int
    first: float | None
    last: float | None
    newest_url: str
    url: str


@dataclass(frozen=True, slots=True)
class OverviewView:
    """The overview; `problem` is why there are no charts, `unseen` what could not be looked at."""

    title: str
    facts: tuple[Fact, ...]
    wrong: tuple[Wrong, ...]
    unseen: tuple[str, ...]
    failures: tuple[FailureGroup, ...]
    failures_url: str
    most: int
    charts: tuple[Chart, ...]
    problem: str
    spans: tuple[Choice, ...]
    span: Span


class Overview(Page):
    """`/overview`: what an operator should see first."""

    path = "/overview"
    nav = "Overview"
    template = "pages/overview.html"

    async def view(self, *_none: str) -> OverviewView:
        """Gather what is known now."""
        links, span = Links(self.services.prefix), span_of(self.get_argument("span", default=""))
        page, problem = await self._series(span.length_s, 0, span.step_s)
        hour, _ = await self._share(HOUR_S, 0)
        day, _ = await self._share(DAY_S, HOUR_S)
        waiting, queues, trouble = await self._queues(links)
        failures = await self.cluster.store.tasks(TaskQuery(state="FAILURE", limit=FAILURES))
        wrong = [*self._connection(links), *self._silent(links), *_rising(hour, day, links)]
        return OverviewView(
            title="Overview",
            facts=tuple(self._facts(hour, day, waiting, links)),
            wrong=(*wrong, *queues),
            unseen=tuple(filter(None, [trouble and f"Lengths of queues: {trouble}", problem])),
            failures=tuple(grouped(failures.rows, links)),
            failures_url=links.tasks(state="FAILURE"),
            most=FAILURES,
            charts=() if page is None else tuple(task_charts(page)),
            problem=problem,
            spans=tuple(spans(span, "/overview", links, {})),
            span=span,
        )

    async def _series(
        self, length_s: float, before_s: float, step_s: int
    ) -> tuple[SeriesPage | None, str]:
        """Return the numbers of all types over a time that ended `before_s` ago, or why not."""
        end = self.services.clock() - before_s
        start = max(0.0, end - length_s)
        query = SeriesQuery("task", (ALL_TYPES,), start, max(start, end), step_s)
        try:
            return await self.cluster.store.series(query), ""
        except AnswerError as error:
            return None, error.message

    async def _share(self, length_s: float, before_s: float) -> tuple[TaskPoint | None, str]:
        page, problem = await self._series(length_s, before_s, HOUR_S if before_s else 60)
        found = None if page is None else page.series[0].whole
        return (found if isinstance(found, TaskPoint) else None), problem

    async def _queues(self, links: Links) -> tuple[int | None, Sequence[Wrong], str]:
        """Return how many messages wait, the queues that nobody consumes, and what was not told."""
        names = self.cluster.queue_names()[:MOST]
        told, trouble = await lengths(self.cluster, names)
        workers, url = consumers(self.cluster, links), links.page("/queues", {})
        known = {name: whole(queue.get("messages")) for name, queue in told.items()}
        wrong = [
            Wrong(f"No consumer of {name} is known", f"{fmt.number(length)} messages wait", url)
            for name, length in known.items()
            if workers  # else none has told yet, and the broker may not know
            and deserted(length, whole(told[name].get("consumers")), workers.get(name, ()))
        ]
        counts = [length for length in known.values() if length is not None]
        is_all = bool(counts) and len(counts) == len(names)
        return (sum(counts) if is_all else None), wrong, trouble

    def _facts(
        self, hour: TaskPoint | None, day: TaskPoint | None, waiting: int | None, links: Links
    ) -> Iterator[Fact]:
        cluster = self.cluster
        workers = cluster.state.workers
        online = sum(map(cluster.state.is_alive, workers.values()))
        is_connected, home = cluster.events.connection.connected, links.page("/workers", {})
        dropped = sum(cluster.events.stats.dropped.values())
        words = "connected" if is_connected else "not connected"
        yield Fact("Broker", words, links.page("/broker", {}), not is_connected)
        yield Fact("Events dropped", fmt.number(dropped), links.page("/metrics", {}), dropped > 0)
        shown = f"{online} of {len(workers)} online" if workers else "none is known"
        yield Fact("Workers", shown, home, online < len(workers))
        failed, bad = links.tasks(state="FAILURE"), bool(list(_rising(hour, day, links)))
        yield Fact("Failed in the last hour", fmt.share(failed_share(hour)), failed, bad)
        yield Fact("In the 24 h before", fmt.share(failed_share(day)), failed)
        yield Fact("Messages waiting", fmt.number(waiting), links.page("/queues", {}))

    def _connection(self, links: Links) -> Iterator[Wrong]:
        events = self.cluster.events
        if not events.connection.connected:
            since, why = fmt.moment(events.connection.since), events.connection.why or "no reason"
            detail = f"Since {since} UTC: {why}. What follows may be old."
            yield Wrong("Not connected to the broker", detail, links.page("/broker", {}))
        if dropped := sum(events.stats.dropped.values()):
            detail = "The inbox was full: counts are at least what is shown."
            url = links.page("/metrics", {})
            yield Wrong(f"{fmt.number(dropped)} events were dropped", detail, url)

    def _silent(self, links: Links) -> Iterator[Wrong]:
        state, now = self.cluster.state, self.services.clock()
        for worker in sorted(state.workers.values(), key=lambda one: one.hostname):
            if not state.is_alive(worker):
                heard = worker.heard_at
                detail = f"Last heard {fmt.age(now - heard)}" if heard else "Never heard"
                yield Wrong(f"{worker.hostname} is offline", detail, links.worker(worker.hostname))


def _rising(hour: TaskPoint | None, day: TaskPoint | None, links: Links) -> Iterator[Wrong]:
    """Yield that failures rise: only where both times are known to compare."""
    share, usual = failed_share(hour), failed_share(day)
    if hour is None or share is None or usual is None:
        return
    if hour.failed >= LEAST_FAILED and share >= RISE * usual:
        detail = f"{fmt.share(share)} of the last hour's, {fmt.share(usual)} in the 24 h before"
        yield Wrong("More tasks fail than before", detail, links.tasks(state="FAILURE"))


def grouped(rows: Iterable[TaskRow], links: Links) -> Iterator[FailureGroup]:
    """Yield failures by type and class of exception, the largest groups first."""

    def key(row: TaskRow) -> tuple[str, str]:
        return row.name or "", exception_class(row.exception) or ""

    groups = [list(found) for _, found in groupby(sorted(rows, key=key), key=key)]
    for found in sorted(groups, key=len, reverse=True):
        yield _group(found, links)


def _group(rows: Sequence[TaskRow], links: Links) -> FailureGroup:
    times = [row.failed for row in rows if row.failed is not None]
    newest = max(rows, key=lambda row: row.failed or 0.0)
    return FailureGroup(
        name=newest.name,
        exception=exception_class(newest.exception),
        count=len(rows),
        first=min(times, default=None),
        last=max(times, default=None),
        newest_url=links.task(newest.uuid),
        url=links.tasks(name=newest.name, state="FAILURE"),
    )


def exception_class(exception: str | None) -> str | None:
    """Return the class that the repr of an exception begins with; None where there is none."""
    return (exception or "").partition("(")[0].strip() or None
