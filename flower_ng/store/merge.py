"""The statement that writes tasks; it carries Celery's merge rules. Pure; run by the store thread.

A task may have left memory before its next event comes, so what memory knows is only the newest
part. The rules are those of `celery.events.state.Task.event`: no field is ever blanked, and a state
that logically happened earlier never replaces a later one, unless a RETRY stands between them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec
from celery.states import RETRY, precedence

from flower_ng.monitor.records import Task
from flower_ng.store.cuts import LARGE, cut
from flower_ng.store.dialect import SQLITE, Dialect
from flower_ng.store.fault import exception_class, first_line
from flower_ng.store.pairs import pairs
from flower_ng.store.schema import COLUMNS, FAULT, SHARED, STORED, TWINNED
from flower_ng.store.timeline import Entry, chain, entries, written


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """A task as it was when this was taken: its columns, and what came since the last one.

    `newest` is the newest of its new events, `left_out` is how many more there were.
    """

    values: tuple[Any, ...]
    retry_passed: bool
    newest: Entry | None = None
    left_out: int = 0

    @property
    def uuid(self) -> str:
        """The id of the task."""
        uuid: str = self.values[0]
        return uuid


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept of one task: characters of each large text, and events.

    A task that is written seldom may have up to twice as many events.
    """

    max_text: int = 16_384
    max_events: int = 100


BOUNDS: Final = Bounds()

#: Rows a statement, each size prepared once; SQLite allows 32,766 parameters in all.
CHUNKS = (512, 256, 128, 64, 32, 16, 8, 4, 2, 1)

_values = attrgetter(*COLUMNS)
_COLUMNS: Final = {name: place for place, name in enumerate(COLUMNS)}
_LARGE: Final = [_COLUMNS[name] for name in LARGE]
_TWINNED: Final = [_COLUMNS[name] for name in TWINNED if name in COLUMNS]
_STATE, _KWARGS, _WORKER, _EXCEPTION, _TRACEBACK = (
    _COLUMNS[name] for name in ("state", "kwargs", "worker", "exception", "traceback")
)

_WINS = (
    f"(excluded.retry_passed = 1 OR task.state = '{RETRY}' OR excluded.state = '{RETRY}'"
    " OR excluded.precedence <= task.precedence)"
)


def snapshot(task: Task, newest: Entry | None = None, left_out: int = 0) -> Snapshot:
    """Take a snapshot of a task, with its newest events."""
    return Snapshot(_values(task), task.retry_passed, newest, left_out)


def scrubbed(taken: Snapshot) -> Snapshot:
    """Return a snapshot that SQLite can take: no lone surrogates, no integers past 64 bits."""
    values = tuple(map(_storable, taken.values))
    newest = chain(map(_storable_entry, entries(taken.newest)))
    return msgspec.structs.replace(taken, values=values, newest=newest)


def statements(
    snapshots: Sequence[Snapshot], dialect: Dialect = SQLITE, bounds: Bounds = BOUNDS
) -> Iterator[tuple[str, list[Any]]]:
    """Yield the statements that merge snapshots into the tables, in their order, with parameters.

    Raises UnicodeError for a text that no database can take; see `scrubbed`.
    """
    tracebacks = dict(filter(None, (_shared(taken, bounds) for taken in snapshots)))
    yield from _chunked(_SHARE, sorted(tracebacks.items()))
    for some in [snapshots] if dialect.may_repeat_keys else _apart(snapshots):
        yield from _chunked(_upsert(bounds.max_events), [_row(taken, bounds) for taken in some])


def _apart(snapshots: Sequence[Snapshot]) -> list[list[Snapshot]]:
    """Return lists of them to be merged in turn, in which no uuid comes twice, sorted by uuid.

    Several dashboards that lock rows in one order never wait for each other in a circle.
    """
    turns: list[dict[str, Snapshot]] = []
    for taken in snapshots:
        turn = next((turn for turn in turns if taken.uuid not in turn), None)
        if turn is None:
            turns.append(turn := {})
        turn[taken.uuid] = taken
    return [[turn[uuid] for uuid in sorted(turn)] for turn in turns]


class _Insert(NamedTuple):
    """A statement but for its rows."""

    table: str
    columns: Sequence[str]
    on_conflict: str


def _chunked(insert: _Insert, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[str, list[Any]]]:
    start = 0
    for size in CHUNKS:
        while len(rows) - start >= size:
            chunk = rows[start : start + size]
            yield _statement(insert, size), [value for row in chunk for value in row]
            start += size


@cache
def _statement(insert: _Insert, size: int) -> str:
    values = ", ".join([f"({', '.join('?' * len(insert.columns))})"] * size)
    names = ", ".join(insert.columns)
    return f"INSERT INTO {insert.table} ({names}) VALUES {values} {insert.on_conflict}"


_SHARE: Final = _Insert(SHARED, ("id", "text"), "ON CONFLICT (id) DO NOTHING")


@cache
def _upsert(max_events: int) -> _Insert:
    merged = {name: f"coalesce(excluded.{name}, task.{name})" for name in COLUMNS}
    del merged["uuid"]
    for name in ("state", "timestamp", "clock", "precedence"):
        merged[name] = _of_winner(name)
    for name in TWINNED:
        merged[f"{name}_folded"] = _follows(name, f"{name}_folded")
    merged["state_folded"] = _of_winner("state_folded")
    merged["pairs"] = _follows("kwargs", "pairs")
    for name in (*FAULT, "exception_class_folded"):
        merged[name] = _follows("exception", name)
    merged["timeline"] = (
        f"CASE WHEN excluded.timeline IS NULL OR task.events >= {max_events} THEN task.timeline"
        " ELSE coalesce(task.timeline, '') || excluded.timeline END"
    )
    merged["events"] = "coalesce(task.events, 0) + excluded.events"
    settings = ", ".join(f"{name} = {value}" for name, value in merged.items())
    return _Insert("task", tuple(STORED), f"ON CONFLICT (uuid) DO UPDATE SET {settings}")


def _of_winner(name: str) -> str:
    return f"CASE WHEN {_WINS} THEN excluded.{name} ELSE task.{name} END"


def _follows(leader: str, follower: str) -> str:
    return f"CASE WHEN excluded.{leader} IS NULL THEN task.{follower} ELSE excluded.{follower} END"


def _row(taken: Snapshot, bounds: Bounds) -> list[Any]:
    """Return the values of one row, in the order of STORED."""
    row = list(taken.values)
    for place in _LARGE:
        if row[place] is not None and len(row[place]) > bounds.max_text:
            row[place] = cut(row[place], bounds.max_text)
    worker, exception, traceback = row[_WORKER], row[_EXCEPTION], row[_TRACEBACK]
    row[_WORKER] = None if worker is None else worker.hostname
    kind = exception_class(exception, traceback)
    row[_TRACEBACK] = None if traceback is None else shared_id(traceback)
    row += (precedence(row[_STATE]), taken.retry_passed, pairs(row[_KWARGS]))
    row += (kind, first_line(exception))
    row += (written(taken.newest), taken.left_out + (taken.newest.count if taken.newest else 0))
    row += (*[twin(row[place]) for place in _TWINNED], twin(kind))
    return row


def _shared(taken: Snapshot, bounds: Bounds) -> tuple[int, str] | None:
    """Return a traceback as it is kept, and its id."""
    text = taken.values[_TRACEBACK]
    if text is None:
        return None
    text = cut(text, bounds.max_text)
    return shared_id(text), text


def shared_id(text: str) -> int:
    """Return the number that stands for a text: 63 bits of its digest."""
    digest = blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def twin(text: str | None) -> str | None:
    """Return a text case-folded, None where that changes nothing."""
    if text is None:
        return None
    folded = text.casefold()
    return None if folded == text else folded


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return None
    return value


def _storable_entry(entry: Entry) -> Entry:
    texts = {name: _storable(getattr(entry, name)) for name in ("type", "hostname", "exception")}
    return msgspec.structs.replace(entry, **texts)
