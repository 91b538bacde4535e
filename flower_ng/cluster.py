"""Cluster holds the parts that watch one broker, and starts and stops them. On the loop.

Request handlers reach every part through it; `flower_ng.assemble` builds the parts.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import tzinfo
from inspect import isawaitable
from math import inf
from typing import Any

from celery import Celery
from tornado.ioloop import IOLoop

from flower_ng import assemble
from flower_ng.banners import banners
from flower_ng.batches import Batches
from flower_ng.brokers import (
    QueueNumbers,
    address,
    brokers_for,
    endpoint_of,
    is_system_queue,
)
from flower_ng.brokers.poll import Poll
from flower_ng.brokers.urls import readable
from flower_ng.events import PrometheusMetrics
from flower_ng.health.checkup import Checkup
from flower_ng.health.facts.task_observer import TaskObserver
from flower_ng.hook import Hook
from flower_ng.metrics import (
    Inspections,
    LoopLag,
    OwnMetrics,
    QueueMetrics,
    QueueSources,
    Registry,
    Scrapes,
)
from flower_ng.monitor.remote.broadcast import Broadcasts
from flower_ng.monitor.remote.capacity import Capacity, serving
from flower_ng.monitor.remote.connections import limit_waits
from flower_ng.monitor.remote.control import Control
from flower_ng.monitor.remote.inspector import WorkerInspector
from flower_ng.monitor.remote.lineage import Lineage
from flower_ng.monitor.remote.pools import pool_name
from flower_ng.monitor.remote.publish import Publisher
from flower_ng.monitor.remote.publish_options import accepted_content
from flower_ng.monitor.remote.queue_names import (
    active_queue_names,
    known_queue_names,
    system_queue_beginnings,
)
from flower_ng.monitor.remote.results import Results
from flower_ng.monitor.remote.verifying import Verifier
from flower_ng.monitor.remote.worker_answer import NO_ANSWER
from flower_ng.monitor.servers import Servers
from flower_ng.monitor.state.held_back import HeldBack
from flower_ng.monitor.state.missing_events import MissingEvents
from flower_ng.monitor.state.presence import OFFLINE, Presence
from flower_ng.monitor.state.purge import Purge
from flower_ng.monitor.state.sent_tasks import Oldest, Sent
from flower_ng.monitor.state.tallies import running
from flower_ng.monitor.state.worker_starts import Start, Starts
from flower_ng.records import Task
from flower_ng.redaction import Redactor
from flower_ng.schedule.timetable import Timetable
from flower_ng.settings import Settings
from flower_ng.settings.amounts import size_bytes
from flower_ng.store import SeenStart, exception_class

log = logging.getLogger(__name__)

POOL_THREADS = 24  # broadcasts wait for their replies in here, never on the loop


class Cluster:
    """One broker and the parts that watch it: app, events, state, store, inspector, control.

    `start()` and `stop()` are called on the loop and work without a broker, too.
    """

    name = "default"

    def __init__(self, capp: Celery, settings: Settings, io_loop: IOLoop) -> None:
        timeout_s = settings.inspect_timeout / 1000
        self.capp = capp
        limit_waits(capp)
        self.servers = Servers(capp)
        urls = readable(capp.conf.broker_read_url, self.servers.every)
        self.broker_urls = tuple(map(address, urls))
        self.pool = ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="flower-pool")

        self.redactor = Redactor(settings.redact, settings.redact_keys)
        self.starts, self.sent = Starts(self._started), Sent(timezone=capp.timezone)
        self.metrics = PrometheusMetrics(
            settings.task_runtime_metric_buckets or None,
            settings.metrics_max_pairs,
            size_bytes(settings.metrics_max_bytes) or inf,
        )
        self.task_observer = TaskObserver(exception_class, time.time)
        self.missing = MissingEvents(self._told_losses)
        observers = (self.starts, self.sent, self.task_observer, self.missing)
        self.events = assemble.events(
            capp,
            settings,
            io_loop,
            self.servers,
            self.metrics,
            observers,
            self._adopt,
            self.redactor,
        )
        self.state, self.store = self.events.state, self.events.store
        self.held_back = HeldBack(
            self.events.reach, lambda: self.poll.alarms, self.state.newest_heard_at
        )
        self.presence = Presence(
            self.state,
            lambda: self.events.connection,
            settings.purge_offline_workers,
            self.events.clock,
            self.held_back.reach,
            self._is_solo,
            lambda: self.held_back.why,
        )
        self.metrics.is_alive = self.presence.is_online
        self._source_url = ""
        if len(urls) > 1:
            self.events.add_listener(self._follow_source)

        self.inspections = Inspections()
        self.inspector = WorkerInspector(
            io_loop,
            capp,
            timeout_s,
            pool=self.pool,
            expected=self._online,
            inspections=self.inspections,
            max_workers=settings.max_workers,
            broadcasts=Broadcasts(capp, servers=self.servers),
            redactor=self.redactor,
            answered=self.presence.answered,
        )
        self._inspect_interval_s = settings.inspect_interval
        self.state.on_newcomer(self.inspector.heard_of)
        self.purge = Purge(
            self.state, self.inspector, self.metrics, self.presence, clock=self.events.clock
        )
        self.control = Control(
            capp, self.pool, timeout_s, self.servers, steered=self.inspector.steered
        )
        self.holds = assemble.holds(self.events, self.control, self.inspector, self.presence)
        results = Results(capp, self.pool, self.redactor)
        self.publisher = Publisher(
            capp, self.pool, results, accepted=self.accepted_content, servers=self.servers
        )
        self.lineage = Lineage(results, self.pool)
        self.verifier = Verifier(self.state, results, self.is_gone, timezone=capp.timezone)

        self.broker = brokers_for(
            urls, lambda: self.servers.current, self.pool, management_url=settings.broker_api
        )
        self.transport = endpoint_of(urls[0]).transport
        self.poll = Poll(self.broker, self.transport, self.known_queue_names, self._sample_queues)
        self.batches = Batches(self.store, self.state.tasks, self._length_of, self.events.clock)

        self.timetable = Timetable(capp, self.pool, self.redactor, self.events.clock)
        self.health = Checkup(
            capp,
            assemble.health_limits(settings),
            self.task_observer,
            assemble.health_sources(
                settings,
                self.events,
                self.inspections,
                self.poll,
                self.missing.counts,
                self.holds,
            ),
            self.state,
            self.presence,
            self.inspector,
            self.store,
            self.verifier,
            self.timetable,
            clock=self.events.clock,
        )
        self.events.clock.followers += [
            self.health.follow_clock,
            self.poll.follow_clock,
            self.held_back.follow_clock,
            self.holds.follow_clock,
        ]
        self.problems = self.health.problems
        self.doctor = assemble.doctor(settings, capp, self.pool, self.broker, self.events)
        self.tellings = tuple(
            assemble.notifications(settings, self.problems, self.app_name, self.pool)
        )

        self.format_task = Hook(settings.format_task)
        self.format_for_api = self.format_task if settings.format_task_api else Hook(None)
        self.loop_lag = LoopLag(io_loop)
        self.registry = self._registry()
        self.scrapes = Scrapes(self.registry)

    def _registry(self) -> Registry:
        own = assemble.metric_sources(
            self.events,
            self.metrics,
            self.loop_lag,
            self.inspections,
            self.verifier,
            self.delayed,
            self.missing.counts,
        )
        queues = QueueSources(lambda: self.poll.numbers, self.serving, self._oldest_s)
        problems = assemble.problem_metric(self.problems)
        return Registry(self.metrics, OwnMetrics(own), QueueMetrics(queues), problems)

    @property
    def broker_url(self) -> str:
        """The server that the events come from, or all candidates, passwords masked."""
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
        """Return the names of the tasks that are registered in the app, sorted."""
        return sorted(self.capp.tasks)

    def queue_names(self) -> Sequence[str]:
        """Return the queues that workers consume from, else those of the app, sorted."""
        return active_queue_names(self.capp, self.inspector.told)

    def known_queue_names(self) -> Collection[str]:
        """Return every queue that settings, workers or sent tasks name."""
        return known_queue_names(self.capp, self.inspector.told, self.sent.queues)

    def is_system_queue(self, name: str) -> bool:
        """Whether a queue is Celery's own, and not one that workers or settings name for tasks."""
        own = set() if name in self.known_queue_names() else system_queue_beginnings(self.capp)
        return is_system_queue(name, own)

    def accepted_content(self) -> list[Collection[str]]:
        """Return the content types that each worker accepts, for those whose settings are known."""
        return accepted_content(self.inspector.told.values())

    def serving(self) -> Mapping[str, Capacity] | None:
        """Return the workers and slots of each queue; None if no online worker has answered."""
        return serving(self.inspector.told, self._online())

    def _online(self) -> list[str]:
        return [worker.hostname for worker in self.presence.online()]

    def oldest(self, queue: QueueNumbers) -> Oldest | None:
        """Return since when the oldest message of a queue waits, None if that is unknown."""
        return self.sent.oldest(queue.name, queue.length, time.time())

    def _told_losses(self) -> tuple[object, ...]:
        """Return what changes with each loss of events that is told elsewhere."""
        stats = self.events.stats
        dropped, malformed = sum(stats.dropped.values()), sum(stats.malformed.values())
        return self.events.connection.began, dropped, malformed

    def _oldest_s(self, queue: QueueNumbers) -> float | None:
        oldest = self.oldest(queue)
        return None if oldest is None else oldest.waits_s

    def _started(self, start: Start) -> None:
        self.store.seen_starts.put(SeenStart(start.hostname, start.at, start.version))

    def _adopt(self, tasks: Sequence[Task]) -> None:
        """Count tasks that are restored from the history as sent and observed."""
        self.task_observer.adopt(tasks)
        self.sent.adopt(tasks)

    def _is_solo(self, worker: str) -> bool | None:
        """Whether its pool is solo, None if unknown; a solo one tells no start before the end."""
        pool = self.inspector.told.get(worker, NO_ANSWER).pool
        if pool:
            return pool_name(pool) == "solo"
        return False if running(self.state.tallies.workers.get(worker, {})) else None

    def is_gone(self, worker: str) -> bool:
        """Whether a worker is known to be offline, whatever the reason."""
        return self.presence.status(self.state.workers.get(worker)) in OFFLINE

    def delayed(self) -> int | None:
        """Return how many tasks the broker holds until their ETA, None if it does not say."""
        return None if self.poll.facts is None else self.poll.facts.delayed

    def warnings(self) -> Sequence[str]:
        """Return the banners of every page; empty when all is well."""
        return banners(
            self.events,
            is_dropping=self.problems.holds("events-dropped"),
            is_refusing=self.problems.holds("events-refused"),
            is_cut=self.problems.holds("broker-cut-off"),
            late_s=self._late_s(),
            blocked=self._blocked(),
        )

    def _blocked(self) -> str:
        """Return why the broker takes no messages at present, empty where it does."""
        facts, is_told = self.poll.facts, self.problems.holds("broker-blocks")
        return facts.blocks_publishers if facts and is_told else self.presence.held_back

    def _length_of(self, queue: str) -> int | None:
        """Return how many messages a queue has, None where that is not known now."""
        told = self.poll.numbers.get(queue)
        return None if told is None else told.length

    def _late_s(self) -> float | None:
        """Return how late all events arrive, None where that is no problem."""
        late = next((one for one in self.problems.now if one.rule == "events-late"), None)
        return None if late is None else float(late.evidence["late_s"])

    def _follow_source(self) -> None:
        """Forget queue numbers when the events begin to come from another server."""
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
        self.holds.start()
        for telling in self.tellings:
            telling.start()

    async def stop(self) -> None:
        """End every part, the store last; one that fails is logged and skips no other."""
        parts = (
            self.batches,
            self.doctor,
            self.holds,
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

    def _sample_queues(self, queues: Mapping[str, QueueNumbers]) -> None:
        """Record the lengths of task queues for charts and rules; a broker may have others."""
        for name in queues.keys() & self.known_queue_names():
            queue = queues[name]
            oldest = self.oldest(queue)
            oldest_s = None if oldest is None else oldest.waits_s
            self.store.rollups.minutes.sample_queue(name, queue.length, oldest_s)
            self.health.trends.note(name, queue.length, oldest, queue.consumers)


async def guarded(step: Callable[[], Any]) -> None:
    """Take one step of a shutdown; its failure is logged, so that the next step is taken."""
    try:
        done = step()
        if isawaitable(done):
            await done
    except Exception:
        log.exception("Could not %s", getattr(step, "__qualname__", step))
