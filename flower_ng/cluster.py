"""A Cluster owns everything that belongs to one broker; handlers reach the house only through it.

Built, started and stopped on the loop; it knows every part but the web.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import tzinfo
from inspect import isawaitable
from pathlib import Path
from typing import Any

from celery import Celery
from tornado.ioloop import IOLoop

from flower_ng import __version__
from flower_ng.banners import banners
from flower_ng.brokers import QueueNumbers, address, brokers_for, facts_of
from flower_ng.brokers.poll import Poll
from flower_ng.brokers.urls import readable
from flower_ng.doctor import Doctor, OwnOptions, Surveyor
from flower_ng.doctoring import own
from flower_ng.events import Events, PrometheusMetrics
from flower_ng.health import RULES
from flower_ng.health.checkup import Checkup
from flower_ng.health.checkup import Limits as HealthLimits
from flower_ng.health.facts.gathering import Sources as HealthSources
from flower_ng.health.facts.task_observer import Sightings
from flower_ng.health.notify.apprise import messengers
from flower_ng.health.notify.delivery import Sender, Telling
from flower_ng.health.notify.digest import Notices
from flower_ng.health.notify.webhook import Webhook
from flower_ng.hook import Hook
from flower_ng.metrics import (
    Inspections,
    LoopLag,
    OwnMetrics,
    ProblemMetric,
    QueueMetrics,
    QueueSources,
    Registry,
    Sources,
)
from flower_ng.monitor.ingest.inbox import Inbox
from flower_ng.monitor.remote.capacity import Serving, serving
from flower_ng.monitor.remote.control import Control
from flower_ng.monitor.remote.inspector import Inspector
from flower_ng.monitor.remote.publish import Publisher
from flower_ng.monitor.remote.publish_options import accepted_content
from flower_ng.monitor.remote.queue_names import active_queue_names, known_queue_names
from flower_ng.monitor.remote.results import Results
from flower_ng.monitor.remote.verifying import Verifier
from flower_ng.monitor.servers import Servers
from flower_ng.monitor.state.presence import OFFLINE, Presence
from flower_ng.monitor.state.purge import Purge
from flower_ng.monitor.state.sent_tasks import Oldest, Sent
from flower_ng.monitor.state.worker_starts import Starts
from flower_ng.records import Task
from flower_ng.settings import Settings
from flower_ng.settings.amounts import seconds, size_bytes
from flower_ng.store import Bounds, Limits
from flower_ng.store.backends.disk_space import MOST_BYTES, usual_max_bytes
from flower_ng.store.rollups.levels import levels
from flower_ng.store.tables.exceptions import exception_class

log = logging.getLogger(__name__)

POOL_THREADS = 24  # broadcasts wait for their replies in here, never on the loop


class Cluster:
    """One broker and all that belongs to it: app, events, state, store, inspector, control.

    `start()` and `stop()` are called on the loop. A broker that is away prevents neither.
    """

    name = "default"

    def __init__(self, capp: Celery, settings: Settings, io_loop: IOLoop) -> None:
        timeout_s = settings.inspect_timeout / 1000
        self.capp = capp
        self.servers = Servers(capp)
        every = readable(capp.conf.broker_read_url, self.servers.every)
        self.pool = ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="flower-pool")
        self.inspections = Inspections()
        self.inspector = Inspector(
            io_loop,
            capp,
            timeout_s,
            pool=self.pool,
            expected=lambda: [worker.hostname for worker in self.presence.online()],
            inspections=self.inspections,
            max_workers=settings.max_workers,
            servers=self.servers,
        )
        self.starts, self.sent = Starts(), Sent(timezone=capp.timezone)
        self.metrics = PrometheusMetrics(
            settings.task_runtime_metric_buckets or None, settings.metrics_max_pairs
        )
        sightings = self._sightings = Sightings(exception_class, time.time)
        self.events = Events(
            capp,
            io_loop,
            db=settings.db,
            persistent=settings.persistent,
            enable_events=settings.enable_events,
            metrics=self.metrics,
            inbox=Inbox(settings.inbox_max_messages, settings.inbox_max_bytes),
            observers=(self.starts, self.sent, sightings),
            levels=levels(
                settings.history_by_minute_days,
                settings.history_by_ten_minutes_days,
                settings.history_by_hour_days,
            ),
            history=settings.history,
            history_optional=settings.history_optional,
            max_tasks_kept=settings.history_max_tasks,
            keep=limits(settings),
            bounds=Bounds(settings.history_max_text, settings.history_max_events),
            returned=self._returned,
            max_workers_in_memory=settings.max_workers,
            max_tasks_in_memory=settings.max_tasks,
            servers=self.servers,
        )
        self.state, self.store = self.events.state, self.events.store
        self.state.on_newcomer(self.inspector.heard_of)
        self.control = Control(capp, self.pool, timeout_s, self.servers)
        results = Results(capp, self.pool)
        self.publisher = Publisher(
            capp, self.pool, results, accepted=self.accepted_content, servers=self.servers
        )
        self.presence = Presence(
            self.state,
            lambda: self.events.connection,
            settings.purge_offline_workers,
            self.events.clock,
        )
        self.verifier = Verifier(self.state, results, self.is_gone, timezone=capp.timezone)
        self.metrics.is_alive = self.presence.is_online
        self.purge = Purge(
            self.state, self.inspector, self.metrics, self.presence, clock=self.events.clock
        )
        self.broker = brokers_for(
            every, lambda: self.servers.current, self.pool, management_url=settings.broker_api
        )
        self.broker_urls = tuple(map(address, every))
        self._source_url = ""
        if len(every) > 1:
            self.events.add_listener(self._follow_source)
        self.transport = facts_of(every[0]).transport
        self.health = Checkup(
            capp,
            health_limits(settings),
            sightings,
            self._health_sources(settings),
            self.state,
            self.presence,
            self.inspector,
            self.store,
            self.verifier,
            clock=self.events.clock,
        )
        self.problems = self.health.problems
        self.doctor = self._doctor(settings, timeout_s)
        self.tellings = tuple(self._tellings(settings))
        self.poll = Poll(self.broker, self.transport, self.known_queue_names, self._sample_queues)
        self.events.clock.followers += [self.health.follow_clock, self.poll.follow_clock]
        self.format_task = Hook(settings.format_task)
        self.loop_lag = LoopLag(io_loop)
        problems = ProblemMetric(
            lambda: ((one.rule, one.subject, one.mute is None) for one in self.problems.now)
        )
        queues = QueueMetrics(QueueSources(lambda: self.poll.numbers, self.serving, self._oldest_s))
        self.registry = Registry(self.metrics, OwnMetrics(self._sources()), queues, problems)
        self._inspect_interval_s = settings.inspect_interval

    @property
    def broker_url(self) -> str:
        """The server that the events come from, or all that may be, passwords masked."""
        current = self.servers.current
        return ";".join(self.broker_urls) if current is None else address(current)

    @property
    def app_name(self) -> str:
        """The Celery app's main name."""
        return str(self.capp.main or "celery")

    @property
    def timezone(self) -> tzinfo:
        """The app's timezone, UTC if it has none."""
        return self.capp.timezone

    def registered_tasks(self) -> Sequence[str]:
        """Return the names of the tasks that the app knows, sorted."""
        return sorted(self.capp.tasks)

    def queue_names(self) -> Sequence[str]:
        """Return the queues that the cached workers consume from; else those of the app."""
        return active_queue_names(self.capp, self.inspector.told)

    def known_queue_names(self) -> Collection[str]:
        """Return every queue that tasks may be in, as far as settings, workers and sends tell."""
        return known_queue_names(self.capp, self.inspector.told, self.sent.queues)

    def accepted_content(self) -> list[Collection[str]]:
        """Return what each worker that told its settings accepts."""
        return accepted_content(self.inspector.told.values())

    def serving(self) -> Mapping[str, Serving] | None:
        """Return who takes from each queue; None where no online worker told."""
        online = [worker.hostname for worker in self.presence.online()]
        return serving(self.inspector.told, online)

    def oldest(self, queue: QueueNumbers) -> Oldest | None:
        """Return for how long the oldest message of a queue waits, None where that is unknown."""
        return self.sent.oldest(queue.name, queue.length, time.time())

    def _oldest_s(self, queue: QueueNumbers) -> float | None:
        oldest = self.oldest(queue)
        return None if oldest is None else oldest.waits_s

    def _returned(self, tasks: Sequence[Task]) -> None:
        """Take note of tasks that come back from the history."""
        self._sightings.adopt(tasks)
        self.sent.adopt(tasks)

    def is_gone(self, worker: str) -> bool:
        """Whether a worker is known to be offline, whatever the reason."""
        return self.presence.status(self.state.workers.get(worker)) in OFFLINE

    def delayed(self) -> int | None:
        """Return how many tasks the broker holds until their ETA, None where it does not tell."""
        return None if self.poll.facts is None else self.poll.facts.delayed

    def warnings(self) -> Sequence[str]:
        """Return what an operator should know on every page; empty when all is well."""
        return banners(
            self.events,
            is_dropping=self.problems.holds("events-dropped"),
            is_refusing=self.problems.holds("events-refused"),
        )

    def _follow_source(self) -> None:
        """Forget the queues of another server than the one that the events come from now."""
        current = self.servers.current
        if current is not None and address(current) != self._source_url:
            self._source_url = address(current)
            self.poll.forget()

    def start(self) -> None:
        """Begin to receive, inspect and purge."""
        self.loop_lag.start()
        self.events.start()
        self.inspector.start_refreshing(self._inspect_interval_s)
        self.purge.start()
        self.poll.start()
        self.verifier.start()
        self.health.start()
        for telling in self.tellings:
            telling.start()

    async def stop(self) -> None:
        """End every part, the store last; one that fails is logged and skips no other."""
        parts = (
            self.doctor,
            self.health,
            self.verifier,
            self.poll,
            self.purge,
            self.loop_lag,
            self.inspector,
            self.control,
            self.publisher,
            self.events,
        )
        for telling in self.tellings:
            await guarded(telling.stop)
        for part in parts:
            await guarded(part.stop)
        await guarded(lambda: self.pool.shutdown(wait=False, cancel_futures=True))

    def _sample_queues(self, told: Mapping[str, QueueNumbers]) -> None:
        """Note the queues of tasks for the charts and the rules; a broker may have others."""
        for name in told.keys() & self.known_queue_names():
            queue = told[name]
            oldest = self.oldest(queue)
            oldest_s = None if oldest is None else oldest.waits_s
            self.store.rollups.minutes.sample_queue(name, queue.length, oldest_s)
            self.health.trends.note(name, queue.length, oldest, queue.consumers)

    def _doctor(self, settings: Settings, timeout_s: float) -> Doctor:
        def ours() -> OwnOptions:
            return own(settings, self.store.warnings, fault=self.store.failing or "")

        surveyor = Surveyor(self.capp, self.pool, self.broker, self.events, ours, reply_s=timeout_s)
        return Doctor(surveyor.survey)

    def _tellings(self, settings: Settings) -> Iterator[Telling]:
        """Each has its own notices, so that one that is away holds up no other."""
        for sender in self._senders(settings):
            notices, wait_s = Notices(settings.webhook_cool_down), settings.webhook_wait
            yield Telling(self.problems, sender, notices, wait_s=wait_s, clock=time.time)

    def _senders(self, settings: Settings) -> Iterator[Sender]:
        url, secret = settings.webhook_url, settings.webhook_secret
        if url:
            yield Webhook(url, secret, self.app_name, time.time)
        yield from messengers(settings.notify, self.app_name, self.pool)

    def _health_sources(self, settings: Settings) -> HealthSources:
        stats = self.events.stats
        return HealthSources(
            connection=lambda: self.events.connection,
            dropped=lambda: sum(stats.dropped.values()),
            malformed=lambda: sum(stats.malformed.values()),
            disallowed=lambda: stats.disallowed,
            asked=lambda: (self.inspections.answered, self.inspections.answered_s),
            store=self.store.status,
            enable_events=settings.enable_events,
            has_returned=lambda: not self.events.returning.lasts_s,
            broker=lambda: self.poll.facts,
        )

    def _sources(self) -> Sources:
        stats, inbox = self.events.stats, self.events.inbox
        return Sources(
            version=__version__,
            received=lambda: stats.received,
            dropped=lambda: stats.dropped,
            malformed=lambda: stats.malformed,
            inbox_messages=lambda: inbox.messages,
            inbox_bytes=lambda: inbox.bytes,
            connected=lambda: self.events.connection.connected,
            tasks=lambda: len(self.state.tasks),
            workers=lambda: len(self.state.workers),
            flower=self.metrics,
            loop_lag=self.loop_lag,
            inspections=self.inspections,
            store=self.store.status,
            delayed=self.delayed,
            learned=lambda: self.verifier.learned,
        )


def limits(settings: Settings) -> Limits:
    """Return what the options say of how long and in how much room tasks are kept."""
    path = Path(settings.db) if settings.persistent and settings.db else None
    size = settings.history_max_bytes
    usual = MOST_BYTES if settings.history else usual_max_bytes(path)
    return Limits(
        seconds(settings.history_max_age),
        seconds(settings.history_max_failure_age),
        usual if size is None else size_bytes(size),
    )


def health_limits(settings: Settings) -> HealthLimits:
    """Return what the options say of when something is a problem."""
    return HealthLimits(
        {rule.name: getattr(settings, rule.option) for rule in RULES},
        settings.problems_interval,
        settings.problems_hold,
        settings.problems_quiet_start,
    )


async def guarded(step: Callable[[], Any]) -> None:
    """Take one step of a shutdown; its failure is logged, so that the next step is taken."""
    try:
        done = step()
        if isawaitable(done):
            await done
    except Exception:
        log.exception("Could not %s", getattr(step, "__qualname__", step))
