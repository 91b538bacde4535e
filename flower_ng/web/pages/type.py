"""Type is one task type: its throughput, its times and its newest failures."""

from dataclasses import dataclass
from typing import Final

from flower_ng.errors import NotFound
from flower_ng.store import SeriesQuery, TaskPoint, TaskQuery, TaskRow, parse_search
from flower_ng.web.http.base import Need, Page
from flower_ng.web.lookups.deploy_marks import deploys
from flower_ng.web.lookups.send_task import registered_types
from flower_ng.web.ui.chart_span import Span, span_of, spans
from flower_ng.web.ui.charts import Chart
from flower_ng.web.ui.links import Links, segment, word
from flower_ng.web.ui.paging import Choice
from flower_ng.web.ui.problem_rows import ProblemRow, marks
from flower_ng.web.ui.task_charts import failed_share, task_charts, total_run_s
from flower_ng.web.ui.time_window import from_then

#: Failures that are shown; the list of tasks has the rest.
FAILURES: Final = 10


@dataclass(frozen=True, slots=True)
class TypeView:
    """One type over the span; `totals` is None where nothing is known of it in that time.

    `total_s` is how long its tasks ran, also those that failed. `received_url` and `failures_url`
    lead to the tasks of the span, `tasks_url` to all. `unheard_failures` of the span were told by
    no event, only by the result backend; the totals leave them out. `is_registered` is that a
    worker or this app has it, `signature` what arguments it takes, empty where that is not known.
    """

    title: str
    name: str
    spans: tuple[Choice, ...]
    span: Span
    totals: TaskPoint | None
    share: float | None
    total_s: float | None
    charts: tuple[Chart, ...]
    failures: tuple[TaskRow, ...]
    tasks_url: str
    received_url: str
    failures_url: str
    unheard_failures: int
    unheard_url: str
    links: Links
    problems: tuple[ProblemRow, ...]
    is_registered: bool
    signature: str


class Type(Page):
    """`/types/{name}`; 404 for a name that no task has, and no worker."""

    path = "/types/(.+)"
    need = Need.READ
    nav = "Types"
    template = "pages/type.html"

    async def view(self, name: str) -> TypeView:
        """Show what became of the tasks of one type in the span."""
        span, links = span_of(self.get_argument("span", default="")), Links(self.services.prefix)
        now, store = self.services.clock(), self.cluster.store
        query = SeriesQuery("task", (name,), span.start(now), now, span.step_s)
        page = await store.series(query)
        failures = await store.tasks(TaskQuery(name=name, state="FAILURE", limit=FAILURES))
        whole = page.series[0].whole
        is_registered = name in registered_types(self.cluster)
        is_seen = whole is not None or bool((await store.tasks(TaskQuery(name=name, limit=1))).rows)
        if not is_seen and not is_registered:
            raise NotFound(f"Unknown task type '{name}'")
        known = whole if isinstance(whole, TaskPoint) else None
        these, counted = f"name:={word(name)}", from_then(page.start)
        failed = f"{these} state:FAILURE finished:{counted}"
        unheard = f"{failed} is:from-backend"
        return TypeView(
            title=name,
            name=name,
            spans=tuple(spans(span, f"/types/{segment(name)}", links, {})),
            span=span,
            totals=known,
            share=failed_share(known),
            charts=tuple(
                task_charts(
                    page,
                    deploys(self.cluster, query.start, now),
                    lambda search: links.tasks(search=f"{these} {search}"),
                )
            ),
            failures=tuple(map(self.cluster.format_task, failures.rows)),
            total_s=None if known is None else total_run_s(known),
            tasks_url=links.tasks(name=name),
            received_url=links.tasks(search=f"{these} received:{counted}"),
            failures_url=links.tasks(search=f"{failed} -is:from-backend"),
            unheard_failures=await store.count(TaskQuery(search=parse_search(unheard))),
            unheard_url=links.tasks(search=unheard),
            links=links,
            problems=marks(self.cluster.problems.about("type", name), links),
            is_registered=is_registered,
            signature=self.cluster.publisher.signature(name),
        )
