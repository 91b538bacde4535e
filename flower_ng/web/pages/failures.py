"""Failures is which tasks failed alike: what is new, what comes again, what grows."""

from dataclasses import dataclass
from typing import Final

from flower_ng.errors import AnswerError
from flower_ng.store import FailureKind
from flower_ng.web.http.base import Need, Page
from flower_ng.web.lookups.failures import CHOICES, Lookout, SeenFailure, listed, lookout, seen
from flower_ng.web.ui.chart_span import SPANS, Span, span_of, spans
from flower_ng.web.ui.charts import highest, path
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Choice

#: Kinds that are shown; what is left out is counted.
SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class FailureLine:
    """One kind with its page; `trend` is the `d` of a path."""

    one: SeenFailure
    url: str
    trend: str


@dataclass(frozen=True, slots=True)
class FailuresView:
    """The kinds of a span that stand as chosen; `problem` is why none can be told, else empty.

    `look` is what they are of, None where there is a problem; `left_out` kinds are not shown.
    """

    title: str
    spans: tuple[Choice, ...]
    choices: tuple[Choice, ...]
    span: Span
    choice: str
    lines: tuple[FailureLine, ...]
    left_out: int
    look: Lookout | None
    problem: str
    links: Links


class FailuresPage(Page):
    """`/failures`."""

    path = "/failures"
    need = Need.READ
    nav = "Failures"
    template = "pages/failures.html"

    async def view(self, *_none: str) -> FailuresView:
        """Read the newest failures, and show those of the span by kind."""
        links, span = Links(self.services.prefix), span_of(self.get_argument("span", default=""))
        wanted: str = self.get_argument("state", default="")
        choice = wanted if wanted in CHOICES else "open"
        look, problem, kinds, shown = None, "", list[FailureKind](), list[SeenFailure]()
        try:
            look = await lookout(self.cluster, span, self.services.clock())
            kinds = listed(self.cluster, look, choice)
            shown = await seen(self.cluster, look, kinds[:SHOWN])
        except AnswerError as error:
            problem = error.message
        key = "" if span is SPANS[0] else span.key
        return FailuresView(
            title="Failures",
            spans=tuple(spans(span, "/failures", links, {"state": wanted and choice})),
            choices=tuple(
                Choice(
                    one.capitalize(),
                    links.page("/failures", _given(span=key, state="" if one == "open" else one)),
                    one == choice,
                )
                for one in CHOICES
            ),
            span=span,
            choice=choice,
            lines=tuple(
                FailureLine(one, links.failure(one.kind.digest, key), _path(one)) for one in shown
            ),
            left_out=len(kinds) - len(shown),
            look=look,
            problem=problem,
            links=links,
        )


def _given(**query: str) -> dict[str, str]:
    return {name: value for name, value in query.items() if value}


def _path(one: SeenFailure) -> str:
    trend = list(map(float, one.kind.trend))
    return path(trend, highest(trend) or 1.0)
