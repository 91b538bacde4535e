"""Overview is the health of the cluster in one glance: a sentence, what is wrong, what failed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.errors import AnswerError
from flower_ng.store import FailureGroup, SeriesPage, SeriesQuery, TaskQuery, parse_search
from flower_ng.store.rollups.points import TaskPoint
from flower_ng.store.rollups.tallies import ALL_TYPES
from flower_ng.web import format as fmt
from flower_ng.web.base import Page
from flower_ng.web.charts import Chart
from flower_ng.web.consuming import MOST, Consumer, consumers, deserted, lengths, whole
from flower_ng.web.findings import marks
from flower_ng.web.links import Links, word
from flower_ng.web.outcomes import failed_share, observed_s, task_charts
from flower_ng.web.paging import Choice
from flower_ng.web.restarts import deploys
from flower_ng.web.span import Span, span_of, spans
from flower_ng.web.verdict import HOUR_S, Verdict, Vitals, verdict

#: Lines of a panel; what is left out is counted, and has a list of its own.
PANEL: Final = 8
DAY_S: Final = 86_400
#: A queue with fewer messages is not at risk, however few slots there are.
LEAST_WAITING: Final = 10
#: The rules whose findings this page has anyway, without waiting until they have lasted.
SEEN_AT_ONCE: Final = frozenset(
    {"events-away", "events-dropped", "worker-silent", "task-failing", "queue-deserted"}
)
#: Failures rise when at least so many of the last hour failed, and twice the usual share of tasks.
LEAST_FAILED: Final = 5
RISE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that is wrong now: what, in which detail, and the page that proves it."""

    title: str
    detail: str
    url: str


@dataclass(frozen=True, slots=True)
class Failures:
    """A group of failures and the list of them; `type_url` is the page of their type."""

    group: FailureGroup
    url: str
    type_url: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The first lines of a list: what each is, in which detail, and its page."""

    lines: tuple[Wrong, ...]
    left_out: int

    @classmethod
    def of(cls, lines: Sequence[Wrong]) -> "Panel":
        """Cut a list."""
        return cls(tuple(lines[:PANEL]), max(0, len(lines) - PANEL))


@dataclass(frozen=True, slots=True)
class OverviewView:
    """The overview; `problem` is why there are no charts, `unseen` what could not be looked at.

    `workers` counts those that are known; `is_told_of_tasks` says whether events of tasks came.
    """

    title: str
    verdict: Verdict
    wrong: Panel
    unseen: tuple[str, ...]
    failures: tuple[Failures, ...]
    failures_url: str
    are_more: bool
    queues: Panel
    silent: Panel
    workers: int
    is_told_of_tasks: bool
    charts: tuple[Chart, ...]
    problem: str
    spans: tuple[Choice, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits: the sum, None where not every length is known, and the queues at risk."""

    total: int | None
    queues: int
    deserted: tuple[Wrong, ...]
    at_risk: tuple[Wrong, ...]
    trouble: str


class Overview(Page):
    """`/overview`: what an operator should see first."""

    path = "/overview"
    nav = "Overview"
    template = "pages/overview.html"

    async def view(self, *_none: str) -> OverviewView:
        """Gather what is known now."""
        links, span = Links(self.services.prefix), span_of(self.get_argument("span", default=""))
        page, problem = await self._series(span.length_s, 0, span.step_s)
        hour, _ = await self._series(HOUR_S, 0, 60)
        day, _ = await self._series(DAY_S, HOUR_S, HOUR_S)
        waiting = await self._waiting(links)
        silent = tuple(self._silent(links))
        rising = _rising(_sum(hour), _sum(day), links)
        seen = [*self._connection(links), *_gone(silent, links), *rising, *waiting.deserted]
        wrong = [*seen, *self._problems(links)]
        failures, unread = await self._failures(span, links)
        return OverviewView(
            title="Overview",
            verdict=verdict(self._vitals(hour, waiting), len(wrong), links),
            wrong=Panel.of(wrong),
            unseen=tuple(filter(None, [waiting.trouble, unread, problem])),
            failures=tuple(failures[:PANEL]),
            failures_url=links.tasks(search=f"state:FAILURE updated:-{span.key}.."),
            are_more=len(failures) > PANEL,
            queues=Panel.of(waiting.at_risk),
            silent=Panel.of(silent),
            workers=len(self.cluster.state.workers),
            is_told_of_tasks=self._is_told_of_tasks(),
            charts=() if page is None else tuple(self._charts(page, span)),
            problem=problem,
            spans=tuple(spans(span, "/overview", links, {})),
            span=span,
        )

    def _problems(self, links: Links) -> Iterator[Wrong]:
        """Yield what the rules found, but for what this page looks at itself, at once."""
        told = (one for one in self.cluster.problems.now if one.rule not in SEEN_AT_ONCE)
        for one in marks(told, links):
            title = f"{one.title}: {one.subject}" if one.subject else one.title
            yield Wrong(title, one.words, links.page("/problems", {}) + f"#rule-{one.rule}")

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
            return None, f"Numbers over time: {error.message}"

    def _charts(self, page: SeriesPage, span: Span) -> Iterable[Chart]:
        now = self.services.clock()
        return task_charts(page, deploys(self.cluster, now - span.length_s, now))

    def _is_told_of_tasks(self) -> bool:
        """Whether any event of a task ever came."""
        counts = list(self.cluster.state.counter.values())
        return any(kind.startswith("task-") for count in counts for kind in count)

    async def _failures(self, span: Span, links: Links) -> tuple[Sequence[Failures], str]:
        """Return the largest groups of failures of the span, one more than fits, or why not."""
        since = f"state:FAILURE updated:-{span.key}.."
        try:
            query = TaskQuery(search=parse_search(since))
            groups = await self.cluster.store.failure_groups(query, PANEL + 1)
        except AnswerError as error:
            return (), f"Failures: {error.message}"
        return [_failures(group, since, links) for group in groups], ""

    def _vitals(self, hour: SeriesPage | None, waiting: Waiting) -> Vitals:
        state, point = self.cluster.state, _sum(hour)
        is_seen = hour is not None and observed_s(hour) > 0
        return Vitals(
            is_connected=self.cluster.events.connection.connected,
            online=sum(1 for _ in state.alive_workers()),
            workers=len(state.workers),
            ended=point.succeeded + point.failed if point else 0 if is_seen else None,
            failed=point.failed if point else 0 if is_seen else None,
            observed_s=observed_s(hour) if hour else 0.0,
            waiting=waiting.total,
            queues=waiting.queues,
        )

    async def _waiting(self, links: Links) -> Waiting:
        names = self.cluster.queue_names()[:MOST]
        told, trouble = await lengths(self.cluster, names)
        workers = consumers(self.cluster, links)
        known = {name: whole(told.get(name, {}).get("messages")) for name in names}
        counts = [length for length in known.values() if length is not None]
        gone = [
            _deserted(name, length, links)
            for name, length in known.items()
            if workers  # else none has told yet, and the broker may not know
            and deserted(length, whole(told.get(name, {}).get("consumers")), workers.get(name, ()))
        ]
        return Waiting(
            total=sum(counts) if len(counts) == len(names) else None,
            queues=len(names),
            deserted=tuple(gone),
            at_risk=(*gone, *_long(known, workers, links)),
            trouble=f"Lengths of queues: {trouble}" if trouble else "",
        )

    def _connection(self, links: Links) -> Iterator[Wrong]:
        events = self.cluster.events
        if not events.connection.connected:
            since, why = fmt.moment(events.connection.since), events.connection.why or "no reason"
            detail = f"Since {since} UTC: {why}. What follows may be old."
            yield Wrong("Not connected to the broker", detail, links.page("/broker", {}))
        if dropped := sum(events.stats.dropped.values()):
            detail = "The inbox was full: counts are at least what is shown."
            url = links.page("/history", {})
            yield Wrong(f"{fmt.number(dropped)} events were dropped", detail, url)

    def _silent(self, links: Links) -> Iterator[Wrong]:
        """Yield the workers that are offline, the one that was heard last first."""
        state, now = self.cluster.state, self.services.clock()
        gone = [worker for worker in state.workers.values() if not state.is_alive(worker)]
        for worker in sorted(gone, key=lambda one: (-one.heard_at, one.hostname)):
            heard = worker.heard_at
            detail = f"Last heard {fmt.age(now - heard)}" if heard else "Never heard"
            yield Wrong(worker.hostname, detail, links.worker(worker.hostname))


def _sum(page: SeriesPage | None) -> TaskPoint | None:
    found = None if page is None else page.series[0].whole
    return found if isinstance(found, TaskPoint) else None


def _gone(silent: Sequence[Wrong], links: Links) -> Iterator[Wrong]:
    if silent:
        words = "One worker is silent" if len(silent) == 1 else f"{len(silent)} workers are silent"
        detail = f"{silent[0].title}: {silent[0].detail.lower()}"
        yield Wrong(words, detail, links.page("/workers", {"sort": "status"}))


def _rising(hour: TaskPoint | None, day: TaskPoint | None, links: Links) -> Iterator[Wrong]:
    """Yield that failures rise: only where both times are known to compare."""
    share, usual = failed_share(hour), failed_share(day)
    if hour is None or share is None or usual is None:
        return
    if hour.failed >= LEAST_FAILED and share >= RISE * usual:
        detail = f"{fmt.share(share)} of the last hour's, {fmt.share(usual)} in the 24 h before"
        yield Wrong("More tasks fail than before", detail, links.tasks(state="FAILURE"))


def _failures(group: FailureGroup, since: str, links: Links) -> Failures:
    name = f" name:={word(group.name)}" if group.name else " -has:name"
    kind = f" exception:={word(group.exception)}" if group.exception else " -has:exception"
    url = links.tasks(search=f"{since}{name}{kind}")
    return Failures(group, url, links.type(group.name) if group.name else url)


def _deserted(name: str, length: int | None, links: Links) -> Wrong:
    detail = f"{fmt.number(length)} messages wait"
    return Wrong(f"No consumer of {name} is known", detail, links.page("/queues", {}))


def _long(
    known: Mapping[str, int | None], workers: Mapping[str, Sequence[Consumer]], links: Links
) -> Iterator[Wrong]:
    """Yield the queues in which more waits than their workers have slots, the longest first."""
    for name, length in sorted(known.items(), key=lambda item: -(item[1] or 0)):
        slots = sum(worker.slots or 0 for worker in workers.get(name, ()))
        if length and name in workers and length > max(slots, LEAST_WAITING):
            detail = f"{fmt.number(length)} wait for {fmt.number(slots)} slots"
            yield Wrong(name, detail, links.page("/queues", {}))
