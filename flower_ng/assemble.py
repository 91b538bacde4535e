"""Builds the parts of a cluster from the options and from parts that exist already. On the loop.

`Cluster` calls these functions in order, holds what they return, and starts and stops it.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

from celery import Celery
from tornado.ioloop import IOLoop

from flower_ng import __version__
from flower_ng.brokers import BrokerAdapter
from flower_ng.brokers.poll import Poll
from flower_ng.changes import Observer
from flower_ng.doctor import Doctor, OwnOptions, Surveyor
from flower_ng.doctoring import own
from flower_ng.events import Events, PrometheusMetrics
from flower_ng.health import RULES, ProblemWatch
from flower_ng.health.checkup import ProblemLimits
from flower_ng.health.facts.gathering import FactSources
from flower_ng.health.notify.apprise import messengers
from flower_ng.health.notify.delivery import NoticeDelivery, Sender
from flower_ng.health.notify.digest import NoticeDigest
from flower_ng.health.notify.webhook import Webhook
from flower_ng.metrics import Inspections, LoopLag, MetricSources, ProblemMetric
from flower_ng.monitor.holds.crew import Crew
from flower_ng.monitor.holds.keeper import Holds
from flower_ng.monitor.ingest.inbox import Inbox
from flower_ng.monitor.remote.control import Control
from flower_ng.monitor.remote.inspector import WorkerInspector
from flower_ng.monitor.remote.verifying import Verifier
from flower_ng.monitor.servers import Servers
from flower_ng.monitor.state.presence import Presence
from flower_ng.records import Task
from flower_ng.redaction import Redactor
from flower_ng.settings import Settings
from flower_ng.settings.amounts import seconds, size_bytes
from flower_ng.store import MOST_BYTES, Bounds, Limits, levels, usual_max_bytes


def events(
    capp: Celery,
    settings: Settings,
    io_loop: IOLoop,
    servers: Servers,
    metrics: PrometheusMetrics,
    observers: Sequence[Observer],
    adopt: Callable[[Sequence[Task]], None],
    redactor: Redactor,
) -> Events:
    """Build the events' thread with its state and its store; `adopt` gets the restored tasks."""
    return Events(
        capp,
        io_loop,
        db=settings.db,
        persistent=settings.persistent,
        enable_events=settings.enable_events,
        event_queue=settings.event_queue,
        metrics=metrics,
        inbox=Inbox(settings.inbox_max_messages, settings.inbox_max_bytes),
        observers=observers,
        levels=levels(
            settings.history_by_minute_days,
            settings.history_by_ten_minutes_days,
            settings.history_by_hour_days,
        ),
        history=settings.history,
        history_optional=settings.history_optional,
        max_tasks_kept=settings.history_max_tasks,
        keep=history_limits(settings),
        bounds=Bounds(settings.history_max_text, settings.history_max_events),
        returned=adopt,
        redactor=redactor,
        max_workers_in_memory=settings.max_workers,
        max_tasks_in_memory=settings.max_tasks,
        servers=servers,
    )


def history_limits(settings: Settings) -> Limits:
    """Return for how long the options keep tasks, and in how many bytes."""
    path = Path(settings.db) if settings.persistent and settings.db else None
    size = settings.history_max_bytes
    usual = MOST_BYTES if settings.history else usual_max_bytes(path)
    return Limits(
        seconds(settings.history_max_age),
        seconds(settings.history_max_failure_age),
        usual if size is None else size_bytes(size),
        seconds(settings.audit_max_age),
    )


def holds(
    events: Events, control: Control, inspector: WorkerInspector, presence: Presence
) -> Holds:
    """Build what keeps queues paused and workers drained."""
    store = events.store
    crew = Crew(control, inspector, lambda: events.state.workers, presence.status, events.clock)
    made = Holds(crew, store.owned_notes, store.notebook, store.record, lambda: events.state.tasks)
    store.when_reopened(made.rewrite)
    return made


def health_limits(settings: Settings) -> ProblemLimits:
    """Return the thresholds of the rules and the times of the health checks."""
    return ProblemLimits(
        {rule.name: getattr(settings, rule.option) for rule in RULES},
        settings.problems_interval,
        settings.problems_hold,
        settings.problems_quiet_start,
    )


def health_sources(
    settings: Settings,
    events: Events,
    inspections: Inspections,
    poll: Poll,
    missing: Mapping[str, int],
    holds: Holds,
) -> FactSources:
    """Return what each health check reads, apart from workers and tasks."""
    stats = events.stats
    return FactSources(
        connection=lambda: events.connection,
        dropped=lambda: sum(stats.dropped.values()),
        malformed=lambda: sum(stats.malformed.values()),
        disallowed=lambda: stats.disallowed,
        cuts=lambda: stats.cuts,
        missing=missing,
        asked=lambda: (inspections.answered, inspections.answered_s),
        store=events.store.status,
        enable_events=settings.enable_events,
        has_returned=lambda: not events.returning.lasts_s,
        broker=lambda: poll.facts,
        paused_by=holds.paused_by,
        is_revoked=lambda uuid: uuid in holds.revoked,
    )


def doctor(
    settings: Settings, capp: Celery, pool: Executor, broker: BrokerAdapter, events: Events
) -> Doctor:
    """Build what checks broker, result backend and workers once, on request."""
    store = events.store

    def own_options() -> OwnOptions:
        return own(settings, store.warnings, fault=store.failing or "")

    reply_s = settings.inspect_timeout / 1000
    return Doctor(Surveyor(capp, pool, broker, events, own_options, reply_s=reply_s).survey)


def notifications(
    settings: Settings, problems: ProblemWatch, app_name: str, pool: Executor
) -> Iterator[NoticeDelivery]:
    """Yield one for each receiver, with a digest of its own: a failing one delays no other."""
    for sender in _senders(settings, app_name, pool):
        digest, wait_s = NoticeDigest(settings.webhook_cool_down), settings.webhook_wait
        yield NoticeDelivery(problems, sender, digest, wait_s=wait_s, clock=time.time)


def _senders(settings: Settings, app_name: str, pool: Executor) -> Iterator[Sender]:
    if settings.webhook_url:
        yield Webhook(settings.webhook_url, settings.webhook_secret, app_name, time.time)
    yield from messengers(settings.notify, app_name, pool)


def problem_metric(problems: ProblemWatch) -> ProblemMetric:
    """Build the metric of the problems that are raised now."""
    return ProblemMetric(
        lambda: ((raised.rule, raised.subject, raised.mute is None) for raised in problems.now)
    )


def metric_sources(
    events: Events,
    metrics: PrometheusMetrics,
    loop_lag: LoopLag,
    inspections: Inspections,
    verifier: Verifier,
    delayed: Callable[[], int | None],
    missing: Mapping[str, int],
) -> MetricSources:
    """Return what the metrics about flower_ng itself read at each scrape."""
    stats, inbox, state = events.stats, events.inbox, events.state
    return MetricSources(
        version=__version__,
        received=lambda: stats.received,
        dropped=lambda: stats.dropped,
        malformed=lambda: stats.malformed,
        cuts=lambda: stats.cuts,
        missing=lambda: missing,
        inbox_messages=lambda: inbox.messages,
        inbox_bytes=lambda: inbox.bytes,
        connected=lambda: events.connection.connected,
        tasks=lambda: len(state.tasks),
        workers=lambda: len(state.workers),
        flower=metrics,
        loop_lag=loop_lag,
        inspections=inspections,
        store=events.store.status,
        delayed=delayed,
        learned=lambda: verifier.learned,
    )
