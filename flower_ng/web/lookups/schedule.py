"""The entries of beat's schedule as people see them, for pages and the API. On the loop."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.errors import BadRequest, NotFound
from flower_ng.health.facts.records import EntryFacts
from flower_ng.schedule.entry import BeatEntry, Kind
from flower_ng.schedule.strip import Mark, Ran, marks_of
from flower_ng.store import Gap, TaskQuery, TaskRow
from flower_ng.web.ui.links import word

#: The newest tasks of a type that are looked through for those of an entry, and marks of a strip.
LOOKED: Final = 300
MARKS: Final = 16
#: Types whose tasks are read at once.
AT_ONCE: Final = 8
#: An entry is called overdue after so long: beat and the event take a moment.
OVERDUE_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class SeenEntry:
    """An entry as people see it: `row` has its task and arguments as `format_task` shows them.

    `facts` are None where nothing is expected of it, or nothing can be heard. `last` is the newest
    task like it that is known, whoever sent it; `marks` are those before too, the newest last.
    `search` finds them all. `queue` is that of its options, else of its newest task.
    `is_heard` is that events can arrive.
    """

    entry: BeatEntry
    row: TaskRow
    facts: EntryFacts | None
    last: TaskRow | None
    marks: tuple[Mark, ...]
    search: str
    queue: str
    is_heard: bool

    @property
    def last_at(self) -> float | None:
        """When it was sent last, as was seen, or as beat's store tells."""
        seen = None if self.last is None else sent_at(self.last)
        judged = None if self.facts is None else self.facts.last_at
        told = (seen, self.entry.last_run_at, judged)
        return max((at for at in told if at is not None), default=None)

    @property
    def due_at(self) -> float | None:
        """When it is due next; None where that is not known, or never."""
        if not self.entry.is_expected:
            return None
        if self.facts is None:
            return self.entry.due_at
        return None if self.facts.due_at == float("inf") else self.facts.due_at

    @property
    def overdue_s(self) -> float:
        """For how long its task should have been sent, 0 where it is not."""
        late_s = self.facts.overdue_s if self.facts is not None else 0.0
        return late_s if late_s > OVERDUE_S else 0.0

    @property
    def state(self) -> str:
        """A word for how it stands."""
        entry = self.entry
        if not entry.is_enabled:
            return "disabled"
        if entry.problem:
            return "unreadable"
        if entry.rests:
            return "resting"
        if self.overdue_s:
            return "overdue"
        return "on time" if not self._why_unknown else "unknown"

    @property
    def why(self) -> str:
        """The reason, where the entry is neither on time nor overdue; empty where none is told."""
        reason = self.entry.problem or self.entry.rests
        return reason or (self._why_unknown if self.state == "unknown" else "")

    @property
    def _why_unknown(self) -> str:
        if not self.is_heard:
            return "no events arrive"
        if self.facts is None:
            return "when it is due can't be told"
        if self.last_at is None and self.due_at is None:
            return "no run of it is known"
        return "no run of it was seen since events arrive" if self.facts.is_latest else ""


def sent_at(row: TaskRow) -> float | None:
    """Return when a task was sent, or what comes nearest to it."""
    return next((at for at in (row.sent, row.received, row.started) if at is not None), None)


async def entries_now(cluster: Cluster) -> Sequence[BeatEntry]:
    """Return all entries as they are now; what can't be read stays as it was last told."""
    if not cluster.timetable.is_fresh():
        await cluster.health.schedule.look()
    return cluster.timetable.entries


def entry_named(cluster: Cluster, name: str, source: str) -> BeatEntry:
    """Return an entry; NotFound where there is none, BadRequest where there are several."""
    kinds = [kind.value for kind in Kind]
    if source and source not in kinds:
        raise BadRequest(f"source must be one of {', '.join(kinds)}, not '{source}'")
    found = [one for one in cluster.timetable.entries if one.name == name]
    found = [one for one in found if not source or one.kind.value == source]
    if not found:
        raise NotFound(f"The schedule has no entry '{name}'")
    if len(found) > 1:
        named = " or ".join(one.kind.value for one in found)
        raise BadRequest(f"Several places have an entry '{name}': set source to {named}")
    return found[0]


def facts_of(cluster: Cluster, entry: BeatEntry) -> EntryFacts | None:
    """Return when an entry is due; None where nothing is expected of it or nothing is known."""
    return cluster.health.schedule.facts.get((entry.kind, entry.name))


async def seen_entries(cluster: Cluster, entries: Sequence[BeatEntry]) -> list[SeenEntry]:
    """Return entries with what is known of their tasks; Unavailable without a history."""
    kinds = sorted({entry.task for entry in entries})
    found = dict(zip(kinds, await _newest(cluster, kinds), strict=True))
    timetable = cluster.timetable
    runs = {
        (entry.kind, entry.name): _like(found.get(entry.task, ()), timetable.sign(entry))
        for entry in entries
    }
    gaps = await _gaps(cluster, runs.values())
    marked = await timetable.run(lambda: dict(_marked(entries, runs, gaps)))
    return [
        _seen(cluster, entry, runs[entry.kind, entry.name], marked[entry.kind, entry.name])
        for entry in entries
    ]


def shown_entry(cluster: Cluster, entry: BeatEntry) -> TaskRow:
    """Return its task and arguments as pages may show them."""
    _, args, kwargs = cluster.timetable.sign(entry)
    return cluster.format_task(TaskRow("", name=entry.task, args=args, kwargs=kwargs))


async def _newest(cluster: Cluster, kinds: Sequence[str]) -> list[Sequence[TaskRow]]:
    free = asyncio.Semaphore(AT_ONCE)

    async def of(kind: str) -> Sequence[TaskRow]:
        async with free:
            page = await cluster.store.at_once().tasks(TaskQuery(name=kind, limit=LOOKED))
            return page.rows

    return await asyncio.gather(*map(of, kinds))


def _like(rows: Sequence[TaskRow], sign: tuple[str, str | None, str | None]) -> list[TaskRow]:
    """Return the tasks with the arguments of an entry, the newest first; no task sent them."""
    _, args, kwargs = sign
    return [
        row
        for row in rows
        if not row.parent_id
        and row.original_name is None
        and (args is None or row.args == args)
        and (kwargs is None or row.kwargs == kwargs)
    ][:MARKS]


async def _gaps(cluster: Cluster, runs: Iterable[Sequence[TaskRow]]) -> Sequence[Gap]:
    """Return what is missing of the time of these tasks."""
    times = [at for rows in runs for row in rows if (at := sent_at(row)) is not None]
    return await cluster.store.gaps(min(times), max(times)) if times else ()


def _marked(
    entries: Sequence[BeatEntry],
    runs: Mapping[tuple[Kind, str], Sequence[TaskRow]],
    gaps: Sequence[Gap],
) -> Iterator[tuple[tuple[Kind, str], tuple[Mark, ...]]]:
    for entry in entries:
        rows = runs[entry.kind, entry.name]
        ran = [
            Ran(row.uuid, row.state, at, row.sent is not None)
            for row in reversed(rows)
            if (at := sent_at(row)) is not None
        ]
        yield (entry.kind, entry.name), marks_of(entry, ran, gaps)[-MARKS:]


def _seen(
    cluster: Cluster, entry: BeatEntry, rows: Sequence[TaskRow], marks: tuple[Mark, ...]
) -> SeenEntry:
    last, shown = rows[0] if rows else None, shown_entry(cluster, entry)
    return SeenEntry(
        entry=entry,
        row=shown,
        facts=facts_of(cluster, entry),
        last=last,
        marks=marks,
        search=" ".join(_search(cluster, entry, shown)),
        is_heard=cluster.health.schedule.is_hearing,
        queue=entry.queue or ((last.queue or "") if last is not None else ""),
    )


def _search(cluster: Cluster, entry: BeatEntry, shown: TaskRow) -> Iterator[str]:
    """Yield the terms of a search for its runs; of arguments only those that are shown whole."""
    name, args, kwargs = cluster.timetable.sign(entry)
    yield f"name:={word(name)}"
    if args is not None and args == shown.args:
        yield f"args:{word(args)}"
    if kwargs is not None and kwargs == shown.kwargs:
        yield f"kwargs:{word(kwargs)}"
