"""The cluster as it was in a minute of the past, as far as the history holds it. On the loop."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.errors import AnswerError
from flower_ng.health import Problem
from flower_ng.store import (
    Bucket,
    GaugePoint,
    QueuePoint,
    SeriesPage,
    SeriesQuery,
    TaskQuery,
    TaskRow,
    WorkerPoint,
    parse_search,
)
from flower_ng.web.ui.gap_words import GAP_WHY
from flower_ng.web.ui.time_window import moment

#: So many steps before are looked at for workers that were heard then and no more.
STEPS_BEFORE: Final = 5
#: Tasks that ran are looked for among those that started within this time before.
STARTED_S: Final = 86_400.0
#: Running tasks that are shown, the ones that ran longest.
SHOWN: Final = 30
#: Workers, or queues, that are shown; more are counted.
MOST: Final = 2_000


@dataclass(frozen=True, slots=True)
class PastWorker:
    """A worker: heard in the step itself, or last in one that began at `heard` (UTC seconds).

    `active` and `load` are means of the step, `most` the most tasks that it ran at once; None
    where it did not tell.
    """

    name: str
    is_heard: bool
    heard: float
    active: float | None
    most: float | None
    load: float | None


@dataclass(frozen=True, slots=True)
class PastQueue:
    """A queue: what waited by the step's last sample, and what events told of the step."""

    name: str
    length: int | None
    oldest_age_s: float | None
    sent: int
    received: int


@dataclass(frozen=True, slots=True)
class Past:
    """A step from `start` on (UTC seconds): what was recorded of it, each list by name.

    `bucket` says how much of it was observed, None where it could not be read, and `why` what is
    missing. `running` had started before `start`, as far as the newest attempt of a task tells;
    `running_count` is how many, None where that can't be read. `search` finds them. `problems` were
    raised then; `has_all_problems` is whether none so old may be forgotten. `left_out` workers or
    queues are not listed. `troubles` say what could not be read.
    """

    start: int
    step_s: int
    bucket: Bucket | None
    why: tuple[str, ...]
    workers: tuple[PastWorker, ...]
    queues: tuple[PastQueue, ...]
    running: tuple[TaskRow, ...]
    running_count: int | None
    search: str
    problems: tuple[Problem, ...]
    has_all_problems: bool
    left_out: int
    troubles: tuple[str, ...]

    @property
    def is_recorded(self) -> bool:
        """Whether anything of it was observed."""
        return self.bucket is not None and self.bucket.gap != "whole"

    @property
    def heard(self) -> int:
        """How many workers were heard."""
        return sum(one.is_heard for one in self.workers)

    @property
    def waiting(self) -> int | None:
        """How many messages waited in all queues of which it is known; None where of none."""
        known = [one.length for one in self.queues if one.length is not None]
        return sum(known) if known else None


async def past(cluster: Cluster, at: float) -> Past:
    """Return what is known of the minute that a moment is in, or of the step that is kept of it."""
    store, troubles = cluster.store, list[str]()
    step_s = store.kept_step(at).step_s
    start = int(at // step_s) * step_s
    workers = await _series(cluster, "worker", start, step_s, troubles)
    queues = await _series(cluster, "queue", start, step_s, troubles)
    when = moment(start)
    since = moment(max(0.0, start - STARTED_S))
    search = f"started:>={since} started:<{when} -finished:<{when} -state:RETRY"
    running, count = await _running(cluster, search, troubles)
    found = [*_workers(workers)], [*_queues(queues)]
    gaps = await store.gaps(start, start + step_s)
    return Past(
        start=start,
        step_s=step_s,
        bucket=workers.buckets[-1] if workers and workers.buckets else None,
        why=tuple(dict.fromkeys(GAP_WHY.get(gap.why, gap.why) for gap in gaps)),
        workers=tuple(found[0][:MOST]),
        queues=tuple(found[1][:MOST]),
        running=running,
        running_count=count,
        search=search,
        problems=tuple(_problems(cluster, start, start + step_s)),
        has_all_problems=_has_all_problems(cluster, start),
        left_out=sum(max(0, len(one) - MOST) for one in found),
        troubles=tuple(dict.fromkeys(troubles)),
    )


async def _series(
    cluster: Cluster, kind: str, start: int, step_s: int, troubles: list[str]
) -> SeriesPage | None:
    """Return a step of all names with those before it; None, and why, where it can't be read."""
    before = STEPS_BEFORE if kind == "worker" else 0
    first = max(0, start - before * step_s)
    try:
        query = SeriesQuery(kind, None, first, start + step_s, step_s, percentiles=False)
        return await cluster.store.series(query)
    except AnswerError as error:
        troubles.append(f"Numbers over time: {error.message}")
        return None


async def _running(
    cluster: Cluster, search: str, troubles: list[str]
) -> tuple[tuple[TaskRow, ...], int | None]:
    query = TaskQuery(search=parse_search(search), sort="started", limit=SHOWN)
    try:
        page = await cluster.store.tasks(query)
        return tuple(cluster.format_task(row) for row in page.rows), page.filtered
    except AnswerError as error:
        troubles.append(f"Running tasks: {error.message}")
        return (), None


def _workers(page: SeriesPage | None) -> Iterator[PastWorker]:
    if page is None or not page.buckets:
        return
    for one in page.series:
        known = [
            (bucket.start, point)
            for bucket, point in zip(page.buckets, one.points, strict=True)
            if isinstance(point, WorkerPoint)
        ]
        if known:
            heard, point = known[-1]
            is_heard = heard == page.buckets[-1].start
            told = point if is_heard else WorkerPoint(None, None)
            yield PastWorker(
                one.name,
                is_heard,
                float(heard),
                _figure(told.active, "mean"),
                _figure(told.active, "most"),
                _figure(told.load, "mean"),
            )


def _queues(page: SeriesPage | None) -> Iterator[PastQueue]:
    for one in page.series if page is not None else ():
        point = one.points[-1]
        if isinstance(point, QueuePoint):
            length = _figure(point.length, "last")
            yield PastQueue(
                one.name,
                None if length is None else round(length),
                _figure(point.oldest_age_s, "last"),
                point.sent,
                point.received,
            )


def _figure(gauge: GaugePoint | None, name: str) -> float | None:
    return None if gauge is None else getattr(gauge, name)


def _problems(cluster: Cluster, start: float, end: float) -> Sequence[Problem]:
    """Return the problems that were raised at any time of a step."""
    watch = cluster.problems
    return [
        one
        for one in (*watch.now, *watch.past)
        if one.raised < end and (one.cleared is None or one.cleared >= start)
    ]


def _has_all_problems(cluster: Cluster, start: float) -> bool:
    known = cluster.problems.past
    return len(known) < (known.maxlen or 0) or (known[-1].cleared or 0.0) < start
