"""Gathers what is known of a queue's load: what comes, waits and runs. On the loop."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.errors import AnswerError
from flower_ng.monitor.state.presence import OFFLINE
from flower_ng.records import Task
from flower_ng.store import QueuePoint, SeriesPage, SeriesQuery
from flower_ng.web.lookups.consumers import Consumer, Lengths
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.queue_needs import QueueLoad
from flower_ng.web.ui.queue_rates import LEAST_S, STEP_S, WINDOW_S, flow
from flower_ng.web.ui.queue_work import QueueWork, work_of
from flower_ng.web.ui.time_window import start_of

#: How long ago runs may have ended of which the mean is taken: an hour, else a day.
RUNS_S: Final = 3600.0
LONG_RUNS_S: Final = 86_400.0
#: Without any task-sent event for so long it is not known whether anybody tells of sending.
SENT_S: Final = 86_400.0
#: So many tasks of all queues are gone through, the oldest.
MOST_TASKS: Final = 10_000
NO_EVENTS: Final = "No events arrive from the broker now."
NO_SENDS: Final = (
    "What comes in is unknown: no task-sent event named this queue in the last 24 hours. Set"
    " task_send_sent_event = True where tasks are published."
)


@dataclass(frozen=True, slots=True)
class Measured:
    """The load of a queue, and the work of the last hour; None where the history can't tell."""

    load: QueueLoad
    work: QueueWork | None
    problem: str = ""


async def queue_load(
    cluster: Cluster, name: str, told: Lengths, workers: Sequence[Consumer], now: float
) -> Measured:
    """Return what is known of a queue now; what can't be read is unknown, with why."""
    numbers, poll = told.numbers.get(name), cluster.poll
    waiting = None if numbers is None or told.age_s is not None else numbers.length
    running, reserved = _in_hand(cluster, name)
    slots = [one.slots for one in workers if one.slots is not None]
    work: QueueWork | None = None
    arrivals, problem = _Arrivals(), ""
    try:
        arrivals = await _arrivals(cluster, name, now)
        work = await cluster.store.queue_tasks(name, now - RUNS_S, work_of)
        runs, runs_over_s = work, now - work.since
        if not runs.whole.runs and not runs.is_cut:
            runs = await cluster.store.queue_tasks(name, now - LONG_RUNS_S, work_of)
            runs_over_s = now - runs.since
    except AnswerError as error:
        problem = error.message
        return Measured(QueueLoad(waiting, why=problem), work, problem)
    load = QueueLoad(
        waiting=waiting,
        age_s=None if poll.told_at is None else max(0.0, now - poll.told_at),
        arrivals_per_s=arrivals.per_s,
        departures_per_s=arrivals.out_per_s,
        over_s=arrivals.over_s,
        is_least=arrivals.is_least,
        run_s=runs.mean_run_s,
        runs=runs.whole.runs,
        runs_over_s=runs_over_s,
        reserved=reserved,
        running=running,
        slots=sum(slots) if len(slots) == len(workers) and slots else None,
        workers=len(workers),
        why=_why_no_length(name, told) if waiting is None else arrivals.why,
    )
    return Measured(load, work)


def _why_no_length(name: str, told: Lengths) -> str:
    if told.age_s is not None:
        return f"The length is {fmt.span(told.age_s)} old. {told.trouble}".strip()
    numbers = told.numbers.get(name)
    reason = numbers.reason if numbers is not None else ""
    return told.trouble or reason or "The broker told no length of this queue."


@dataclass(frozen=True, slots=True)
class _Arrivals:
    """What came and went in a second, as events told over a time; None with why."""

    per_s: float | None = None
    out_per_s: float | None = None
    over_s: float = 0.0
    is_least: bool = False
    why: str = ""


async def _arrivals(cluster: Cluster, name: str, now: float) -> _Arrivals:
    if not cluster.events.connection.connected:
        return _Arrivals(why=NO_EVENTS)
    recent = await _series(cluster, name, WINDOW_S, STEP_S, now)
    over_s = sum(bucket.observed_s for bucket in recent.buckets)
    if over_s < LEAST_S:
        why = f"Events were heard for {fmt.span(over_s)} of the last {fmt.span(WINDOW_S)} only."
        return _Arrivals(why=f"What comes in is unknown. {why}")
    points = [one if isinstance(one, QueuePoint) else None for one in recent.series[0].points]
    found = flow(recent, points, ())
    is_least = any(bucket.dropped for bucket in recent.buckets)
    if found.arrivals_per_s is not None:
        return _Arrivals(found.arrivals_per_s, found.departures_per_s, over_s, is_least)
    day = await _series(cluster, name, SENT_S, None, now)
    whole = day.series[0].whole
    if isinstance(whole, QueuePoint) and whole.sent:  # who sends tells of it: nothing came
        return _Arrivals(0.0, 0.0, over_s, is_least)
    return _Arrivals(why=NO_SENDS)


async def _series(
    cluster: Cluster, name: str, length_s: float, step_s: int | None, now: float
) -> SeriesPage:
    query = SeriesQuery("queue", (name,), start_of(length_s, now), now, step_s)
    return await cluster.store.series(query)


def _in_hand(cluster: Cluster, name: str) -> tuple[int, int]:
    """Return how many tasks of a queue run, and how many wait inside workers.

    Those that an offline worker had begun don't run; those that it held will elsewhere.
    """
    seen, state = cluster.task_observer, cluster.state
    running = sum(
        _is_of(task, name) and cluster.presence.status(task.worker) not in OFFLINE
        for task in seen.running(state, MOST_TASKS)
    )
    reserved = sum(_is_of(task, name) for task in seen.reserved(state, MOST_TASKS))
    return running, reserved


def _is_of(task: Task, name: str) -> bool:
    return task.queue == name
