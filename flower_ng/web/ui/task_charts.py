"""Outcomes is what series of tasks tell: shares, percentiles, and their charts; pure."""

from collections.abc import Callable, Sequence
from typing import Final

from flower_ng.monitor.deploys import Deploy
from flower_ng.store import Bucket, SeriesPage, Spread, TaskPoint
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.charts import Chart, Values, chart, from_first_data

#: Of a shorter time no rate is told: it would be chance.
LEAST_OBSERVED_S: Final = 5.0


def failed_share(point: TaskPoint | None) -> float | None:
    """Return the failed of the finished, 0 to 1; None where none finished."""
    finished = point.succeeded + point.failed if point else 0
    return point.failed / finished if point and finished else None


def total_run_s(point: TaskPoint) -> float | None:
    """Return how long all tasks ran, however they ended; None where none has ended."""
    ended = point.succeeded + point.failed + point.retried + point.revoked + point.rejected
    return point.total_run_s if ended else None


def figure(spread: Spread | None, name: str) -> float | None:
    """Return one of the figures of a spread; None where nothing is known."""
    return None if spread is None else getattr(spread, name)


def observed_s(page: SeriesPage) -> float:
    """Return for how long events could arrive."""
    return sum(bucket.observed_s for bucket in page.buckets)


def rate(count: float, bucket: Bucket) -> float | None:
    """Return how many there were a second of the time that was observed; None for too little."""
    return count / bucket.observed_s if bucket.observed_s >= LEAST_OBSERVED_S else None


def task_charts(
    page: SeriesPage, deploys: Sequence[Deploy], listed: Callable[[str], str]
) -> Sequence[Chart]:
    """Return charts of the first series: what came and ended, what failed, how long it took.

    `listed` returns the URL of the tasks that match a search.
    """
    page = from_first_data(page)
    each = [point if isinstance(point, TaskPoint) else None for point in page.series[0].points]

    def values(told: Callable[[TaskPoint], float | None]) -> Values:
        return [None if point is None else told(point) for point in each]

    def rates(told: Callable[[TaskPoint], int]) -> Values:
        return [
            None if point is None else rate(told(point), bucket)
            for point, bucket in zip(each, page.buckets, strict=True)
        ]

    return (
        chart(
            "Tasks per second",
            page,
            [
                ("received", "received", rates(lambda point: point.tasks)),
                ("succeeded", "success", rates(lambda point: point.succeeded)),
                ("failed", "failure", rates(lambda point: point.failed)),
            ],
            fmt.rate,
            deploys,
            listed("received:{period}"),
        ),
        chart(
            "Failure rate",
            page,
            [("share", "failure", values(failed_share))],
            fmt.share,
            deploys,
            listed("state:FAILURE updated:{period}"),
        ),
        chart(
            "Run time",
            page,
            [
                ("p50", "low", values(lambda point: figure(point.run, "p50_s"))),
                ("p95", "mid", values(lambda point: figure(point.run, "p95_s"))),
                ("p99", "high", values(lambda point: figure(point.run, "p99_s"))),
            ],
            fmt.duration,
            deploys,
            listed("has:runtime updated:{period}"),
        ),
        chart(
            "Queue and worker wait",
            page,
            [
                ("in queue p95", "low", values(lambda one: figure(one.queued, "p95_s"))),
                ("in worker p95", "mid", values(lambda one: figure(one.wait, "p95_s"))),
            ],
            fmt.duration,
            deploys,
            listed("started:{period}"),
        ),
    )
