"""Presence says which workers are online, stopped, silent or gone, for all surfaces. On the loop.

Pages, the API, metrics, rules and the purge all ask here, so that no two of them differ.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

from flower_ng.monitor.state.reach import Reach
from flower_ng.records import Worker

#: `online`: its heartbeats come. `left`: it said goodbye. `silent`: its heartbeats ended without a
#: goodbye. `gone`: silent for a day, taken for dead. `purged`: offline for as long as
#: `purge_offline_workers` says, or forgotten. `unknown`: we have not listened for long enough.
#: `busy`: silent, and perhaps of a solo pool: nobody can tell whether it runs a task or is dead.
Status: TypeAlias = Literal["online", "left", "silent", "gone", "purged", "unknown", "busy"]
OFFLINE: Final = frozenset({"left", "silent", "gone", "purged"})

#: Silent for longer: taken for dead.
GONE_S: Final = 86_400.0
#: For so long a silent solo worker may run a task: as long as Redis leaves a task with a worker
#: (Celery's `visibility_timeout`, unless it is set).
BUSY_S: Final = 3600.0
#: Listened for less, a worker's silence says nothing: connecting, waking it up, its first heartbeat
#: and a burst of others' events take some seconds.
LISTEN_S: Final = 10.0


class ListeningState(Protocol):
    """The state of the events' connection."""

    @property
    def connected(self) -> bool:
        """Whether events can arrive."""

    @property
    def since(self) -> float:
        """Since when that is so."""

    @property
    def began(self) -> float | None:
        """When the newest connection began, None before the first."""

    @property
    def is_possible(self) -> bool:
        """Whether the broker carries events at all."""

    @property
    def why(self) -> str | None:
        """Why events can't arrive."""


class WorkerTable(Protocol):
    """The part of EventsState that is classified."""

    @property
    def workers(self) -> dict[str, Worker]:
        """The worker table, the worker that was heard last at its end."""


@dataclass(frozen=True, slots=True)
class Census:
    """How many workers have each status; those that are purged are not counted.

    `forgotten` is how many were purged since the start, whoever came back included.
    """

    online: int = 0
    left: int = 0
    silent: int = 0
    gone: int = 0
    unknown: int = 0
    forgotten: int = 0
    busy: int = 0

    @property
    def known(self) -> int:
        """All of them."""
        return self.online + self.left + self.silent + self.gone + self.unknown + self.busy

    @property
    def expected(self) -> int:
        """Those that should be online: who left, or is taken for dead, is not among them."""
        return self.online + self.silent + self.unknown + self.busy


class Presence:
    """Classifies workers. While no event can arrive, all is as it was when that began.

    `purge_after_s` is the option `purge_offline_workers`, None for never. `clock` is our own.
    `reach` tells until when events are known to have been able to arrive: silence after that is
    nobody's. Without it a connection proves itself by standing. `is_solo` says of a host name
    whether its pool is solo, which sends neither heartbeats nor other events while a task runs;
    None where the pool is not known; that is remembered with the worker. `held_back` says why the
    broker holds back what workers send.
    """

    def __init__(
        self,
        state: WorkerTable,
        listening: Callable[[], ListeningState],
        purge_after_s: float | None,
        clock: Callable[[], float],
        reach: Callable[[], Reach | None] = lambda: None,
        is_solo: Callable[[str], bool | None] = lambda _: False,
        held_back: Callable[[], str] = lambda: "",
    ) -> None:
        self.purge_after_s = purge_after_s
        self._state, self._listening, self._clock = state, listening, clock
        self._reach, self._is_solo, self._held_back = reach, is_solo, held_back
        self._before: tuple[float | None, float] = (None, 0.0)
        self._forgotten = 0

    @property
    def at(self) -> float:
        """The moment that is spoken of: when events were last known to arrive."""
        connection, reach = self._listening(), self._reach()
        if not connection.connected:
            return connection.since if reach is None else min(connection.since, reach.until)
        now = self._clock()
        return now if reach is None else min(now, max(reach.until, connection.since))

    @property
    def is_current(self) -> bool:
        """Whether events arrive, so that the words are of now."""
        return self._listening().connected and not self._held_back()

    @property
    def held_back(self) -> str:
        """Why the broker holds back what workers send, empty where nothing says so."""
        return self._held_back() if self._listening().connected else ""

    @property
    def lack(self) -> str:
        """Why this broker can carry no events at all; empty where it can."""
        connection = self._listening()
        return "" if connection.is_possible else connection.why or ""

    @property
    def has_listened(self) -> bool:
        """Whether events could arrive at any time since the start."""
        return self._began is not None

    @property
    def has_settled(self) -> bool:
        """Whether events arrive for so long that whoever sends any was heard by now."""
        began = self._began
        return self.is_current and began is not None and self.at - began >= LISTEN_S

    def answered(self, hostname: str) -> None:
        """Remember what an answer tells of a worker's pool."""
        if (worker := self._state.workers.get(hostname)) is not None:
            self._learn(worker)

    def _learn(self, worker: Worker) -> None:
        is_solo = self._is_solo(worker.hostname)
        if is_solo is not None:
            worker.is_solo = is_solo

    def forgot(self) -> None:
        """Count a worker that was purged from memory."""
        self._forgotten += 1

    def status(self, worker: Worker | None) -> Status:
        """Return a worker's status; None stands for one that is in no table any more."""
        return "purged" if worker is None else self._status(worker, self._moment())

    def table(self) -> dict[str, Status]:
        """Return the status of every worker in the table, by host name."""
        moment = self._moment()
        return {name: self._status(one, moment) for name, one in self._state.workers.items()}

    def census(self) -> Census:
        """Count the workers by status."""
        counts = Counter(self.table().values())
        return Census(
            counts["online"],
            counts["left"],
            counts["silent"],
            counts["gone"],
            counts["unknown"],
            self._forgotten + counts["purged"],
            counts["busy"],
        )

    def online(self) -> list[Worker]:
        """Return the workers that are online, as far as is known."""
        workers = self._state.workers
        return [
            workers[name]
            for name, status in self.table().items()
            if self._counts_as_online(workers[name], status)
        ]

    def busy(self) -> list[Worker]:
        """Return the silent workers of which nobody can tell whether they run a task."""
        workers = self._state.workers
        return [workers[name] for name, status in self.table().items() if status == "busy"]

    def is_online(self, worker: Worker) -> bool:
        """Say yes or no, for those who can't take "unknown": then it is what was known last."""
        return self._counts_as_online(worker, self.status(worker))

    def _counts_as_online(self, worker: Worker, status: Status) -> bool:
        return status in {"online", "busy"} or (status == "unknown" and self._was_online(worker))

    def silent_s(self, worker: Worker) -> float:
        """Return for how long nothing came from it, counting only time in which it could have."""
        moment = self._moment()
        if moment.began is None:
            return 0.0
        silent_s = moment.at - max(worker.heard_at, moment.began)
        return max(0.0, silent_s - _inaudible_s(worker, moment))

    @property
    def _began(self) -> float | None:
        return self._listening().began

    def _moment(self) -> "_Moment":
        reach, began = self._reach(), self._began
        if reach is None or reach.paused_at is None or reach.resumed_at is None:
            return _Moment(self.at, began)
        return _Moment(self.at, began, reach.paused_at, reach.resumed_at)

    def _status(self, worker: Worker, moment: "_Moment") -> Status:
        self._learn(worker)
        status = _status(worker, moment)
        if status == "silent" and moment.at - worker.heard_at < BUSY_S:
            status = status if worker.is_solo is False else "busy"
        is_offline, after_s = status in OFFLINE, self.purge_after_s
        if is_offline and after_s is not None and _offline_s(worker, moment) >= after_s:
            return "purged"
        return status

    def _was_online(self, worker: Worker) -> bool:
        """Whether it was online when any worker was last heard before this connection began."""
        began = self._began
        if self._before[0] != began or not self._before[1]:
            heard = (one.heard_at for one in self._state.workers.values())
            self._before = (
                began,
                max((at for at in heard if began is None or at < began), default=0),
            )
        return worker.is_alive(self._before[1])


@dataclass(frozen=True, slots=True)
class _Moment:
    """The moment that is spoken of, when its connection began, and the newest pause (Reach)."""

    at: float
    began: float | None
    paused_at: float | None = None
    resumed_at: float = 0.0


def _status(worker: Worker, moment: _Moment) -> Status:
    if has_left(worker):
        return "left"
    if moment.began is None:
        return "unknown"
    inaudible_s = _inaudible_s(worker, moment)
    is_back = bool(inaudible_s) and moment.at < moment.resumed_at + LISTEN_S  # it may reconnect
    if is_back or worker.is_alive(moment.at - inaudible_s):
        return "online"
    began = moment.began
    if worker.heard_at < began and moment.at < began + max(LISTEN_S, 2 * worker.freq):
        return "unknown"
    return "gone" if moment.at - worker.heard_at >= GONE_S else "silent"


def _inaudible_s(worker: Worker, moment: _Moment) -> float:
    """Return how much of its silence was a pause of the broker's, which began while it was online.

    Between connections is no pause: who was not heard since the newest one began is unknown.
    """
    began, paused_at = moment.began, moment.paused_at
    if began is None or paused_at is None or paused_at < max(began, worker.beat_at):
        return 0.0
    return moment.resumed_at - paused_at if worker.is_alive(paused_at) else 0.0


def _offline_s(worker: Worker, moment: _Moment) -> float:
    sign = worker.beat_at or worker.heard_at
    if moment.began is None or has_left(worker):
        return moment.at - sign
    return moment.at - max(sign, moment.began) - _inaudible_s(worker, moment)


def has_left(worker: Worker) -> bool:
    """Whether a worker said goodbye, and was not heard of since."""
    return bool(worker.heard_at) and not worker.heartbeats
