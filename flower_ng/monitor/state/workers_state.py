"""WorkersState: the workers and publishers of a state, by what they say. On the loop."""

import threading
from bisect import insort
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from flower_ng.changes import Change, Observer
from flower_ng.event_record import Event
from flower_ng.monitor.state.celery_state import CeleryState, Hook
from flower_ng.monitor.state.observers import Observers
from flower_ng.records import Worker
from flower_ng.redaction import Redactor

WORKER_FIELDS: Final = (
    "pid", "freq", "clock", "active", "processed", "loadavg", "sw_ident", "sw_ver", "sw_sys",
)  # fmt: skip
#: What Celery says in a heartbeat that a command asked for, however often others come; such a
#: heartbeat does not tell how many tasks run.
ASKED_FREQ_S: Final = 5.0
HEARTBEATS: Final = 4  # as many as Celery keeps


class WorkersState(CeleryState):
    """The half of the state that is about who sends events.

    `counter` is `{host name: {event type: int}}`, also for hosts that are no workers, as publishers
    of task-sent; of those the newest `max_publishers` are kept.
    """

    def __init__(
        self,
        *,
        max_workers_in_memory: int,
        max_publishers: int,
        on_node_join: Hook | None,
        on_node_leave: Hook | None,
        observers: Sequence[Observer],
        clock: Callable[[], float],
        redactor: Redactor,
    ) -> None:
        super().__init__(on_node_join, on_node_leave, clock, redactor)
        self.max_workers_in_memory = max_workers_in_memory
        self.max_publishers = max_publishers
        self.workers: OrderedDict[str, Worker] = OrderedDict()  # the newest heard of last
        self._newest: Worker | None = None
        self.counter: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.publishers: OrderedDict[str, float] = OrderedDict()  # when heard of, newest last
        self._observers = Observers(observers)
        #: Who speaks now, what it counts into, and when it spoke since its first word.
        self._speaker = ""
        self._counts: Counter[str] = Counter()
        self._worker: Worker | None = None
        self._beats: list[float] = []
        #: When workers said goodbye that did not come back, by their own clocks.
        self._goodbyes: dict[str, float] = {}
        self._newcomers: list[Callable[[str], None]] = []
        self._mutex = threading.Lock()

    def on_newcomer(self, callback: Callable[[str], None]) -> None:
        """Have this called with the name of each worker that comes online or is first heard of."""
        self._newcomers.append(callback)

    def newest_heard_at(self) -> float:
        """Return when any worker was heard last, by our clock; 0 before the first."""
        return next((one.heard_at for one in reversed(self.workers.values())), 0.0)

    def forget_worker(self, hostname: str) -> None:
        """Drop a worker and its counter, and tell the observers; its tasks keep its name."""
        with self._mutex:
            self._forget(hostname)

    def follow_clock(self, step_s: float) -> None:
        """Keep for how long everyone has been silent, where the system's clock was moved."""
        for worker in self.workers.values():
            worker.heard_at += step_s if worker.heard_at else 0.0
            worker.beat_at += step_s if worker.beat_at else 0.0
        for hostname in self.publishers:
            self.publishers[hostname] += step_s

    def _let_speak(self, hostname: str) -> None:
        """Look up once what the events of one host have in common."""
        if self._worker is not None:
            self._fall_silent()
        counts = self.counter.get(hostname)
        if counts is None:
            counts = self.counter[hostname] = Counter()
        self._speaker, self._counts = hostname, counts

    def _fall_silent(self) -> None:
        """Give the worker that spoke its further signs of life."""
        if self._beats and self._worker is not None:
            self._worker.heartbeats = _newest(self._worker.heartbeats, self._beats)
            self._beats = []
        self._worker, self._speaker = None, ""

    def _worker_event(self, event: Event, subject: str) -> Change:
        worker, is_new = self._hear(event)
        self._fall_silent()
        freq, has_beaten = worker.freq, worker.active is not None
        for name in WORKER_FIELDS:
            value = getattr(event, name)
            if value is not None:
                setattr(worker, name, value)
        if has_beaten and event.active is None and worker.freq == ASKED_FREQ_S:
            worker.freq = freq
        worker.is_solo = _is_solo(worker.is_solo, event, subject)
        if subject == "offline":
            worker.heartbeats = ()
            worker.beat_at = 0.0
            self._goodbyes[event.hostname] = event.timestamp
            self._left(worker)
        elif subject == "online" and not is_new:
            self._greet(event.hostname)
        if is_new or subject == "online":
            self._joined(worker)
        return Change(event, worker=worker, is_new_worker=is_new)

    def _hear(self, event: Event) -> tuple[Worker, bool]:
        """Return the worker that sent an event, its sign of life noted, and whether it is new."""
        worker, is_new = self._worker, False
        if worker is not None:
            self._beats.append(event.timestamp)
            return worker, False
        hostname = event.hostname
        worker = self.workers.get(hostname)
        if worker is None:
            worker, is_new = self._meet(hostname), True
        elif worker is not self._newest:
            self.workers.move_to_end(hostname)
        self._newest = worker
        if hostname in self._goodbyes:
            if self._is_last_word(event):
                worker.heard_at = self._clock()
                return worker, False
            del self._goodbyes[hostname]
        self._worker = worker
        worker.heard_at = worker.beat_at = self._clock()
        beats, at = worker.heartbeats, event.timestamp
        if not beats or at >= beats[-1]:
            worker.heartbeats = beats[1 - HEARTBEATS :] + (at,)  # noqa: RUF005 - half the time
        else:
            worker.heartbeats = _newest(beats, [at])
        return worker, is_new

    def _is_last_word(self, event: Event) -> bool:
        """Whether a worker that said goodbye tells how a task ended that it waited for.

        It takes on no further ones: a later receipt is that of a worker which was started since.
        """
        said_at = self._goodbyes[event.hostname]
        is_new = event.type == "task-received" and event.timestamp > said_at
        return event.type.startswith("task-") and not is_new

    def _meet(self, hostname: str) -> Worker:
        """Take a new worker into the table."""
        self.publishers.pop(hostname, None)
        self._make_room_for_worker()
        worker = self.workers[hostname] = Worker(hostname)
        self._greet(hostname)
        return worker

    def _greet(self, hostname: str) -> None:
        for callback in self._newcomers:
            callback(hostname)

    def _make_room_for_worker(self) -> None:
        """At the bound let the worker go that was not heard of for longest."""
        while len(self.workers) >= max(1, self.max_workers_in_memory):
            self._forget(next(iter(self.workers)))

    def _hear_stranger(self, hostname: str) -> None:
        """Note a host that is no worker; at their bound the one unheard of for longest goes."""
        if hostname not in self.workers:
            self.publishers[hostname] = self._clock()
            self.publishers.move_to_end(hostname)
            while len(self.publishers) > self.max_publishers:
                self._forget(next(iter(self.publishers)))

    def _forget(self, hostname: str) -> None:
        if hostname == self._speaker:
            self._fall_silent()
        if self._observers.untold:
            self._observers.observe_untold()
        self.workers.pop(hostname, None)
        self.publishers.pop(hostname, None)
        self.counter.pop(hostname, None)
        self._goodbyes.pop(hostname, None)
        self._observers.forgotten(hostname)


def _newest(beats: tuple[float, ...], more: list[float]) -> tuple[float, ...]:
    """Return the newest of signs of life, in their order."""
    if more[0] >= beats[-1] and more == sorted(more):
        return (*beats, *more)[-HEARTBEATS:]
    for at in more:
        ordered = list(beats[1 - HEARTBEATS :])
        insort(ordered, at)
        beats = tuple(ordered)
    return beats


def _is_solo(known: bool | None, event: Event, subject: str) -> bool | None:  # noqa: FBT001
    """Return what is known of its pool after an event: a heartbeat during a task shows another."""
    if event.active:
        return False
    return None if subject == "online" else known
