"""Revoking keeps tasks revoked: workers that join, or did not hear of it, are told of it too.

Celery's workers keep what is revoked in memory: a worker that restarts has forgotten it. On the
loop; calls never overlap (see keeper), but with `follow`.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from hashlib import sha256
from typing import Final, Protocol

import msgspec
from celery.states import READY_STATES, REVOKED

from flower_ng.monitor.holds.crew import Crew
from flower_ng.monitor.holds.pausing import AGAIN_S
from flower_ng.monitor.remote.commands import CommandCall, revoke, revoke_stamped
from flower_ng.monitor.remote.many import WorkerOutcome
from flower_ng.monitor.state.presence import OFFLINE
from flower_ng.records import Task

log = logging.getLogger(__name__)

#: The kind of notes that revokes are.
REVOKE: Final = "revoke"
#: So many revokes are kept up, the newest; each for so long after its task's ETA.
MOST_REVOKED: Final = 10_000
FULL: Final = (
    "More than %d tasks are revoked and have not ended: workers that join later are told of the"
    " newest only, and run the others"
)
KEPT_UP_S: Final = 86_400.0
#: So many ids are told at once: a worker asks its result backend about each.
AT_ONCE: Final = 200
#: So many who acknowledged one are written down: that there are some is what is told of it.
MOST_WRITTEN: Final = 20
#: What is longer is written under its digest.
LONGEST_NAME: Final = 255
#: How often it is looked what is over, and what another dashboard of the same history revoked.
TIDY_S: Final = 10.0
SILENT: Final = WorkerOutcome("not sent", "It did not answer lately, so it was not asked again yet")

#: The values of each stamp that are revoked.
Stamps = Mapping[str, tuple[str, ...]]


class RevokeStore(Protocol):
    """Keeps small records over restarts, which other dashboards of the same history write too."""

    def read(self, kind: str, most: int, /) -> dict[str, str]:
        """Return the newest records of a kind by key; blocks."""

    def newest(self, kind: str, most: int, /) -> Awaitable[dict[str, str] | None]:
        """Return the same; None where they can't be read."""

    def put(self, kind: str, key: str, record: str | None, at: float, /) -> None:
        """Have a record written; None deletes it."""

    def settled(self) -> Awaitable[None]:
        """Return when what was put is written, or can't be now."""


class HasState(Protocol):
    """A task as events or the result backend tell it."""

    @property
    def state(self) -> str:
        """Its state."""

    @property
    def state_source(self) -> str | None:
        """Who told it; None for the task's events."""


def has_ended(task: HasState) -> bool:
    """Whether no worker holds a task any more.

    Workers write into the result backend that it is revoked as soon as they are told so, long
    before they drop it.
    """
    is_only_marked = task.state == REVOKED and task.state_source is not None
    return task.state in READY_STATES and not is_only_marked


class Revoked(msgspec.Struct, frozen=True):
    """A task that nobody is to run, or all with one of some `stamps`; told until `until`.

    `key` is the task's id, `place` its number among all; `told` are the workers that have
    acknowledged it.
    """

    key: str
    place: int
    who: str
    at: float
    until: float
    told: tuple[str, ...] = ()
    stamps: Stamps | None = None


class Revoking:
    """Tells workers what is revoked; each is written down before anybody is to acknowledge it.

    Each worker has acknowledged all up to a place: after a restart, none. The dictionary is in the
    order of places. `is_shared` says that other dashboards may write in the same notebook.
    """

    def __init__(
        self,
        crew: Crew,
        tasks: Callable[[], Mapping[str, Task]],
        notebook: RevokeStore,
        *,
        is_shared: bool = False,
    ) -> None:
        self.revoked: dict[str, Revoked] = {}
        self._crew, self._tasks = crew, tasks
        self._notebook, self._is_shared = notebook, is_shared
        self._newest = 0
        self._told_to: dict[str, tuple[int | None, int]] = {}
        self._failed: dict[str, float] = {}
        self._unread: set[str] = set()
        self._is_full = False  # and was said
        self._tidied = self._followed = 0.0

    def restore(self) -> None:
        """Continue with those of the run before; blocks."""
        self._learn(self._notebook.read(REVOKE, MOST_REVOKED))

    def rewrite(self) -> None:
        """Have all of them written again."""
        for one in self.revoked.values():
            self._write(one)

    async def tell(self, uuid: str, who: str, eta_s: float | None) -> dict[str, WorkerOutcome]:
        """Have the workers acknowledge that a task is revoked; return what came of it at each.

        Who did not answer a moment ago is not waited for once more.
        """
        now = self._crew.clock()
        return await self._tell_new(uuid, who, max(now, eta_s or now), None, revoke([uuid]))

    async def tell_stamps(
        self, stamps: Stamps, who: str, order: CommandCall
    ) -> dict[str, WorkerOutcome]:
        """Have the workers acknowledge that all tasks with one of some stamps are revoked.

        `order` is what is told now; those that join are not told to terminate any.
        """
        key = msgspec.json.encode(stamps, order="deterministic").decode()
        return await self._tell_new(key, who, self._crew.clock(), stamps, order)

    async def follow(self) -> None:
        """Learn what other dashboards of the same history revoked.

        May overlap with other calls: a history that is silent is waited for, and nobody with us.
        """
        now = self._crew.clock()
        if self._is_shared and now - self._followed >= TIDY_S:
            self._followed = now
            self._learn(await self._notebook.newest(REVOKE, MOST_REVOKED) or {})

    async def keep(self) -> None:
        """Tell those that have not acknowledged all of it; forget what is over."""
        now = self._crew.clock()
        if now - self._tidied >= TIDY_S:
            self._tidied = now
            self._tidy(now)
        if not self.revoked:
            return
        behind: dict[int, list[str]] = {}
        for worker in self._present():
            place = self._place_of(worker)
            if place < self._last and not self._has_failed(worker):
                behind.setdefault(place, []).append(worker)
        for place, workers in behind.items():
            await self._catch_up(workers, place)

    async def _tell_new(
        self, key: str, who: str, from_s: float, stamps: Stamps | None, order: CommandCall
    ) -> dict[str, WorkerOutcome]:
        before = self._last
        self.revoked.pop(key, None)
        until = from_s + KEPT_UP_S
        one = self._add(Revoked(key, 0, who, self._crew.clock(), until, stamps=stamps))
        place = one.place
        self._write(one)
        await self._notebook.settled()
        present = self._present()
        asked = [name for name in present if not self._has_failed(name)]
        up_to = {name: self._place_of(name) for name in asked}
        outcomes = await self._send(asked, order)
        told = tuple(name for name, it in outcomes.items() if it.word == "done")
        for name in told:
            if up_to[name] >= before:
                self._told_to[name] = (self._crew.pid(name), place)
        self._acknowledged(one, told)
        return dict.fromkeys(present, SILENT) | outcomes

    async def _catch_up(self, workers: list[str], place: int) -> None:
        """Tell workers the next of what they have not acknowledged."""
        missing = [one for one in self.revoked.values() if one.place > place][:AT_ONCE]
        uuids = [one.key for one in missing if one.stamps is None]
        orders = [revoke(uuids)] if uuids else []
        orders += [revoke_stamped(one.stamps) for one in missing if one.stamps is not None]
        heard, told = workers, set(workers)
        for order in orders:
            outcomes = await self._send(heard, order)
            heard = [name for name, one in outcomes.items() if one.word in ("done", "refused")]
            told &= {name for name, one in outcomes.items() if one.word == "done"}
        for name in heard:
            self._told_to[name] = (self._crew.pid(name), missing[-1].place)
        for one in missing:
            self._acknowledged(one, sorted(told))

    def _acknowledged(self, one: Revoked, names: Iterable[str]) -> None:
        """Note who has acknowledged one, unless it is over meanwhile."""
        told = tuple(dict.fromkeys((*one.told, *names)))
        if one.key not in self.revoked or told == one.told:
            return
        self.revoked[one.key] = new = msgspec.structs.replace(one, told=told)
        if len(one.told) < MOST_WRITTEN:
            self._write(new)

    def _add(self, one: Revoked) -> Revoked:
        """Put one behind all others, of which the oldest goes where there are too many."""
        while len(self.revoked) >= MOST_REVOKED:
            if not self._is_full:
                self._is_full = True
                log.warning(FULL, MOST_REVOKED)
            self._drop(next(iter(self.revoked)))
        self._newest += 1
        self.revoked[one.key] = new = msgspec.structs.replace(one, place=self._newest)
        return new

    def _write(self, one: Revoked) -> None:
        record = msgspec.structs.replace(one, told=one.told[:MOST_WRITTEN])
        self._notebook.put(REVOKE, _name(one.key), msgspec.json.encode(record).decode(), one.until)

    def _drop(self, key: str) -> None:
        del self.revoked[key]
        self._notebook.put(REVOKE, _name(key), None, 0.0)

    def _learn(self, records: Mapping[str, str]) -> None:
        """Add what is written and not known here, in the order in which it was revoked."""
        found, known = [], {_name(key) for key in self.revoked}
        for name in records.keys() - known:
            try:
                found.append(msgspec.json.decode(records[name], type=Revoked))
            except msgspec.DecodeError as error:
                if name not in self._unread:  # it is read again and again
                    log.warning("The revoke of %s can't be read, so it has ended: %s", name, error)
                self._unread.add(name)
        for one in sorted(found, key=lambda one: (one.at, one.place)):
            self._add(one)

    async def _send(self, workers: Iterable[str], order: CommandCall) -> dict[str, WorkerOutcome]:
        outcomes = await self._crew.send(workers, order)
        now = self._crew.clock()
        for name, one in outcomes.items():
            if one.word in ("not sent", "unknown"):
                self._failed[name] = now
            else:
                self._failed.pop(name, None)
        return outcomes

    @property
    def _last(self) -> int:
        """The place of the newest."""
        return next(reversed(self.revoked.values())).place if self.revoked else 0

    def _place_of(self, worker: str) -> int:
        """Return up to where a worker has acknowledged all; 0 for one that has restarted."""
        pid, place = self._told_to.get(worker, (None, 0))
        return place if pid == self._crew.pid(worker) else 0

    def _has_failed(self, worker: str) -> bool:
        return self._crew.clock() - self._failed.get(worker, 0.0) < AGAIN_S

    def _present(self) -> list[str]:
        heard = self._crew.heard()
        return [name for name in heard if self._crew.standing(name) not in OFFLINE]

    def _tidy(self, now: float) -> None:
        tasks, heard = self._tasks(), self._crew.heard()
        for key, one in tuple(self.revoked.items()):
            task = tasks.get(key)
            if now >= one.until or (task is not None and has_ended(task)):
                self._drop(key)
        for kept in (self._told_to, self._failed):
            for name in [name for name in kept if name not in heard]:
                kept.pop(name)


def _name(key: str) -> str:
    """Return what one is written under: stamps may be longer than a key of a database.

    An id with NUL comes back from PostgreSQL as another one, and would be learnt as new for ever.
    """
    is_plain = len(key) <= LONGEST_NAME and "\0" not in key
    return key if is_plain else sha256(key.encode()).hexdigest()
