"""Deploys is what was deployed when, and what changed since."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flower_ng.errors import AnswerError, BadRequest
from flower_ng.monitor.deploys import Deploy
from flower_ng.monitor.remote.deploy_actions import LINK_LENGTH, NAME_LENGTH, REMOVE, TELL
from flower_ng.web.http.base import Need, Page
from flower_ng.web.http.moments import instant
from flower_ng.web.lookups.changes_since import LISTED_S, ChangesSince, changes_since, chosen
from flower_ng.web.lookups.deploy_marks import deploys
from flower_ng.web.ui.changed import LEAST_RUNS, TIMES
from flower_ng.web.ui.chart_span import SPANS, Span, span_of, spans
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Choice

#: Deploys that are listed, the newest; what is left out is counted.
SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class DeployLine:
    """A deploy, with the address of what changed since; `is_current` is that this is shown."""

    deploy: Deploy
    url: str
    remove_url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class DeploysView:
    """What changed since `deploy`, None where none is known; `problem` is why it can't be told.

    The first of `lines` is the newest.
    """

    title: str
    spans: tuple[Choice, ...]
    span: Span
    deploy: Deploy | None
    changes: ChangesSince | None
    problem: str
    lines: tuple[DeployLine, ...]
    left_out: int
    least_runs: int
    times: float
    tell_url: str
    name_length: int
    link_length: int
    app_name: str
    links: Links


class DeploysPage(Page):
    """`/deploys`; with `since`, a moment, what changed since then."""

    path = "/deploys"
    need = Need.READ
    nav = "Deploys"
    template = "pages/deploys.html"

    async def view(self, *_none: str) -> DeploysView:
        """Compare what was before the deploy with what is after it."""
        links, now = Links(self.services.prefix), self.services.clock()
        span = span_of(self.get_argument("span", default=""))
        since = self.get_argument("since", default="")
        deploy = chosen(self.cluster, instant("since", since, now) if since else None, now)
        if deploy is not None and deploy.at > now:
            raise BadRequest(f"since must be in the past, not '{since}'")
        changes, problem = None, ""
        if deploy is not None:
            try:
                changes = await changes_since(self.cluster, deploy, span, now)
            except AnswerError as error:
                problem = error.message
        known = deploys(self.cluster, now - LISTED_S, now)[::-1]
        key = "" if span is SPANS[0] else span.key
        return DeploysView(
            title="Deploys",
            spans=tuple(spans(span, "/deploys", links, {"since": since})),
            span=span,
            deploy=deploy,
            changes=changes,
            problem=problem,
            lines=tuple(_lines(known[:SHOWN], deploy, key, links)),
            left_out=max(0, len(known) - SHOWN),
            least_runs=LEAST_RUNS,
            times=TIMES,
            tell_url=links.action(TELL.route),
            name_length=NAME_LENGTH,
            link_length=LINK_LENGTH,
            app_name=self.cluster.app_name,
            links=links,
        )


def _lines(
    known: tuple[Deploy, ...], shown: Deploy | None, span: str, links: Links
) -> Iterator[DeployLine]:
    for one in known:
        remove_url = links.action(REMOVE.route, one.id) if one.is_told else ""
        yield DeployLine(one, links.deploys(one.at, span), remove_url, one == shown)
