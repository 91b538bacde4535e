"""The statement that writes tasks; it carries Celery's merge rules. Pure; run by the store thread.

A task may have left memory before its next event comes, so what memory knows is only the newest
part. The rules are those of `celery.events.state.Task.event`: no field is ever blanked, and a state
that logically happened earlier never replaces a later one, unless a RETRY stands between them.
"""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from celery.states import RETRY, precedence

from flower_ng.store.dialect import SQLITE, Dialect
from flower_ng.store.pairs import pairs
from flower_ng.store.schema import ADDED, COLUMNS, FOLDED

#: Takes a snapshot of a Task: the columns in their order, then `retry_passed`.
snapshot = attrgetter(*COLUMNS, "retry_passed")

#: Rows a statement, each size prepared once; SQLite allows 32,766 parameters in all.
CHUNKS = (512, 256, 128, 64, 32, 16, 8, 4, 2, 1)

_STATE, _KWARGS, _WORKER = (list(COLUMNS).index(name) for name in ("state", "kwargs", "worker"))
_TEXTS = tuple(list(COLUMNS).index(name) for name in FOLDED)
_TWINS = tuple(f"{name}_folded" for name in FOLDED)
_ALL = (*COLUMNS, *ADDED, *_TWINS)

_WINS = (
    f"(excluded.retry_passed = 1 OR task.state = '{RETRY}' OR excluded.state = '{RETRY}'"
    " OR excluded.precedence <= task.precedence)"
)


def statements(
    snapshots: Sequence[tuple[Any, ...]], dialect: Dialect = SQLITE
) -> Iterator[tuple[str, list[Any]]]:
    """Yield the statements that merge snapshots into the table, in their order, with parameters."""
    for some in [snapshots] if dialect.may_repeat_keys else _apart(snapshots):
        yield from _chunked(some)


def _apart(snapshots: Sequence[tuple[Any, ...]]) -> list[list[tuple[Any, ...]]]:
    """Return lists of them to be merged in turn, in which no uuid comes twice, sorted by uuid.

    Several dashboards that lock rows in one order never wait for each other in a circle.
    """
    turns: list[dict[str, tuple[Any, ...]]] = []
    for taken in snapshots:
        turn = next((turn for turn in turns if taken[0] not in turn), None)
        if turn is None:
            turns.append(turn := {})
        turn[taken[0]] = taken
    return [[turn[uuid] for uuid in sorted(turn)] for turn in turns]


def _chunked(snapshots: Sequence[tuple[Any, ...]]) -> Iterator[tuple[str, list[Any]]]:
    start = 0
    for size in CHUNKS:
        while len(snapshots) - start >= size:
            chunk = snapshots[start : start + size]
            yield _upsert(size), [value for taken in chunk for value in _row(taken)]
            start += size


def scrubbed(taken: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a snapshot that SQLite can take: no lone surrogates, no integers past 64 bits."""
    return tuple(map(_storable, taken))


def _upsert(size: int) -> str:
    values = ", ".join([f"({', '.join('?' * len(_ALL))})"] * size)
    return f"INSERT INTO task ({', '.join(_ALL)}) VALUES {values} {_ON_CONFLICT}"


def _on_conflict() -> str:
    merged = {name: f"coalesce(excluded.{name}, task.{name})" for name in COLUMNS}
    del merged["uuid"]
    for name in ("state", "timestamp", "clock", "precedence"):
        merged[name] = _of_winner(name)
    for name in FOLDED:
        merged[f"{name}_folded"] = _follows(name, f"{name}_folded")
    merged["state_folded"] = _of_winner("state_folded")
    merged["pairs"] = _follows("kwargs", "pairs")
    settings = ", ".join(f"{name} = {value}" for name, value in merged.items())
    return f"ON CONFLICT (uuid) DO UPDATE SET {settings}"


def _of_winner(name: str) -> str:
    return f"CASE WHEN {_WINS} THEN excluded.{name} ELSE task.{name} END"


def _follows(leader: str, follower: str) -> str:
    return f"CASE WHEN excluded.{leader} IS NULL THEN task.{follower} ELSE excluded.{follower} END"


_ON_CONFLICT = _on_conflict()


def _row(taken: tuple[Any, ...]) -> list[Any]:
    """Return the values of one row: the columns, what the writer adds, the folded twins."""
    row = list(taken)
    worker = row[_WORKER]
    row[_WORKER] = None if worker is None else worker.hostname
    row += (pairs(row[_KWARGS]), *map(_twin, [row[index] for index in _TEXTS]))
    row.insert(len(COLUMNS), precedence(row[_STATE]))
    return row


def _twin(text: str | None) -> str | None:
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
