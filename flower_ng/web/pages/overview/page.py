"""Overview is the health of the cluster in one glance: a sentence, what is wrong, what failed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flower_ng.errors import AnswerError
from flower_ng.health import Problem
from flower_ng.health.verdict import ClusterVerdict
from flower_ng.monitor.deploys import Deploy, latest
from flower_ng.store import (
    ALL_TYPES,
    FailureGroup,
    SeriesPage,
    SeriesQuery,
    TaskQuery,
    parse_search,
)
from flower_ng.web.http.base import Need, Page
from flower_ng.web.lookups.busiest import Busiest, busiest
from flower_ng.web.lookups.changes_since import LISTED_S
from flower_ng.web.lookups.consumers import Consumer, consumers
from flower_ng.web.lookups.deploy_marks import deploys
from flower_ng.web.lookups.overview_numbers import Health, health
from flower_ng.web.lookups.past_view import PastView, past_view
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.chart_span import SPANS, Span, span_of, spans
from flower_ng.web.ui.charts import Chart
from flower_ng.web.ui.links import Links, word
from flower_ng.web.ui.overview_sentence import OverviewSentence
from flower_ng.web.ui.paging import Choice
from flower_ng.web.ui.problem_rows import problem_row
from flower_ng.web.ui.task_charts import task_charts
from flower_ng.web.ui.time_window import from_then

#: Lines of a panel; what is left out is counted, and has a list of its own.
PANEL: Final = 8
#: Failed tasks that are looked at for the last of each group.
NEWEST: Final = 100
#: A queue with fewer messages is not at risk, however few slots there are.
LEAST_WAITING: Final = 10


@dataclass(frozen=True, slots=True)
class OverviewItem:
    """Something that is wrong now: what, in which detail, and the page that proves it.

    Unless `is_sure` it has not lasted for long enough to be a problem.
    """

    title: str
    detail: str
    url: str
    is_sure: bool = True


@dataclass(frozen=True, slots=True)
class Failures:
    """A group of failures and the list of them; `type_url` is the page of their type.

    `newest_url` is the task that failed last, empty where it is not among the newest of all.
    """

    group: FailureGroup
    url: str
    type_url: str
    newest_url: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The first lines of a list: what each is, in which detail, and its page."""

    lines: tuple[OverviewItem, ...]
    left_out: int

    @classmethod
    def of(cls, lines: Sequence[OverviewItem]) -> "Panel":
        """Cut a list."""
        return cls(tuple(lines[:PANEL]), max(0, len(lines) - PANEL))


@dataclass(frozen=True, slots=True)
class OverviewView:
    """The overview; `problem` is why there are no charts, `missing_data` what could not be read.

    `workers` counts those that events told of, `forgotten` those that were purged, `answering`
    those that only answered, where events told of none; `is_told_of_tasks` says whether events of
    tasks came. An empty list of failures, queues at risk or silent workers says that there are none
    only where `are_failures_read`, `are_lengths_known`, `is_heard`.
    `unheard_failures` are those that no event told, only the result backend: numbers over time
    leave them out, the groups of failures have them. `kinds_url` leads to failures by kind.
    `deploy` is the last one that is known of.
    """

    title: str
    verdict: OverviewSentence
    problems: Panel
    missing_data: tuple[str, ...]
    failures: tuple[Failures, ...]
    failures_url: str
    kinds_url: str
    unheard_failures: int
    unheard_url: str
    are_more: bool
    queues_at_risk: Panel
    busiest: Busiest
    silent_workers: Panel
    are_failures_read: bool
    are_lengths_known: bool
    is_heard: bool
    workers: int
    forgotten: int
    answering: int
    is_told_of_tasks: bool
    charts: tuple[Chart, ...]
    problem: str
    spans: tuple[Choice, ...]
    span: Span
    deploy: Deploy | None


class Overview(Page):
    """`/overview`: what an operator should see first."""

    path = "/overview"
    need = Need.READ
    nav = "Overview"
    template = "pages/overview/page.html"

    async def view(self, *_none: str) -> OverviewView | PastView | None:
        """Gather what is known now, or of a moment."""
        if self.get_argument("at", default=""):
            return await past_view(self, "Overview")
        links, span = Links(self.services.prefix), span_of(self.get_argument("span", default=""))
        now = self.services.clock()
        found = await health(self.cluster, links, now)
        page, problem = await self._series(span, now)
        since = f"state:FAILURE updated:{from_then(span.start(now))}"
        failures, unread = await self._failures(since, links)
        unheard = f"{since} is:from-backend"
        waiting = found.waiting.trouble and f"Queue lengths: {found.waiting.trouble}"
        unseen = dict.fromkeys([*found.cluster_verdict.unseen, waiting, unread, problem])
        return OverviewView(
            title="Overview",
            verdict=found.verdict,
            problems=Panel.of([*_wrong(found.cluster_verdict, links, now)]),
            missing_data=tuple(filter(None, unseen)),
            failures=tuple(failures[:PANEL]),
            failures_url=links.tasks(search=since),
            kinds_url=links.page("/failures", {} if span is SPANS[0] else {"span": span.key}),
            unheard_failures=await self._count(unheard) if failures else 0,
            unheard_url=links.tasks(search=unheard),
            are_more=len(failures) > PANEL,
            queues_at_risk=Panel.of([*_at_risk(found, consumers(self.cluster, links), links)]),
            busiest=busiest(self.cluster, PANEL, now),
            silent_workers=Panel.of([*self._silent(links)]),
            are_failures_read=not unread,
            are_lengths_known=found.waiting.total is not None and found.waiting.age_s is None,
            is_heard=found.cluster_verdict.has_settled and not found.cluster_verdict.census.unknown,
            workers=len(self.cluster.state.workers),
            forgotten=found.cluster_verdict.census.forgotten,
            answering=found.vitals.answering,
            is_told_of_tasks=self._is_told_of_tasks(),
            charts=() if page is None else tuple(self._charts(page, span)),
            problem=problem,
            spans=tuple(spans(span, "/overview", links, {})),
            span=span,
            deploy=latest(deploys(self.cluster, now - LISTED_S, now)),
        )

    async def _series(self, span: Span, now: float) -> tuple[SeriesPage | None, str]:
        """Return the numbers of all types over a time up to now, or why not."""
        query = SeriesQuery("task", (ALL_TYPES,), span.start(now), now, span.step_s)
        try:
            return await self.cluster.store.series(query), ""
        except AnswerError as error:
            return None, f"Statistics: {error.message}"

    def _charts(self, page: SeriesPage, span: Span) -> Iterable[Chart]:
        now = self.services.clock()
        links = Links(self.services.prefix)
        marks = deploys(self.cluster, now - span.length_s, now)
        return task_charts(page, marks, lambda search: links.tasks(search=search))

    def _is_told_of_tasks(self) -> bool:
        """Whether any event of a task ever came."""
        counts = list(self.cluster.state.counter.values())
        return any(kind.startswith("task-") for count in counts for kind in count)

    async def _failures(self, since: str, links: Links) -> tuple[Sequence[Failures], str]:
        """Return the largest groups of failures of a time, one more than fits, or why not."""
        try:
            query = TaskQuery(search=parse_search(since))
            groups = await self.cluster.store.failure_groups(query, PANEL + 1)
            newest = await self._newest(since, links) if groups else {}
        except AnswerError as error:
            return (), f"Failures: {error.message}"
        return [
            _failures(one, since, newest.get((one.name, one.exception, one.last), ""), links)
            for one in groups
        ], ""

    async def _newest(self, since: str, links: Links) -> Mapping[tuple[object, ...], str]:
        """Return the pages of the newest tasks by their type, exception and when they failed."""
        page = await self.cluster.store.tasks(TaskQuery(search=parse_search(since), limit=NEWEST))
        return {
            (row.name, row.exception_class, row.failed): links.task(row.uuid) for row in page.rows
        }

    async def _count(self, search: str) -> int:
        """Return how many tasks match; 0 where the history can't be read, which is said already."""
        try:
            return await self.cluster.store.count(TaskQuery(search=parse_search(search)))
        except AnswerError:
            return 0

    def _silent(self, links: Links) -> Iterator[OverviewItem]:
        """Yield the workers that fell silent, the one that was heard last first."""
        presence, workers = self.cluster.presence, self.cluster.state.workers
        statuses, now = presence.table(), self.services.clock()
        lost = [worker for name, worker in workers.items() if statuses[name] in {"silent", "gone"}]
        for worker in sorted(lost, key=lambda one: (-one.heard_at, one.hostname)):
            heard = worker.heard_at
            detail = f"Last heartbeat {fmt.age(now - heard)}" if heard else "No heartbeat yet"
            yield OverviewItem(worker.hostname, detail, links.worker(worker.hostname))


def _wrong(verdict: ClusterVerdict, links: Links, now: float) -> Iterator[OverviewItem]:
    """Yield what the rules found: what is raised, then what is not for sure yet."""
    for one in verdict.raised:
        yield _problem(one, links)
    for one in verdict.pending:
        found = _problem(one, links)
        since = f"pending for {fmt.span(max(0.0, now - one.since))}"
        detail = ", ".join(filter(None, [found.detail, since]))
        url = found.url.replace("#rule-", "#may-")
        yield replace(found, detail=detail, url=url, is_sure=False)


def _problem(problem: Problem, links: Links) -> OverviewItem:
    one = problem_row(problem, links)
    title = f"{one.title}: {one.subject}" if one.subject else one.title
    return OverviewItem(title, one.words, links.page("/problems", {}) + f"#rule-{one.rule}")


def _at_risk(
    found: Health, workers: Mapping[str, Sequence[Consumer]], links: Links
) -> Iterator[OverviewItem]:
    """Yield the queues that something is wrong with, then those that hold more than their slots."""
    named = {
        one.subject: one
        for one in (*found.cluster_verdict.pending, *found.cluster_verdict.raised)
        if one.about == "queue"
    }
    for name, one in named.items():
        yield OverviewItem(name, one.title, links.queue(name))
    for name, length in sorted(found.waiting.lengths.items(), key=lambda item: -(item[1] or 0)):
        slots = sum(worker.slots or 0 for worker in workers.get(name, ()))
        if name not in named and length and name in workers and length > max(slots, LEAST_WAITING):
            detail = f"{fmt.number(length)} wait for {fmt.counted(slots, 'slot')}"
            yield OverviewItem(name, detail, links.queue(name))


def _failures(group: FailureGroup, since: str, newest_url: str, links: Links) -> Failures:
    name = f" name:={word(group.name)}" if group.name else " -has:name"
    kind = f" exception:={word(group.exception)}" if group.exception else " -has:exception"
    url = links.tasks(search=f"{since}{name}{kind}")
    return Failures(group, url, links.type(group.name) if group.name else url, newest_url)
