"""The table of the Workers page: its rows, groups and totals; pure.

Of thousands of workers a page shows fifty, so what only a row needs is not read of the others.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, Protocol

import msgspec

from flower_ng.monitor.remote.capacity import fitting
from flower_ng.monitor.remote.worker_answer import NO_ANSWER, WorkerAnswer
from flower_ng.monitor.state.presence import Status
from flower_ng.monitor.state.rows import WorkerRow, processed
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.worker_answers import share, uptime_s
from flower_ng.web.ui.worker_badges import Badge, badge_of

#: The search for the tasks that run.
RUNNING: Final = "is:running"
NO_QUEUE: Final = "No queues reported"
#: Names whose order is remembered: it is asked for with each page.
NAMES: Final = 20_000
#: The order of statuses: those that need attention first.
ORDER: Final[tuple[Status, ...]] = ("silent", "unknown", "busy", "gone", "left", "purged", "online")


class InspectorAnswers(Protocol):
    """What workers answered about themselves."""

    @property
    def told(self) -> Mapping[str, WorkerAnswer]:
        """What they told, by host name."""

    def ages(self, workername: str, /) -> Mapping[str, float]:
        """Return how many seconds ago each method was answered."""


class Member(msgspec.Struct, frozen=True, gc=False):
    """A worker before it is shown: its row, and where to look up what it answered."""

    row: WorkerRow
    answers: InspectorAnswers

    @property
    def name(self) -> str:
        """Its host name."""
        return self.row.worker.hostname

    @property
    def host(self) -> str:
        """The machine that it runs on: what stands behind the last `@`."""
        return self.name.rpartition("@")[2]

    @property
    def active(self) -> int | None:
        """How many tasks it runs; not known of one that is offline, or may be busy."""
        is_known = self.row.is_online and self.row.status != "busy"
        return self.row.worker.active if is_known else None

    @property
    def told(self) -> WorkerAnswer:
        """What it answered."""
        return self.answers.told.get(self.row.worker.hostname, NO_ANSWER)

    @property
    def slots(self) -> int | None:
        """How many tasks it runs at once; None where it runs more than it told."""
        return fitting(self.told.slots, self.active)

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that it takes tasks from."""
        return self.told.queues or ()

    @property
    def memory_bytes(self) -> int | None:
        """The most that its main process held."""
        return self.told.memory_bytes(self.row.worker.sw_sys)

    @property
    def uptime_s(self) -> float | None:
        """How long it runs by now; not known of one that is offline."""
        if not self.row.is_online:
            return None
        return uptime_s(self.told, self.answers.ages(self.name).get("stats"))

    @property
    def processed(self) -> int:
        """How many tasks it took on."""
        return processed(self.row.worker, self.row.counts)

    @property
    def failed(self) -> int:
        """How many attempts failed on it."""
        return self.row.attempts("task-failed")

    @property
    def succeeded(self) -> int:
        """How many tasks succeeded on it."""
        return self.row.attempts("task-succeeded")


@dataclass(frozen=True, slots=True)
class Count:
    """A number and the list that proves it; `url` is None for nothing and for what is not known."""

    value: int | None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class WorkerTableRow:
    """One worker: `active`, `load` and `uptime_s` are not known of one that is offline.

    `busy` is how much of its slots is taken, 0 to 100; None where either is not known.
    """

    name: str
    url: str
    is_online: bool
    badge: Badge
    heard: float | None
    active: Count
    slots: int | None
    busy: int | None
    processed: Count
    failed: Count
    succeeded: Count
    load: tuple[float, ...]
    memory_bytes: int | None
    uptime_s: float | None
    queues: tuple[str, ...]
    software: str
    version: str


@dataclass(frozen=True, slots=True)
class Group:
    """Workers with something in common, and their sums; without a label when all are in one."""

    label: str
    lines: tuple[WorkerTableRow, ...]
    total: "Total"


@dataclass(frozen=True, slots=True)
class Total:
    """The sums over some workers: those that are online, all of them, and their tasks.

    `slots` is None where one of those that are online did not tell its own. `silent` counts those
    that should be online and are not heard of, `unknown` those of which
    nobody can know yet, `busy_or_dead` those that are silent as a solo pool is while a task runs.
    """

    online: int
    known: int
    silent: int
    unknown: int
    busy_or_dead: int
    active: Count
    slots: int | None
    busy: int | None
    processed: Count
    failed: Count
    succeeded: Count


def line_of(member: Member, links: Links) -> WorkerTableRow:
    """A worker by its events, its heartbeats and its own answers."""
    row, worker, name = member.row, member.row.worker, member.name

    def count(value: int | None, **which: str) -> Count:
        return Count(value, links.tasks(worker=name, **which) if value else None)

    return WorkerTableRow(
        name=name,
        url=links.worker(name),
        is_online=row.is_online,
        badge=badge_of(worker, row.status),
        heard=worker.heard_at or None,
        active=count(member.active, search=RUNNING),
        slots=member.slots,
        busy=share(member.active, member.slots),
        processed=count(member.processed),
        failed=count(member.failed, state="FAILURE"),
        succeeded=count(member.succeeded, state="SUCCESS"),
        load=(worker.loadavg or ()) if row.is_online else (),
        memory_bytes=member.memory_bytes,
        uptime_s=member.uptime_s,
        queues=member.queues,
        software=" ".join(filter(None, (worker.sw_ident, worker.sw_ver, worker.sw_sys))),
        version=worker.sw_ver or "",
    )


def grouped(members: Iterable[Member], group: str) -> list[tuple[str, Member]]:
    """Each worker with the label of its group, group by group; some are in several.

    `group` is `host`, `queue`, or empty for one group of all.
    """
    labelled = list(_labelled(members, group))
    places = {label: natural(label) for label, _ in labelled}
    return sorted(labelled, key=lambda one: places[one[0]])


def _labelled(members: Iterable[Member], group: str) -> Iterator[tuple[str, Member]]:
    for member in members:
        if group == "queue":
            yield from ((queue, member) for queue in member.queues or (NO_QUEUE,))
        else:
            yield member.host if group == "host" else "", member


def groups_of(labelled: Iterable[tuple[str, Member]], links: Links) -> Iterator[Group]:
    """The groups of workers that come group by group, each with its group's label."""
    for label, items in groupby(labelled, key=itemgetter(0)):
        members = [member for _, member in items]
        lines = tuple(line_of(member, links) for member in members)
        yield Group(label, lines, total_of(members, links))


def total_of(members: Sequence[Member], links: Links) -> Total:
    """The sums over these workers."""
    online = [member for member in members if member.row.is_online]
    active = sum(member.row.worker.active or 0 for member in online)
    sizes = [member.slots for member in online]
    size = None if None in sizes else sum(one or 0 for one in sizes)

    def total(value: int, **which: str) -> Count:
        return Count(value, links.tasks(**which) if value else None)

    return Total(
        online=len(online),
        known=len(members),
        silent=sum(member.row.status == "silent" for member in members),
        unknown=sum(member.row.status == "unknown" for member in members),
        busy_or_dead=sum(member.row.status == "busy" for member in members),
        active=total(active, search=RUNNING),
        slots=size,
        busy=share(active, size),
        processed=total(sum(member.processed for member in members)),
        failed=total(sum(member.failed for member in members), state="FAILURE"),
        succeeded=total(sum(member.succeeded for member in members), state="SUCCESS"),
    )


@lru_cache(NAMES)
def natural(name: str) -> tuple[str | int, ...]:
    """Sort `w10` after `w9`: text and numbers in turn, the text first, if only an empty one."""
    parts: list[str | int] = list(_NUMBER.split(name.casefold()))
    parts[1::2] = map(int, parts[1::2])
    return tuple(parts) if name else ()


_NUMBER: Final = re.compile(r"([0-9]+)")


def _load(member: Member) -> tuple[int, int] | None:
    """How busy it is: by the share of its slots, below those by its tasks where that is unknown."""
    busy = share(member.active, member.slots)
    return None if member.active is None else (-1 if busy is None else busy, member.active)


_KEYS: Final[dict[str, Callable[[Member], Any]]] = {
    "name": lambda member: natural(member.name),
    "status": lambda member: ORDER.index(member.row.status),
    "active": _load,
    "processed": lambda member: member.processed,
    "failed": lambda member: member.failed,
    "succeeded": lambda member: member.succeeded,
    "load": lambda member: (member.row.is_online and member.row.worker.loadavg) or None,
    "memory": lambda member: member.memory_bytes,
    "uptime": lambda member: member.uptime_s,
    "software": lambda member: natural(member.row.worker.sw_ver or "") or None,
    "heard": lambda member: member.row.worker.heard_at or None,
}


def ordered(members: Iterable[Member], column: str, *, is_descending: bool) -> list[Member]:
    """The workers in the order asked for, by name where equal; what is not known comes last."""
    by_name = sorted(members, key=_KEYS["name"])
    if column not in _KEYS or column == "name":
        return by_name[::-1] if is_descending else by_name
    keyed = [(_KEYS[column](member), member) for member in by_name]
    known = [(key, member) for key, member in keyed if key is not None]
    known.sort(key=itemgetter(0), reverse=is_descending)
    return [member for _, member in known] + [member for key, member in keyed if key is None]
