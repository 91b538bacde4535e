"""Snapshots of changed tasks, and the rows made of them. Pure; on the store thread."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from operator import attrgetter, itemgetter
from typing import Any, Final

import msgspec

from flower_ng.life.progress import progress_of_state
from flower_ng.records import Task
from flower_ng.reports import LogLine, ProgressReport, stored
from flower_ng.reports import written as written_lines
from flower_ng.store.tables.dialect import SQLITE, Dialect
from flower_ng.store.tables.schema import COLUMNS, TWINNED
from flower_ng.store.tables.texts import LARGE, cut_field, exception_class, first_line, pairs
from flower_ng.store.tables.timeline import Entry, chain, entries, written
from flower_ng.store.writing.upsert import SHARE, bulk, chunked, shaped
from flower_ng.truncation import cut_traceback


class Told(msgspec.Struct, frozen=True, gc=False):
    """What a task told of itself since the last snapshot: its newest report, and lines."""

    report: ProgressReport | None = None
    lines: tuple[LogLine, ...] = ()


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """A task as it was when this was taken: its columns, and what came since the last one.

    Of one that `is_partial` the store may know events that came before. `newest` is the newest of
    its new events, `left_out` is how many more there were; `told` is what it told of itself.
    """

    values: tuple[Any, ...]
    progress: int
    is_partial: bool = False
    newest: Entry | None = None
    left_out: int = 0
    told: Told | None = None

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

_values = attrgetter(*COLUMNS)
_COLUMNS: Final = {name: place for place, name in enumerate(COLUMNS)}
_LARGE: Final = [(_COLUMNS[name], name) for name in LARGE]
_twinned = itemgetter(*(_COLUMNS[name] for name in TWINNED if name in COLUMNS))
_KWARGS, _WORKER, _EXCEPTION, _TRACEBACK = (
    _COLUMNS[name] for name in ("kwargs", "worker", "exception", "traceback")
)


def snapshot(
    task: Task, newest: Entry | None = None, left_out: int = 0, told: Told | None = None
) -> Snapshot:
    """Take a snapshot of a task, with its newest events, and what it told of itself."""
    progress = task.progress or progress_of_state(task.state, task.retries)
    return Snapshot(_values(task), progress, task.is_partial, newest, left_out, told)


def scrubbed(taken: Snapshot) -> Snapshot:
    """Return a snapshot that SQLite can take: no lone surrogates, no integers past 64 bits."""
    values = tuple(map(_storable, taken.values))
    newest = chain(map(_storable_entry, entries(taken.newest)))
    return msgspec.structs.replace(taken, values=values, newest=newest)


def merge_statements(
    snapshots: Sequence[Snapshot], dialect: Dialect = SQLITE, bounds: Bounds = BOUNDS
) -> Iterator[tuple[str, list[Any]]]:
    """Yield the statements that merge snapshots into the tables, in their order, with parameters.

    Raises UnicodeError for a text that no database can take; see `scrubbed`.
    """
    tracebacks = dict(
        _shared(taken.values[_TRACEBACK], bounds)
        for taken in snapshots
        if taken.values[_TRACEBACK] is not None
    )
    yield from chunked(SHARE, sorted(tracebacks.items()))
    is_simple = not dialect.is_shared and _are_apart(snapshots)
    for some in [snapshots] if is_simple else _apart(snapshots):
        rows = [_row(taken, bounds) for taken in some]
        if dialect.is_shared:
            yield bulk(rows, bounds.max_events)
        else:
            yield from shaped(rows, bounds.max_events)


def _are_apart(snapshots: Sequence[Snapshot]) -> bool:
    return len({taken.values[0] for taken in snapshots}) == len(snapshots)


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


def _row(taken: Snapshot, bounds: Bounds) -> list[Any]:
    """Return the values of one row, in the order of STORED."""
    row = list(taken.values)
    for place, name in _LARGE:
        if row[place] is not None and len(row[place]) > bounds.max_text:
            row[place] = cut_field(name, row[place], bounds.max_text)
    worker, exception, traceback = row[_WORKER], row[_EXCEPTION], row[_TRACEBACK]
    row[_WORKER] = None if worker is None else worker.hostname
    row[_TRACEBACK] = None if traceback is None else shared_id(traceback)
    row += (taken.progress, pairs(row[_KWARGS]))
    kind, line = None, None
    if exception or traceback:
        kind, line = exception_class(exception, traceback), first_line(exception)
    row += (kind, line, written(taken.newest))
    row.append(taken.left_out + (taken.newest.count if taken.newest else 0))
    told = taken.told
    row += (None, None) if told is None else (stored(told.report), written_lines(told.lines))
    row += [
        None if text is None or (folded := text.casefold()) == text else folded
        for text in (*_twinned(row), kind)
    ]
    return row


def _shared(traceback: str, bounds: Bounds) -> tuple[int, str]:
    """Return a traceback's id, and it as it is kept."""
    text = cut_traceback(traceback, bounds.max_text)
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
