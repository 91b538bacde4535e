"""Outcomes is what series of tasks tell: shares, percentiles, and their charts; pure."""

from collections.abc import Callable, Sequence

from flower_ng.store import SeriesPage
from flower_ng.store.rollups.points import Spread, TaskPoint
from flower_ng.web import format as fmt
from flower_ng.web.charts import Chart, Values, chart


def failed_share(point: TaskPoint | None) -> float | None:
    """Return the failed of the finished, 0 to 1; None where none finished."""
    finished = point.succeeded + point.failed if point else 0
    return point.failed / finished if point and finished else None


def figure(spread: Spread | None, name: str) -> float | None:
    """Return one of the figures of a spread; None where nothing is known."""
    return None if spread is None else getattr(spread, name)


def task_charts(page: SeriesPage) -> Sequence[Chart]:
    """Return charts of the first series: what came and ended, how long it ran and waited."""
    each = [point if isinstance(point, TaskPoint) else None for point in page.series[0].points]

    def values(told: Callable[[TaskPoint], float | None]) -> Values:
        return [None if point is None else told(point) for point in each]

    return (
        chart(
            "Tasks",
            page,
            [
                ("received", "received", values(lambda point: point.received)),
                ("succeeded", "success", values(lambda point: point.succeeded)),
                ("failed", "failure", values(lambda point: point.failed)),
            ],
            lambda value: fmt.short(None if value is None else int(value)),
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
        ),
        chart(
            "Wait before the start",
            page,
            [
                ("in the queue p95", "low", values(lambda one: figure(one.queued, "p95_s"))),
                ("in the worker p95", "mid", values(lambda one: figure(one.wait, "p95_s"))),
            ],
            fmt.duration,
        ),
    )
