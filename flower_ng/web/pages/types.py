"""Types is the list of task types: what each costs, how often it fails, how long it takes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.errors import AnswerError
from flower_ng.store import SeriesPage, SeriesQuery, TaskQuery, TaskRow
from flower_ng.store.rollups.points import TaskPoint
from flower_ng.web.base import Page
from flower_ng.web.charts import highest, path
from flower_ng.web.links import Links
from flower_ng.web.outcomes import failed_share, figure
from flower_ng.web.paging import Choice, Column, Heading, Listing, Pager, pager
from flower_ng.web.span import Span, span_of, spans

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

    `count` is how many were received, `failed_share` the failed of the finished, 0 to 1; `wait`
    is the time between received and started. `trend` is an SVG path.
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
    """The list; `problem` is why there is none, `gaps` how many buckets were not wholly seen."""

    title: str
    spans: tuple[Choice, ...]
    span: Span
    search: str
    sort: str
    problem: str
    headings: tuple[Heading, ...]
    lines: tuple[TypeLine, ...]
    pager: Pager
    known: int
    gaps: int
    links: Links


class Types(Page):
    """`/types`: the most expensive first."""

    path = "/types"
    nav = "Types"
    template = "pages/types.html"

    async def view(self, *_none: str) -> TypesView:
        """Show what became of each type in the span."""
        span, search = span_of(self.get_argument("span", default="")), self._search()
        problem, page = "", None
        try:
            page = await self.cluster.store.series(self._query(span))
        except AnswerError as error:
            problem = error.message
        last = await self._last_failures()
        links = Links(self.services.prefix)
        lines = [] if page is None else list(_lines(page, links, last))
        return self._view(span, search, problem, lines, _gaps(page))

    def _view(
        self, span: Span, search: str, problem: str, lines: Sequence[TypeLine], gaps: int
    ) -> TypesView:
        links, query = Links(self.services.prefix), {"search": search, "span": span.key}
        listing = LISTING.asked(self.get_argument, query)
        found = [line for line in lines if search.casefold() in line.name.casefold()]
        found.sort(key=_key(listing.key), reverse=listing.is_descending)
        shown = found[listing.offset : listing.offset + listing.size]
        return TypesView(
            title="Types",
            spans=tuple(spans(span, "/types", links, {"search": search})),
            span=span,
            search=search,
            sort=listing.sort,
            problem=problem,
            headings=listing.headings(links, COLUMNS),
            lines=tuple(shown),
            pager=pager(listing, links, shown=len(shown), count=len(found)),
            known=len(lines),
            gaps=gaps,
            links=links,
        )

    def _search(self) -> str:
        search: str = self.get_argument("search", default="")
        return search

    def _query(self, span: Span) -> SeriesQuery:
        now = self.services.clock()
        start = max(0.0, now - span.length_s)
        return SeriesQuery("task", None, start, now, span.coarse_s, percentiles=False)

    async def _last_failures(self) -> Mapping[str, TaskRow]:
        """Return the newest failure of each type, of those that are among the newest of all."""
        page = await self.cluster.store.tasks(TaskQuery(state="FAILURE", limit=FAILURES))
        return {row.name: row for row in reversed(page.rows) if row.name is not None}


def _lines(page: SeriesPage, links: Links, last: Mapping[str, TaskRow]) -> Iterator[TypeLine]:
    for series in page.series:
        if isinstance(series.whole, TaskPoint):
            trend = [_count(point) for point in series.points]
            yield _line(series.name, series.whole, trend, links, last.get(series.name))


def _line(
    name: str,
    whole: TaskPoint,
    trend: Sequence[float | None],
    links: Links,
    last: TaskRow | None,
) -> TypeLine:
    run = whole.run
    return TypeLine(
        name=name,
        url=links.type(name),
        failures_url=links.tasks(name=name, state="FAILURE"),
        count=whole.received,
        failed=whole.failed,
        failed_share=failed_share(whole),
        total_s=figure(run, "total_s"),
        mean_s=figure(run, "mean_s"),
        p50_s=figure(run, "p50_s"),
        p95_s=figure(run, "p95_s"),
        p99_s=figure(run, "p99_s"),
        wait50_s=figure(whole.wait, "p50_s"),
        wait95_s=figure(whole.wait, "p95_s"),
        wait99_s=figure(whole.wait, "p99_s"),
        trend=path(trend, highest(trend) or 1.0),
        last=last,
    )


def _count(point: object) -> float | None:
    return float(point.received) if isinstance(point, TaskPoint) else None


def _gaps(page: SeriesPage | None) -> int:
    return 0 if page is None else sum(bucket.gap != "none" for bucket in page.buckets)


_ATTRIBUTES: Final = {
    "total": "total_s", "count": "count", "failed": "failed_share", "mean": "mean_s",
    "p50": "p50_s", "p95": "p95_s", "p99": "p99_s",
    "wait50": "wait50_s", "wait": "wait95_s", "wait99": "wait99_s",
}  # fmt: skip


def _key(key: str) -> Callable[[TypeLine], tuple[float, str]]:
    """Return how lines are ordered: by a number, what is not known being the least, or by name."""
    attribute = _ATTRIBUTES.get(key)
    if attribute is None:
        return lambda line: (0.0, line.name)
    return lambda line: (-1.0 if (v := getattr(line, attribute)) is None else v, line.name)
