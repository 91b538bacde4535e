"""Types is the list of task types: what each costs, how often it fails, how long it takes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.errors import AnswerError
from flower_ng.store import SeriesPage, SeriesQuery, TaskPoint, TaskQuery, TaskRow
from flower_ng.web.http.base import Need, Page
from flower_ng.web.ui.chart_span import Span, span_of, spans
from flower_ng.web.ui.charts import highest, path
from flower_ng.web.ui.links import Links, word
from flower_ng.web.ui.paging import Choice, Column, Heading, Listing, Pager, pager
from flower_ng.web.ui.task_charts import failed_share, figure, total_run_s
from flower_ng.web.ui.time_window import from_then

COLUMNS: Final = (
    Column("Type", "name"),
    Column("Total time", "total", "number", is_largest_first=True),
    Column("Tasks", "count", "number", is_largest_first=True),
    Column("Failed", "failed", "number", is_largest_first=True),
    Column("Run mean", "mean", "number", is_largest_first=True),
    Column("Run p50", "p50", "number", is_largest_first=True),
    Column("Run p95", "p95", "number", is_largest_first=True),
    Column("Run p99", "p99", "number", is_largest_first=True),
    Column("Wait p50", "wait50", "number", is_largest_first=True),
    Column("Wait p95", "wait", "number", is_largest_first=True),
    Column("Wait p99", "wait99", "number", is_largest_first=True),
    Column("Trend", None),
    Column("Last exception", None),
)
#: The newest failures that are looked through for each type's last exception.
FAILURES: Final = 200
LISTING: Final = Listing("/types", sort="-total", size=50)


@dataclass(frozen=True, slots=True)
class TypeLine:
    """One type over the span: durations in seconds, None where nothing is known.

    `count` is how many tasks there were, each once, `failed_share` the failed of the finished, 0
    to 1; `total_s` is how long all ran, also those that failed, the other run times are of those
    that succeeded; `wait` is the time between received and started. `trend` is an SVG path.
    """

    name: str
    url: str
    failures_url: str
    count: int
    failed: int
    failed_share: float | None
    total_s: float | None
    mean_s: float | None
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    wait50_s: float | None
    wait95_s: float | None
    wait99_s: float | None
    trend: str
    last: TaskRow | None


@dataclass(frozen=True, slots=True)
class TypesView:
    """The list; `problem` is why there is none, `has_gaps` says that not all was observed."""

    title: str
    spans: tuple[Choice, ...]
    span: Span
    search: str
    sort: str
    problem: str
    headings: tuple[Heading, ...]
    lines: tuple[TypeLine, ...]
    pager: Pager
    has_gaps: bool
    links: Links


class Types(Page):
    """`/types`: the most expensive first."""

    path = "/types"
    need = Need.READ
    nav = "Types"
    template = "pages/types.html"

    async def view(self, *_none: str) -> TypesView:
        """Show what became of each type in the span: the sums of all, the trends of those shown."""
        span, now = span_of(self.get_argument("span", default="")), self.services.clock()
        search: str = self.get_argument("search", default="")
        listing = LISTING.asked(self.get_argument, {"search": search, "span": span.key})
        page, trends, problem = None, None, ""
        try:
            page = await self._series(None, span, now, containing=search)
            found = _sorted(_wholes(page), listing)
            shown = found[listing.offset : listing.offset + listing.size]
            trends = await self._series([name for name, _ in shown], span, now)
        except AnswerError as error:
            problem, found, shown = error.message, [], []
        links, last = Links(self.services.prefix), await self._last_failures()
        rows = _Rows(links, from_then(page.start if page else 0), _trends(trends), last)
        return TypesView(
            title="Types",
            spans=tuple(spans(span, "/types", links, {"search": search})),
            span=span,
            search=search,
            sort=listing.sort,
            problem=problem,
            headings=listing.headings(links, COLUMNS),
            lines=tuple(rows.line(name, whole) for name, whole in shown),
            pager=pager(listing, links, shown=len(shown), count=len(found)),
            has_gaps=page is not None and any(one.gap != "none" for one in page.buckets),
            links=links,
        )

    async def _series(
        self, names: Sequence[str] | None, span: Span, now: float, *, containing: str = ""
    ) -> SeriesPage:
        """Return the sums of all types, or the trends of some."""
        return await self.cluster.store.series(
            SeriesQuery(
                "task",
                None if names is None else tuple(names),
                span.start(now),
                now,
                None if names is None else span.coarse_s,
                percentiles=False,
                containing=containing,
            )
        )

    async def _last_failures(self) -> Mapping[str, TaskRow]:
        """Return the newest failure of each type, of those that are among the newest of all."""
        page = await self.cluster.store.tasks(TaskQuery(state="FAILURE", limit=FAILURES))
        newest = {row.name: row for row in reversed(page.rows) if row.name is not None}
        return {name: self.cluster.format_task(row) for name, row in newest.items()}


def _wholes(page: SeriesPage) -> Iterator[tuple[str, TaskPoint]]:
    for series in page.series:
        if isinstance(series.whole, TaskPoint):
            yield series.name, series.whole


def _sorted(
    found: Iterable[tuple[str, TaskPoint]], listing: Listing
) -> Sequence[tuple[str, TaskPoint]]:
    """Return types in order: by a number, what is not known being the least, or by name."""
    number = NUMBERS.get(listing.key)

    def key(one: tuple[str, TaskPoint]) -> tuple[float, str]:
        value = None if number is None else number(one[1])
        return (-1.0 if value is None else value), one[0]

    return sorted(found, key=key, reverse=listing.is_descending)


def _trends(page: SeriesPage | None) -> Mapping[str, Sequence[float | None]]:
    return {} if page is None else {one.name: list(map(_count, one.points)) for one in page.series}


def _count(point: object) -> float | None:
    return float(point.tasks) if isinstance(point, TaskPoint) else None


@dataclass(frozen=True, slots=True)
class _Rows:
    """Makes the lines; `since` is the time that was counted, as searches name it."""

    links: Links
    since: str
    trends: Mapping[str, Sequence[float | None]]
    last: Mapping[str, TaskRow]

    def line(self, name: str, whole: TaskPoint) -> TypeLine:
        """Return the line of one type."""
        trend = self.trends.get(name, ())
        failures = f"name:={word(name)} state:FAILURE -is:from-backend finished:{self.since}"
        return TypeLine(
            name=name,
            url=self.links.type(name),
            failures_url=self.links.tasks(search=failures),
            count=whole.tasks,
            failed=whole.failed,
            failed_share=failed_share(whole),
            total_s=total_run_s(whole),
            mean_s=figure(whole.run, "mean_s"),
            p50_s=figure(whole.run, "p50_s"),
            p95_s=figure(whole.run, "p95_s"),
            p99_s=figure(whole.run, "p99_s"),
            wait50_s=figure(whole.wait, "p50_s"),
            wait95_s=figure(whole.wait, "p95_s"),
            wait99_s=figure(whole.wait, "p99_s"),
            trend=path(trend, highest(trend) or 1.0),
            last=self.last.get(name),
        )


#: What each column is sorted by.
NUMBERS: Final[Mapping[str, Callable[[TaskPoint], float | None]]] = {
    "total": total_run_s,
    "count": lambda one: one.tasks,
    "failed": failed_share,
    "mean": lambda one: figure(one.run, "mean_s"),
    "p50": lambda one: figure(one.run, "p50_s"),
    "p95": lambda one: figure(one.run, "p95_s"),
    "p99": lambda one: figure(one.run, "p99_s"),
    "wait50": lambda one: figure(one.wait, "p50_s"),
    "wait": lambda one: figure(one.wait, "p95_s"),
    "wait99": lambda one: figure(one.wait, "p99_s"),
}
