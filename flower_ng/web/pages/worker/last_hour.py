"""The last hour of a worker: how busy it was, by its heartbeats, and its newest tasks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.errors import AnswerError
from flower_ng.store import GaugePoint, SeriesPage, SeriesQuery, TaskQuery, TaskRow, WorkerPoint
from flower_ng.web.lookups.deploy_marks import deploys
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.charts import Chart, Values, chart, from_first_data
from flower_ng.web.ui.time_window import start_of

HOUR_S: Final = 3600
STEP_S: Final = 60
#: The newest tasks that are shown; the list of tasks has the rest.
NEWEST: Final = 15


@dataclass(frozen=True, slots=True)
class LastHour:
    """Charts and newest tasks; `problem` is why they could not be read."""

    charts: tuple[Chart, ...]
    tasks: tuple[TaskRow, ...]
    problem: str


async def last_hour(cluster: Cluster, name: str, now: float) -> LastHour:
    """Return what the store knows of a worker."""
    query = SeriesQuery("worker", (name,), start_of(HOUR_S, now), now, STEP_S)
    try:
        page = await cluster.store.series(query)
        newest = await cluster.store.tasks(TaskQuery(worker=name, limit=NEWEST))
    except AnswerError as error:
        return LastHour((), (), error.message)
    return LastHour(tuple(_charts(cluster, page, name, now)), tuple(newest.rows), "")


def _charts(cluster: Cluster, page: SeriesPage, name: str, now: float) -> Sequence[Chart]:
    page = from_first_data(page)
    starts = [one for one in deploys(cluster, now - HOUR_S, now) if name in one.workers]

    def values(told: Callable[[WorkerPoint], GaugePoint | None], figure: str) -> Values:
        levels = [
            told(point) if isinstance(point, WorkerPoint) else None
            for point in page.series[0].points
        ]
        return [None if level is None else getattr(level, figure) for level in levels]

    active = [
        ("mean", "mid", values(lambda point: point.active, "mean")),
        ("most", "high", values(lambda point: point.active, "most")),
    ]
    load = [("mean", "low", values(lambda point: point.load, "mean"))]
    return (
        chart("Concurrent tasks", page, active, _short, starts),
        chart("Host load average", page, load, _short, starts),
    )


def _short(value: float | None) -> str:
    return fmt.DASH if value is None else f"{value:.2f}".removesuffix(".00")
