"""The public classes around events: Events, EventsState, PrometheusMetrics.

Joins the monitor's thread and state with the metrics and the store; also what the dashboard uses.
"""

import functools
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from celery import Celery
from tornado.ioloop import IOLoop

from flower_ng.changes import Observer
from flower_ng.clock import Clock
from flower_ng.metrics import PrometheusMetrics
from flower_ng.monitor.ingest import events
from flower_ng.monitor.ingest.inbox import Inbox
from flower_ng.monitor.servers import Servers
from flower_ng.monitor.state import state
from flower_ng.monitor.state.restore import Returning
from flower_ng.records import Task
from flower_ng.redaction import Redactor
from flower_ng.store import (
    BOUNDS,
    LEVELS,
    NO_LIMITS,
    Bounds,
    IngestStatus,
    Limits,
    RollupLevel,
    Store,
)

__all__ = ["Events", "EventsState", "PrometheusMetrics", "get_prometheus_metrics"]

#: The newest Events of each app: scripts make an Events and an Inspector of one app, and expect
#: that the one knows what the other hears. Weak, so that both go when their script lets go.
_NEWEST: weakref.WeakKeyDictionary[Celery, weakref.ref["Events"]] = weakref.WeakKeyDictionary()


def events_of(capp: Celery) -> "Events | None":
    """Return the newest Events of an app, None where there is none."""
    newest = _NEWEST.get(capp)
    return None if newest is None else newest()


@functools.cache
def get_prometheus_metrics() -> PrometheusMetrics:
    """Return the metrics that every EventsState of this process shares unless given its own."""
    return PrometheusMetrics()


class EventsState(state.ClusterState):
    """Celery's State in compact records, which counts into `metrics` and keeps `counter`.

    `counter` is `{host name: {event type: int}}`. `max_workers_in_memory` and
    `max_tasks_in_memory` bound the tables: finished tasks leave first, the oldest of them first.
    """

    def __init__(
        self,
        *args: Any,
        metrics: PrometheusMetrics | None = None,
        observers: Sequence[Observer] = (),
        **kwargs: Any,
    ) -> None:
        self.metrics = metrics if metrics is not None else get_prometheus_metrics()
        super().__init__(*args, observers=(self.metrics, *observers), **kwargs)


class Events(events.EventsThread):
    """A thread that receives a cluster's events and applies them on `io_loop`.

    Parameters as in Flower: `db` names the state's file when `persistent`; `state_save_interval`
    (ms) is accepted and adds nothing, because rows are written all the time; `limits` are
    `max_workers_in_memory`, `max_tasks_in_memory`, and `events_enable_interval` (ms). The store
    keeps `max_tasks_kept` tasks, by default as many as memory, and for as long as `keep` says;
    `bounds` says how much of each. `returned` is told of the tasks that come back.
    What `redactor` finds to be secret is neither kept nor shown, by default as without `--redact`.
    `event_queue` names a queue on RabbitMQ that keeps events while nobody reads them. Where the
    file or the database that was asked for can't be used, `start` raises SettingsError, or with
    `history_optional` keeps tasks until the process ends and says so in `store.warnings`.
    `start()` and `stop()` may be called from any thread, also when the loop never runs.
    """

    #: Milliseconds between two calls to the workers to send events.
    events_enable_interval = 5000

    def __init__(
        self,
        capp: Celery,
        io_loop: IOLoop,
        db: str | Path | None = None,
        persistent: bool = False,  # noqa: FBT001, FBT002 - Flower's signature
        enable_events: bool = True,  # noqa: FBT001, FBT002 - Flower's signature
        state_save_interval: float = 0,
        *,
        metrics: PrometheusMetrics | None = None,
        inbox: Inbox | None = None,
        observers: Sequence[Observer] = (),
        history: str | None = None,
        history_optional: bool = False,
        max_tasks_kept: int | None = None,
        keep: Limits = NO_LIMITS,
        bounds: Bounds = BOUNDS,
        levels: Sequence[RollupLevel] = LEVELS,
        returned: Callable[[Sequence[Task]], None] = lambda _: None,
        events_enable_interval: int | None = None,
        servers: Servers | None = None,
        event_queue: str = "",
        redactor: Redactor | None = None,
        **limits: Any,
    ) -> None:
        self.state_save_interval, self.persistent = state_save_interval, persistent
        self._db = _path(db, history) if persistent else None if db is None else str(db)
        if events_enable_interval is not None:
            self.events_enable_interval = events_enable_interval
        redactor = redactor or Redactor()
        self.store = Store(
            Path(db) if persistent and db else None,
            max_tasks=max_tasks_kept or limits.get("max_tasks_in_memory", 100_000),
            history=history,
            limits=keep,
            bounds=bounds,
            levels=levels,
            optional=history_optional,
            redactor=redactor,
        )
        clock = Clock()
        state = EventsState(
            clock=clock,
            metrics=metrics,
            observers=(self.store, self.store.rollups.minutes, *observers),
            redactor=redactor,
            **limits,
        )
        state.metrics.is_alive = state.is_alive
        self._returned = returned
        super().__init__(
            capp,
            io_loop,
            state=state,
            inbox=inbox or Inbox(),
            enable_events=enable_events,
            enable_interval_ms=self.events_enable_interval,
            servers=servers,
            event_queue=event_queue,
            steps=clock,
        )
        _NEWEST[capp] = weakref.ref(self)

    @property
    def db(self) -> str | None:
        """The path of the file in use, or to be used; without `persistent`, as in Flower, `db`."""
        return self.store.status().path if self.persistent and self.is_alive() else self._db

    @property
    def max_workers_in_memory(self) -> int:
        """How many workers the state keeps at most."""
        return self.state.max_workers_in_memory

    @property
    def max_tasks_in_memory(self) -> int:
        """How many tasks the state keeps at most."""
        return self.state.max_tasks_in_memory

    def start(self) -> None:
        """Bring back the workers that the store kept and, once the loop runs, the tasks.

        Events are received at once and applied when all tasks are back.
        """
        self.store.start()
        self.store.import_once()
        kept = self.store.restored(self.state.max_tasks_in_memory)
        self.state.restore(kept.workers, kept.counters)
        self.returning = Returning(self.state, kept.tasks, seen=self._returned)
        self.store.counters_from(self.state.counter)
        self.store.memory_is(
            self.returning.forget,
            lambda: (list(self.state.tasks.values()), list(self.state.workers.values())),
        )
        super().start()
        self.io_loop.add_callback(self.store.rollups.begin, self._ingest)
        self.io_loop.add_callback(self.store.begin, self._ingest)

    def finish(self) -> None:
        """Apply what has arrived, then write what is left and close the store."""
        super().finish()
        self.store.stop()

    def _ingest(self) -> IngestStatus:
        connection = self.connection
        since = connection.complete_since if connection.connected else None
        return IngestStatus(since, sum(self.stats.dropped.values()), connection.missing_since)

    def save_state(self) -> None:
        """Write now what would be written within half a second."""
        self.store.flush()


def _path(db: str | Path | None, history: str | None) -> str | None:
    """Return the file that will be used; None where there is none."""
    return f"{db}.sqlite3" if db and not history else None
