"""The kinds of failures, with what people did about them, for pages and the API. On the loop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.errors import NotFound
from flower_ng.monitor.deploys import Deploy, latest
from flower_ng.store import (
    FailureKind,
    FailureKinds,
    HandledFailure,
    TaskQuery,
    TaskRow,
    TrendBars,
    first_line,
    likeness,
    pieces,
)
from flower_ng.web.lookups.deploy_marks import deploys
from flower_ng.web.ui.chart_span import Span
from flower_ng.web.ui.links import word
from flower_ng.web.ui.time_window import from_then

#: A deploy that is longer ago is not told.
DEPLOY_S: Final = 7 * 86_400.0


class Standing(Enum):
    """Where a kind of failures stands; AGAIN: it failed again after it was resolved."""

    OPEN = "open"
    AGAIN = "came again"
    RESOLVED = "resolved"
    MUTED = "muted"


#: What each choice of the list shows.
CHOICES: Final[Mapping[str, frozenset[Standing]]] = {
    "open": frozenset({Standing.OPEN, Standing.AGAIN}),
    "resolved": frozenset({Standing.RESOLVED}),
    "muted": frozenset({Standing.MUTED}),
    "all": frozenset(Standing),
}


@dataclass(frozen=True, slots=True)
class Lookout:
    """The kinds that are known at `now`, with the last deploy, None where none is known.

    `has_earlier` says whether failures from before that deploy would be known: only then can one
    be called new. Numbers of the `span` are minimums where `is_least`: not all of it was looked at.
    Of the time before `oldest` (UTC seconds) no failure would be known; None: unknown.
    """

    found: FailureKinds
    bars: TrendBars
    span: Span
    now: float
    deploy: Deploy | None
    has_earlier: bool
    oldest: float | None

    @property
    def is_least(self) -> bool:
        """Whether more tasks failed in the span than are looked at."""
        return self.found.since is not None and self.found.since > self.bars.start

    def is_new(self, kind: FailureKind) -> bool:
        """Whether it failed for the first time after the last deploy, as far as is known."""
        deploy = self.deploy
        return deploy is not None and self.has_earlier and kind.first >= deploy.at


@dataclass(frozen=True, slots=True)
class SeenFailure:
    """A kind of failures as people see it: `count` are those of the span.

    `words` and `sample`, its newest task, are as `format_task` shows them: None and empty where the
    task has gone. `search` finds its tasks, and those that have the same words without being alike.
    """

    kind: FailureKind
    count: int
    words: str
    sample: TaskRow | None
    standing: Standing
    handled: HandledFailure
    is_new: bool
    search: str


async def lookout(cluster: Cluster, span: Span, now: float, since: Deploy | None = None) -> Lookout:
    """Read the newest failures; Unavailable where the history can't be read.

    What is new is so since this deploy, or the last one.
    """
    start = span.start(now)
    count = int((now - start) // span.step_s) + 1
    bars = TrendBars(start, span.step_s, count)
    found = await cluster.store.failure_kinds(TaskQuery(), bars)
    deploy = since or latest(deploys(cluster, now - DEPLOY_S, now))
    oldest = found.since if found.since is not None else cluster.store.status().oldest
    has_earlier = deploy is not None and oldest is not None and oldest < deploy.at
    return Lookout(found, bars, span, now, deploy, has_earlier, oldest)


def standing(handled: HandledFailure, last: float, now: float) -> Standing:
    """Return where a kind stands that failed `last`."""
    if handled.muted_until > now:
        return Standing.MUTED
    if handled.resolved_at is None:
        return Standing.OPEN
    return Standing.RESOLVED if last <= handled.resolved_last else Standing.AGAIN


def handled_of(cluster: Cluster, digest: str) -> HandledFailure:
    """Return what was done about a kind: nothing where nothing is kept of it."""
    kept = cluster.store.failure_handling.by_key.get(digest)
    return HandledFailure(digest, 0.0) if kept is None else kept


def listed(cluster: Cluster, look: Lookout, choice: str) -> list[FailureKind]:
    """Return the kinds that failed in the span and stand as chosen, the newest first."""
    wanted = CHOICES[choice]
    return [
        kind
        for kind in look.found.kinds.values()
        if sum(kind.trend) and _standing(cluster, kind, look.now) in wanted
    ]


async def seen(cluster: Cluster, look: Lookout, kinds: Sequence[FailureKind]) -> list[SeenFailure]:
    """Return kinds as people see them, each with its newest task."""
    rows = await cluster.store.those([kind.newest[0] for kind in kinds]) if kinds else []
    samples = {row.uuid: cluster.format_task(row) for row in rows}
    return [_seen(cluster, look, kind, samples.get(kind.newest[0])) for kind in kinds]


def kind_named(look: Lookout, digest: str) -> FailureKind:
    """Return a kind; NotFound where none of the failures that are known is of it."""
    kind = look.found.kinds.get(digest)
    if kind is None:
        where = "" if look.found.is_whole else f" among the newest {look.found.looked:,} failures"
        raise NotFound(f"No failure of the kind '{digest}' is known{where}")
    return kind


def _standing(cluster: Cluster, kind: FailureKind, now: float) -> Standing:
    return standing(handled_of(cluster, kind.digest), kind.last, now)


def _seen(
    cluster: Cluster, look: Lookout, kind: FailureKind, sample: TaskRow | None
) -> SeenFailure:
    words = "" if sample is None else likeness(first_line(sample.exception))
    return SeenFailure(
        kind=kind,
        count=sum(kind.trend),
        words=words,
        sample=sample,
        standing=_standing(cluster, kind, look.now),
        handled=handled_of(cluster, kind.digest),
        is_new=look.is_new(kind),
        search=_search(kind, words, look.bars.start),
    )


def _search(kind: FailureKind, words: str, start: float) -> str:
    name = f"name:={word(kind.name)}" if kind.name else "-has:name"
    named = f"exception:={word(kind.exception)}" if kind.exception else "-has:exception"
    texts = (f"exception:{word(piece)}" for piece in pieces(words))
    return " ".join(("state:FAILURE", f"updated:{from_then(start)}", name, named, *texts))
