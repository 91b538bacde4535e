"""What Overview, Workers and Queues show of a moment in the past. On the loop."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar, Final

from flower_ng.errors import AnswerError, BadRequest
from flower_ng.store import ALL_TYPES, SeriesQuery
from flower_ng.web.http.base import Page
from flower_ng.web.http.moments import instant
from flower_ng.web.lookups.deploy_marks import deploys
from flower_ng.web.lookups.past import STEPS_BEFORE, Past, past
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.chart_span import SPANS, Span, span_of, spans
from flower_ng.web.ui.charts import Chart
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Choice
from flower_ng.web.ui.problem_rows import ProblemRow, problem_row
from flower_ng.web.ui.task_charts import task_charts
from flower_ng.web.ui.time_window import moment

#: The pages that can look back, with their paths.
PLACES: Final = {"Overview": "/overview", "Workers": "/workers", "Queues": "/queues"}
#: How far one click goes, in seconds.
JUMPS_S: Final = (-86_400, -3600, -600, -60, 60, 600, 3600, 86_400)
#: The slider reaches so far to both sides, in seconds.
AROUND_S: Final = 43_200


@dataclass(frozen=True, slots=True)
class PastView:
    """A page as it was; `low` and `high` are the ends of the slider, in UTC seconds.

    `jumps` lead to other moments, `places` to the other pages at the same one, `now_url` to the
    present. The Overview has `charts` of the span that ended then.
    """

    template: ClassVar[str] = "pages/past.html"

    title: str
    path: str
    past: Past
    low: int
    high: int
    jumps: tuple[Choice, ...]
    places: tuple[Choice, ...]
    now_url: str
    running_url: str
    problems: tuple[ProblemRow, ...]
    spans: tuple[Choice, ...]
    span: Span
    charts: tuple[Chart, ...]
    trouble: str
    links: Links

    @property
    def before(self) -> str:
        """For how long before that workers are looked for, in words."""
        return fmt.span(STEPS_BEFORE * self.past.step_s)


async def past_view(page: Page, title: str) -> PastView | None:
    """Return a page at the moment of its argument `at`; None where it was sent to its exact URL.

    BadRequest for what is no moment, or is to come.
    """
    text, now = str(page.get_argument("at")), page.services.clock()
    at = instant("at", text, now)
    if at > now or at < 0:
        raise BadRequest(f"at must be in the past, not '{text}'")
    cluster, links, path = page.cluster, Links(page.services.prefix), PLACES[title]
    step_s = cluster.store.kept_step(at).step_s
    exact = moment(int(at // step_s) * step_s)
    span = span_of(page.get_argument("span", default=""))
    more = {} if span is SPANS[0] else {"span": span.key}
    if text != exact:
        page.set_status(HTTPStatus.FOUND)
        page.set_header("Location", links.page(path, {"at": exact, **more}))
        return None
    found = await past(cluster, at)
    charts, trouble = await _charts(page, found, span) if title == "Overview" else ((), "")
    return PastView(
        title=title,
        path=links.page(path, {}),
        past=found,
        low=max(0, found.start - AROUND_S),
        high=min(int(now // step_s) * step_s, found.start + AROUND_S),
        jumps=tuple(_jumps(found, now, path, more, links)),
        places=tuple(
            Choice(name, links.page(where, {"at": exact, **more}), name == title)
            for name, where in PLACES.items()
        ),
        now_url=links.page(path, more),
        running_url=links.tasks(search=found.search),
        problems=tuple(problem_row(one, links) for one in found.problems),
        spans=tuple(spans(span, path, links, {"at": exact})),
        span=span,
        charts=charts,
        trouble=trouble,
        links=links,
    )


def _jumps(
    found: Past, now: float, path: str, more: dict[str, str], links: Links
) -> Iterator[Choice]:
    for by_s in JUMPS_S:
        target = found.start + by_s
        if abs(by_s) >= found.step_s and 0 <= target <= now:
            label = f"{'-' if by_s < 0 else '+'}{fmt.span(abs(by_s))}"
            yield Choice(label, links.page(path, {"at": moment(target), **more}), is_current=False)


async def _charts(page: Page, found: Past, span: Span) -> tuple[tuple[Chart, ...], str]:
    """Return charts of the time that ended then, or why there are none."""
    end = found.start + found.step_s
    query = SeriesQuery("task", (ALL_TYPES,), max(0, end - span.length_s), end, span.step_s)
    links, now = Links(page.services.prefix), page.services.clock()
    try:
        series = await page.cluster.store.series(query)
    except AnswerError as error:
        return (), error.message
    marks = deploys(page.cluster, query.start, now)
    return tuple(task_charts(series, marks, lambda search: links.tasks(search=search))), ""
