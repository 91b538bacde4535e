"""The statements that insert tasks or merge them into their rows. Pure; on the store thread.

Several dashboards may write the same task, and one may write what it heard late. What has come
further (life.progress) gives the state and all that changes from attempt to attempt; of what has
come less far, only what was not known is taken. No field is ever blanked.

Most tasks lack most columns, and sqlite3 takes 0.25 µs to bind a null, three times as long as a
text. So a statement leaves out the groups of columns that its rows have nothing in. PostgreSQL
takes all rows as one JSON text: made in C, it costs the interpreter a third of what a parameter for
each value does, and a quarter of arrays for unnest.
"""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec
from celery import states

from flower_ng.life.progress import (
    ATTEMPT_BITS,
    LIFE_BITS,
    MAX_LIVES,
    progress_in_attempt,
    progress_of_state,
)
from flower_ng.reports import LOG_LENGTH
from flower_ng.store.tables.dialect import POSTGRESQL
from flower_ng.store.tables.schema import COLUMNS, FAULT, SHARED, STORED, TOLD, TWINNED

#: Rows a statement, each size prepared once; SQLite allows 32,766 parameters in all.
CHUNKS: Final = (256, 64, 16, 4, 1)

#: One row, in the order of STORED, and the statement's part of it.
Row = Sequence[Any]

_PLACES: Final = {name: place for place, name in enumerate(STORED)}
#: How far a kept task has come; 0.1.0 kept no progress, only a state.
_OF_STATE: Final = " ".join(
    f"WHEN '{state}' THEN {progress_of_state(state, 0)}" for state in sorted(states.ALL_STATES)
)
_KEPT: Final = (
    f"coalesce(task.progress, (coalesce(task.retries, 0) << {ATTEMPT_BITS})"
    f" + CASE task.state {_OF_STATE} ELSE {progress_in_attempt('')} END)"
)
_WINS: Final = (
    f"(excluded.progress > {_KEPT} OR (excluded.progress = {_KEPT}"
    " AND excluded.timestamp >= coalesce(task.timestamp, 0)))"
)
#: Columns that are those of what has come further; their values are never blanked.
_LATEST: Final = frozenset({
    "name", "worker", "received", "started", "retries", "result", "runtime", "exception",
    "traceback",
})  # fmt: skip


#: Times of what may happen several times: the newest counts.
_NEWEST: Final = ("sent", "succeeded", "failed", "retried", "revoked", "rejected")

#: Columns that are worked out of another one, and change with it.
_LEADERS: Final = {
    **{f"{name}_folded": name for name in TWINNED if name != "state"},
    "pairs": "kwargs",
    **dict.fromkeys((*FAULT, "exception_class_folded"), "exception"),
}


def _twins(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}_folded" for name in names if name in TWINNED)


def _with_twins(*names: str) -> tuple[str, ...]:
    return (*names, *_twins(*names))


#: Columns that are there together or not at all, as a rule.
GROUPS: Final = (
    _with_twins("sent", "client", "exchange", "routing_key", "queue"),
    _with_twins("failed", "exception", "traceback", *FAULT),
    (
        *_with_twins(
            "rejected",
            "retried",
            "revoked",
            "eta",
            "expires",
            "parent_id",
            "original_name",
            "state_source",
        ),
        *_twins("uuid", "name", "worker", "root_id"),
    ),
    _twins("args", "result"),
    tuple(TOLD),
)


class Insert(NamedTuple):
    """A statement but for its rows."""

    table: str
    columns: Sequence[str]
    on_conflict: str


class Shape(NamedTuple):
    """A statement for rows that have nothing in some of the GROUPS; `pick` takes out the rest."""

    insert: Insert
    pick: Callable[[Row], Row]


SHARE: Final = Insert(SHARED, ("id", "text"), "ON CONFLICT (id) DO NOTHING")


def chunked(insert: Insert, rows: Sequence[Row]) -> Iterator[tuple[str, list[Any]]]:
    """Yield statements that insert all rows, in their order, with parameters."""
    start = 0
    for size in CHUNKS:
        while len(rows) - start >= size:
            yield _statement(insert, size), list(chain(*rows[start : start + size]))
            start += size


def shaped(rows: Sequence[Row], max_events: int) -> Iterator[tuple[str, list[Any]]]:
    """Yield statements that merge rows, in any order, in which no task is there twice."""
    alike: dict[int, list[Row]] = {}
    for row in rows:
        alike.setdefault(_empty(row), []).append(row)
    for empty, some in alike.items():
        insert, pick = shape(max_events, empty)
        yield from chunked(insert, list(map(pick, some)))


@cache
def shape(max_events: int, empty: int = 0) -> Shape:
    """Return the shape without the groups whose bits are set in `empty`.

    Of a timeline about `max_events` are kept.
    """
    missing = {name for place, group in enumerate(GROUPS) if empty & 1 << place for name in group}
    columns = tuple(name for name in STORED if name not in missing)
    settings = ", ".join(
        f"{name} = {value}" for name, value in _settings(missing, max_events).items()
    )
    insert = Insert("task", columns, f"ON CONFLICT (uuid) DO UPDATE SET {settings}")
    return Shape(insert, itemgetter(*map(_PLACES.__getitem__, columns)))


def _settings(missing: AbstractSet[str], max_events: int) -> dict[str, str]:
    """Return what becomes of each column of a task that is there already."""
    merged = {name: f"coalesce(excluded.{name}, task.{name})" for name in COLUMNS}
    del merged["uuid"]
    for name in _NEWEST:
        is_older = f"excluded.{name} < task.{name}"
        merged[name] = f"CASE WHEN {is_older} THEN task.{name} ELSE {merged[name]} END"
    for name in _LATEST:
        merged[name] = (
            f"CASE WHEN {_WINS} THEN coalesce(excluded.{name}, task.{name})"
            f" ELSE coalesce(task.{name}, excluded.{name}) END"
        )
    # Of an attempt that was only sent nothing is told by those that were run.
    merged["retries"] = (
        "CASE WHEN excluded.retries < task.retries"
        f" AND (excluded.progress >> {LIFE_BITS}) % {MAX_LIVES} = 0"
        f" THEN task.retries ELSE {merged['retries']} END"
    )
    for name in ("state", "timestamp", "clock", "progress", "state_folded"):
        merged[name] = f"CASE WHEN {_WINS} THEN excluded.{name} ELSE task.{name} END"
    merged["timeline"] = (
        f"CASE WHEN excluded.timeline IS NULL OR task.events >= {max_events} THEN task.timeline"
        " ELSE coalesce(task.timeline, '') || excluded.timeline END"
    )
    merged["report"] = "coalesce(excluded.report, task.report)"
    log = "coalesce(task.log, '') || excluded.log"
    merged["log"] = (
        f"CASE WHEN excluded.log IS NULL THEN task.log WHEN length({log}) > {LOG_LENGTH}"
        f" THEN substr({log}, length({log}) - {LOG_LENGTH - 1}) ELSE {log} END"
    )
    merged["events"] = "coalesce(task.events, 0) + excluded.events"
    for name in missing:
        merged.pop(name, None)
    # Who told a state is told with it: None stands for the events.
    told = "NULL" if "state_source" in missing else "excluded.state_source"
    merged["state_source"] = f"CASE WHEN {_WINS} THEN {told} ELSE task.state_source END"
    for follower, leader in _LEADERS.items():
        if leader not in missing:
            new = "NULL" if follower in missing else f"excluded.{follower}"
            is_kept = f"excluded.{leader} IS NULL"
            if leader in _LATEST:
                is_kept += f" OR ({_WINS}) IS NOT TRUE AND task.{leader} IS NOT NULL"
            merged[follower] = f"CASE WHEN {is_kept} THEN task.{follower} ELSE {new} END"
    return merged


_NOTHING: Final = [
    (1 << place, itemgetter(*map(_PLACES.__getitem__, names)), (None,) * len(names))
    for place, names in enumerate(GROUPS)
]


def _empty(row: Row) -> int:
    """Return the bits of the groups in which a row has nothing."""
    empty = 0
    for bit, group, nothing in _NOTHING:
        if group(row) == nothing:
            empty |= bit
    return empty


@cache
def _statement(insert: Insert, size: int) -> str:
    values = ", ".join([f"({', '.join('?' * len(insert.columns))})"] * size)
    names = ", ".join(insert.columns)
    return f"INSERT INTO {insert.table} ({names}) VALUES {values} {insert.on_conflict}"


_NUL: Final = b"\\u0000"


def bulk(rows: Sequence[Row], max_events: int) -> tuple[str, list[Any]]:
    """Return the statement that merges rows, in which no task is there twice, with parameters.

    NUL, which PostgreSQL knows in no text, becomes U+FFFD. Raises UnicodeError for a lone surrogate
    and OverflowError for a number of more than 64 bits.
    """
    text = _json(rows)
    if _NUL in text:
        text = _json([list(map(_without_nul, row)) for row in rows])
    return _bulk_statement(max_events), [text.decode()]


def _json(rows: Sequence[Row]) -> bytes:
    return msgspec.json.encode(
        [
            {name: value for name, value in zip(STORED, row, strict=True) if value is not None}
            for row in rows
        ]
    )


def _without_nul(value: Any) -> Any:
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


@cache
def _bulk_statement(max_events: int) -> str:
    names = ", ".join(STORED)
    typed = ", ".join(f"{name} {POSTGRESQL.type(kind)}" for name, kind in STORED.items())
    return (
        f"INSERT INTO task ({names}) SELECT {names}"
        f" FROM json_to_recordset(CAST(? AS json)) AS merged({typed})"
        f" {shape(max_events).insert.on_conflict}"
    )
