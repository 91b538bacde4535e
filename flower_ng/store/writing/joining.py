"""Joins a task that memory knows only in part with its stored row. On the store thread.

A task that left memory and is heard of again is a new record there, which knows only what came
since. Before such a record is written, all events of the task are looked at together.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from celery.states import SUCCESS

from flower_ng.life.attempts import decisive, is_inferred, names, newest, newest_raised, retries_of
from flower_ng.life.matching import runs_of
from flower_ng.life.progress import CORRECTION, FIRST_FINAL, ONE_RUN, progress_of, told_otherwise
from flower_ng.life.runs import EXCEPTION_LENGTH, KILLED, Run, TaskEvent
from flower_ng.records import BACKEND, INFERRED, Worker
from flower_ng.store.tables.dialect import Dialect, json_text
from flower_ng.store.tables.schema import COLUMNS
from flower_ng.store.tables.timeline import Entry, entries, events, named
from flower_ng.store.writing.snapshots import Snapshot

_PLACES: Final = {name: place for place, name in enumerate(COLUMNS)}
#: What ends bring with them, by the events' types.
_BROUGHT: Final = {
    ("result", "runtime"): ("succeeded",),
    ("exception", "traceback"): ("failed", "retried"),
}


_IS_EACH: Final = "task.uuid = each.value"
_RECEIVED: Final = _PLACES["received"]
#: Tasks that were delivered again which are remembered.
MOST_AGAIN: Final = 10_000
#: What the result backend tells where it is the source of the state.
_OF_STATE: Final = ("state", "timestamp", "state_source")


class _Kept(NamedTuple):
    """What the store has of a task."""

    events: Sequence[TaskEvent]
    progress: int
    is_from_elsewhere: bool
    name: str | None = None


class Joining:
    """Puts rows together with what the store has of their tasks, before they are written.

    Memory says of a record that it is partial, but for a task that had ended before the dashboard
    started, and is delivered again: the store finds out, and remembers the newest of those.
    """

    def __init__(self, connection: sqlite3.Connection, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect
        self._again: OrderedDict[str, None] = OrderedDict()

    def joined(self, rows: Sequence[Snapshot]) -> Sequence[Snapshot]:
        """Return the rows, those that are partial as they are with what is kept of their tasks."""
        for uuid in _delivered_again(self._connection, rows, self._dialect):
            self._again[uuid] = None
            self._again.move_to_end(uuid)
        while len(self._again) > MOST_AGAIN:
            self._again.popitem(last=False)
        partial = {row.uuid for row in rows if row.is_partial or row.uuid in self._again}
        if not partial:
            return rows
        kept = _kept(self._connection, partial, self._dialect)
        together = []
        for row in rows:
            known = kept.get(row.uuid)
            if row.uuid in partial:
                if known is not None and (row.is_partial or row.uuid in self._again):
                    row = _joined(row, known)  # noqa: PLW2901 - the row as it is to be written
                kept[row.uuid] = _and(known, row)
            together.append(row)
        return together


def _delivered_again(
    connection: sqlite3.Connection, rows: Sequence[Snapshot], dialect: Dialect
) -> list[str]:
    """Return the tasks that have ended in the store and are received anew in these rows."""
    received = {
        row.values[0]: row.values[_RECEIVED]
        for row in rows
        if not row.is_partial and _has_receipt(row.newest)
    }
    if not received:
        return []
    found = connection.execute(
        f"SELECT uuid, received FROM {dialect.looped(dialect.each(), 'task', _IS_EACH)}"
        f" WHERE progress % {ONE_RUN} >= {FIRST_FINAL} AND received IS NOT NULL",
        (json_text(list(received)),),
    )
    return [uuid for uuid, at in found.fetchall() if at < (received[uuid] or 0.0)]


def _has_receipt(newest: Entry | None) -> bool:
    while newest is not None:  # a list of the chain would cost four times as much
        if newest.type == "task-received":
            return True
        newest = newest.before
    return False


def _and(known: _Kept | None, row: Snapshot) -> _Kept:
    """Return what the store will have when a row was written: a task may be there twice."""
    new = [_event(entry) for entry in entries(row.newest)]
    if known is None:
        name, original_name = (row.values[_PLACES[one]] for one in ("name", "original_name"))
        told = named(new, name, original_name)
        return _Kept(told, row.progress, is_from_elsewhere=False, name=name)
    return known._replace(events=[*known.events, *new], progress=max(known.progress, row.progress))


def _kept(
    connection: sqlite3.Connection, uuids: Collection[str], dialect: Dialect
) -> dict[str, _Kept]:
    """Return what the store has of tasks all of whose events it kept."""
    found = connection.execute(
        "SELECT uuid, name, original_name, timeline, events, coalesce(progress, 0), state_source"
        f" FROM {dialect.looped(dialect.each(), 'task', _IS_EACH)}",
        (json_text(list(uuids)),),
    )
    kept = {}
    for uuid, name, original_name, timeline, count, progress, source in found.fetchall():
        told = events(timeline)
        if told and len(told) <= (count or len(told)):
            kept[uuid] = _Kept(named(told, name, original_name), progress, source == BACKEND, name)
    return kept


def _joined(row: Snapshot, known: _Kept) -> Snapshot:
    new = [_event(entry) for entry in entries(row.newest)]
    # Of what was kept before anything said that it was replaced, the receipts have no name.
    is_named = any(event.name for event in (*known.events, *new))
    together = [*(named(known.events, known.name, known.name) if is_named else known.events), *new]
    runs = runs_of(together)
    run = decisive(runs)
    if run is None:
        return row
    values = list(row.values)
    # That of a sending may be the name of what it is going to be replaced by.
    values[_PLACES["name"]] = known.name or values[_PLACES["name"]]
    told = _told(run, runs, together)
    reached = progress_of(run, runs)
    if values[_PLACES["state_source"]] == BACKEND and not run.is_final:
        reached = told_otherwise(reached, values[_PLACES["state"]])
        for name in _OF_STATE:
            del told[name]
    else:
        for brought, subjects in _BROUGHT.items():
            if not any(_brings(run, runs, new, subject) for subject in subjects):
                told |= dict.fromkeys(brought)
    if killed := {event.at for event in new if event.how == KILLED}:
        ended = {one.ended for one in runs if one.outcome == SUCCESS}
        ends = [event.at for event in new if event.type == "succeeded"]
        told["succeeded"] = max(
            (at for at in ends if at in ended or at not in killed), default=None
        )
    for name, value in told.items():
        values[_PLACES[name]] = value
    progress = _progress(known, reached)
    return msgspec.structs.replace(row, values=tuple(values), progress=progress)


def _event(entry: Entry) -> TaskEvent:
    exception = (entry.exception or "")[:EXCEPTION_LENGTH]
    kind = entry.type.removeprefix("task-")
    return TaskEvent(
        kind, entry.at, entry.hostname, exception, entry.retries, entry.name, entry.how, entry.own
    )


def _told(run: Run, runs: Sequence[Run], events: Sequence[TaskEvent]) -> dict[str, Any]:
    """Return the columns that follow from all events of a task, whose decisive run is `run`."""
    sent = [one.retries for one in events if one.type == "sent" and one.retries is not None]
    told: dict[str, Any] = {
        "state": run.state,
        "timestamp": run.state_at,
        "worker": Worker(run.worker),
        "received": newest(runs, "received"),
        "started": newest(runs, "started"),
        "retries": retries_of(runs, max(sent, default=None)),
        "state_source": INFERRED if is_inferred(run, runs) else None,
    }
    if found := names(runs, run):
        told["name"] = found[0]
        if found[1]:
            told["original_name"] = found[1]
    return told


def _brings(run: Run, runs: Sequence[Run], new: Sequence[TaskEvent], subject: str) -> bool:
    """Whether what came with an end of this type is the task's: its run is the newest with one."""
    ended = {event.at for event in new if event.type == subject}
    if subject == "succeeded":
        return run.ended in ended or (bool(ended) and run.outcome != SUCCESS)
    raised = run if run.exception else newest_raised(runs) or run
    return raised.ended in ended


def _progress(known: _Kept, progress: int) -> int:
    """Return the progress of all events together, which count even where the store said more."""
    progress += known.progress // CORRECTION * CORRECTION
    if progress >= known.progress or known.is_from_elsewhere:
        return progress
    return progress + CORRECTION
