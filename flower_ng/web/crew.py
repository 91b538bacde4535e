"""Crew is the workers of the Workers page: their lines, groups and sums; pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from flower_ng.monitor.rows import WorkerRow
from flower_ng.web.inspected import Inspected, share
from flower_ng.web.links import Links

NO_QUEUE: Final = "No queue is known"


@dataclass(frozen=True, slots=True)
class Count:
    """A number and the list that proves it; `url` is None for nothing and for what is not known."""

    value: int | None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One worker: `active`, `load` and `uptime_s` are not known of one that is offline.

    `busy` is how much of its slots is taken, 0 to 100; None where either is not known.
    """

    name: str
    url: str
    is_online: bool
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

    @property
    def host(self) -> str:
        """The machine that it runs on: what stands behind the last `@`."""
        return self.name.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Group:
    """Workers with something in common, and their sums; without a label when all are in one."""

    label: str
    lines: tuple[Line, ...]
    total: "Total"


@dataclass(frozen=True, slots=True)
class Total:
    """The sums over some workers: those that are online, all of them, and their tasks."""

    online: int
    known: int
    active: Count
    slots: int
    busy: int | None
    processed: Count
    failed: Count
    succeeded: Count


def line_of(row: WorkerRow, told: Inspected, links: Links) -> Line:
    """A worker by its events, its heartbeats and its own answers."""
    worker, name = row.worker, row.worker.hostname

    def count(value: int | None, state: str | None) -> Count:
        return Count(value, links.tasks(worker=name, state=state) if value else None)

    return Line(
        name=name,
        url=links.worker(name),
        is_online=row.is_online,
        heard=worker.heard_at or None,
        active=count(worker.active if row.is_online else None, "STARTED"),
        slots=told.slots,
        busy=share(worker.active if row.is_online else None, told.slots),
        processed=count(row.counts.get("task-received", 0), None),
        failed=count(row.counts.get("task-failed", 0), "FAILURE"),
        succeeded=count(row.counts.get("task-succeeded", 0), "SUCCESS"),
        load=(worker.loadavg or ()) if row.is_online else (),
        memory_bytes=told.memory_bytes,
        uptime_s=told.uptime_s if row.is_online else None,
        queues=told.queues,
        software=" ".join(filter(None, (worker.sw_ident, worker.sw_ver, worker.sw_sys))),
        version=worker.sw_ver or "",
    )


def grouped(lines: Iterable[Line], group: str) -> list[tuple[str, Line]]:
    """Each line with the label of its group, group by group; some are in several.

    `group` is `host`, `queue`, or empty for one group of all.
    """
    return sorted(_members(lines, group), key=lambda member: natural(member[0]))


def _members(lines: Iterable[Line], group: str) -> Iterator[tuple[str, Line]]:
    for line in lines:
        if group == "queue":
            yield from ((queue, line) for queue in line.queues or (NO_QUEUE,))
        else:
            yield line.host if group == "host" else "", line


def groups_of(members: Iterable[tuple[str, Line]], links: Links) -> Iterator[Group]:
    """The groups of lines that come group by group, each line with its group's label."""
    for label, items in groupby(members, key=itemgetter(0)):
        lines = tuple(line for _, line in items)
        yield Group(label, lines, total_of(lines, links))


def total_of(lines: Sequence[Line], links: Links) -> Total:
    """The sums over these lines."""

    def total(counts: Iterable[Count], state: str | None) -> Count:
        value = sum(count.value or 0 for count in counts)
        return Count(value, links.tasks(state=state) if value else None)

    active = total((line.active for line in lines), "STARTED")
    slots = sum(line.slots or 0 for line in lines if line.is_online)
    return Total(
        online=sum(line.is_online for line in lines),
        known=len(lines),
        active=active,
        slots=slots,
        busy=share(active.value, slots),
        processed=total((line.processed for line in lines), None),
        failed=total((line.failed for line in lines), "FAILURE"),
        succeeded=total((line.succeeded for line in lines), "SUCCESS"),
    )


_KEYS: Final[dict[str, Callable[[Line], Any]]] = {
    "name": lambda line: natural(line.name),
    "status": lambda line: line.is_online,
    "active": lambda line: line.active.value,
    "processed": lambda line: line.processed.value,
    "failed": lambda line: line.failed.value,
    "succeeded": lambda line: line.succeeded.value,
    "load": lambda line: line.load or None,
    "memory": lambda line: line.memory_bytes,
    "uptime": lambda line: line.uptime_s,
    "software": lambda line: natural(line.version) or None,
    "heard": lambda line: line.heard,
}


def ordered(lines: Iterable[Line], column: str, *, is_descending: bool) -> list[Line]:
    """The lines in the order asked for, by name where equal; what is not known comes last."""
    key = _KEYS.get(column, _KEYS["name"])
    by_name = sorted(lines, key=_KEYS["name"])
    known = [line for line in by_name if key(line) is not None]
    unknown = [line for line in by_name if key(line) is None]
    return sorted(known, key=key, reverse=is_descending) + unknown


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort `w10` after `w9`."""
    parts = re.findall(r"([0-9]+)|([^0-9]+)", name.casefold())
    return [(0, int(digits), "") if digits else (1, 0, text) for digits, text in parts]
