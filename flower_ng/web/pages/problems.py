"""Problems is what is wrong now, what was, what shows it, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.health import unmuted
from flower_ng.health.notify.delivery import NoticeDelivery
from flower_ng.web.http.base import NavCount, Need, Page
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.problem_rows import ProblemGroup, ProblemRow, kinds, problem_row

#: Past problems that are shown; the API has more.
MOST_PAST: Final = 50
#: For how long a problem may be muted, in seconds.
SPANS: Final = {"1 hour": 3600, "8 hours": 28_800, "1 day": 86_400, "1 week": 604_800}


@dataclass(frozen=True, slots=True)
class ProblemsView:
    """What is wrong by rule, what is muted, and what is over, the newest first.

    `pending` is what was found and has not lasted for long enough to be a problem. `looked_at` is
    when flower_ng last looked (UTC seconds), None before the first time; `quiet_s` for how long
    nothing is raised yet. `left_out` counts subjects that were too many to tell.
    """

    title: str
    kinds: tuple[ProblemGroup, ...]
    pending: tuple[ProblemGroup, ...]
    muted: tuple[ProblemGroup, ...]
    resolved: tuple[ProblemRow, ...]
    looked_at: float | None
    quiet_s: float
    rules: int
    left_out: int
    spans: dict[str, int]
    mute_url: str
    unmute_url: str
    test_url: str
    tellings: Sequence[NoticeDelivery]


class Problems(Page):
    """`/problems`."""

    path = "/problems"
    need = Need.READ
    nav = "Problems"
    template = "pages/problems.html"

    @classmethod
    def count(cls, cluster: Cluster) -> NavCount | None:
        """How many problems there are that are not muted."""
        number = len(unmuted(cluster.problems.now))
        return NavCount(number, f"{number} problems", is_alarming=True) if number else None

    async def view(self, *_none: str) -> ProblemsView:
        """Show what the watch found."""
        watch, links = self.cluster.problems, Links(self.services.prefix)
        quiet_s = watch.engine.quiet_until - self.services.clock()
        told = unmuted(watch.now)
        return ProblemsView(
            title="Problems",
            kinds=tuple(kinds(told, links)),
            pending=tuple(kinds(unmuted(watch.pending), links)),
            muted=tuple(kinds((one for one in watch.now if one.mute is not None), links)),
            resolved=tuple(problem_row(one, links) for one in list(watch.past)[:MOST_PAST]),
            looked_at=watch.looked_at,
            quiet_s=max(0.0, quiet_s),
            rules=len(watch.engine.rules),
            left_out=sum(watch.engine.left_out.values()),
            spans=SPANS,
            mute_url=links.action("problems/mute"),
            unmute_url=links.action("problems/unmute"),
            test_url=links.action("problems/test"),
            tellings=self.cluster.tellings,
        )
