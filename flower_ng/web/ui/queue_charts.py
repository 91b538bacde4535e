"""The charts of one queue: what comes and goes, how much waits, and for how long. Pure."""

from collections.abc import Callable, Sequence

from flower_ng.monitor.deploys import Deploy
from flower_ng.store import GaugePoint, QueuePoint, SeriesPage
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.charts import Chart, Values, chart, from_first_data
from flower_ng.web.ui.task_charts import rate


def queue_charts(
    page: SeriesPage, deploys: Sequence[Deploy], listed: Callable[[str], str]
) -> tuple[Chart, ...]:
    """Return the charts; what nobody told is a gap.

    `listed` returns the URL of the tasks that match a search.
    """
    page = from_first_data(page)
    points = [one if isinstance(one, QueuePoint) else None for one in page.series[0].points]
    is_told = any(point is not None and point.sent for point in points)

    def rates(count: Callable[[QueuePoint], int]) -> Values:
        return [
            rate(count(point), bucket) if point and is_told else None
            for point, bucket in zip(points, page.buckets, strict=True)
        ]

    def levels(told: Callable[[QueuePoint], GaugePoint | None], figure: str) -> Values:
        found = [told(point) if point else None for point in points]
        return [None if level is None else getattr(level, figure) for level in found]

    flow = [
        ("in", "high", rates(lambda point: point.sent)),
        ("out", "mid", rates(lambda point: point.received)),
    ]
    length = [
        ("mean", "mid", levels(lambda point: point.length, "mean")),
        ("most", "high", levels(lambda point: point.length, "most")),
    ]
    oldest = [("oldest", "mid", levels(lambda point: point.oldest_age_s, "most"))]
    return (
        chart("In and out", page, flow, fmt.rate, deploys, listed("sent:{period}")),
        chart("Waiting", page, length, _whole, deploys),
        chart("Oldest message", page, oldest, fmt.span, deploys),
    )


def _whole(value: float | None) -> str:
    return fmt.short(None if value is None else round(value))
