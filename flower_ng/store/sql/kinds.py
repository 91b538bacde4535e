"""Kinds sort failed tasks by type, class of exception and its words. Reading thread.

Of more failures than MOST only the newest are looked at, which is told.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, TypeAlias

import msgspec

from flower_ng.store.sql.statements import Selection, Statement
from flower_ng.store.tables.likeness import likeness

#: So many failed tasks are looked at: 0.3 s of the reading thread at first, then 0.1 s.
MOST: Final = 5_000
#: Ids of the newest tasks that are told of each kind.
NEWEST: Final = 10
#: Letters of a digest.
DIGEST: Final = 16

#: uuid, name, class, first line, worker, when it failed
_Failed: TypeAlias = tuple[str, str | None, str | None, str | None, str | None, float]
_failed = msgspec.json.Decoder(list[_Failed], strict=False)  # times come as text, to the last bit


@dataclass(frozen=True, slots=True)
class TrendBars:
    """A time cut into `count` parts of `step_s` seconds from `start` on, UTC seconds."""

    start: float
    step_s: float
    count: int


@dataclass(slots=True)
class FailureKind:
    """Failures that are alike: of one type, with one class of exception, and the same words.

    `digest` names it; `words` are as `likeness` returns them. `first` and `last` (UTC seconds) and
    `count` are of the failures that were looked at, `trend` counts them by the bars that were asked
    for, `workers` by host name. `newest` are ids of tasks, the newest first.
    """

    digest: str
    name: str | None
    exception: str | None
    words: str
    first: float
    last: float
    trend: list[int]
    count: int = 0
    workers: dict[str, int] = field(default_factory=dict)
    newest: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FailureKinds:
    """Kinds by digest, the one that failed last first; `looked` failed tasks were looked at.

    Unless `is_whole` there are more, all of them older than `since` (UTC seconds).
    """

    kinds: dict[str, FailureKind]
    looked: int
    is_whole: bool
    since: float | None


def newest(found: Selection) -> Statement:
    """Return a statement with a JSON array of the newest failures among the tasks that match."""
    dialect = found.dialect
    order = dialect.ordered("at", "DESC")
    rows = found.with_those(
        "SELECT t.uuid, t.name, t.exception_class, t.exception_line, t.worker,"
        " coalesce(t.failed, t.timestamp) AS failed_at, t.timestamp AS at",
        "t.state = 'FAILURE'",
    )
    columns = ("uuid", "name", "exception_class", "exception_line", "worker")
    array = dialect.array(*columns, dialect.exact("failed_at"))
    newest_first = f"{rows} ORDER BY {order} LIMIT ?"
    text = f"SELECT {dialect.arrays_of(array, order)} FROM ({newest_first}) failures"
    return Statement(text, (*found.parameters, MOST + 1))


def kinds_of(found: str, bars: TrendBars) -> FailureKinds:
    """Return what the statement answered, by kind."""
    rows = _failed.decode(found)
    is_whole, rows = len(rows) <= MOST, rows[:MOST]
    kinds: dict[str, FailureKind] = {}
    for uuid, name, exception, line, worker, at in sorted(rows, key=lambda one: (-one[-1], one[0])):
        words = likeness(line)
        digest = digest_of(name, exception, words)
        kind = kinds.get(digest)
        if kind is None:
            trend = [0] * bars.count
            kind = FailureKind(digest, name, exception, words, at, at, trend)
            kinds[digest] = kind
        _count(kind, uuid, worker, at, bars)
    oldest = None if is_whole else min(one[-1] for one in rows)
    return FailureKinds(kinds, len(rows), is_whole, oldest)


def digest_of(name: str | None, exception: str | None, words: str) -> str:
    """Return what names a kind: the same in each dashboard, and after each restart."""
    told = msgspec.json.encode((name, exception, words))
    return sha256(told).hexdigest()[:DIGEST]


def _count(kind: FailureKind, uuid: str, worker: str | None, at: float, bars: TrendBars) -> None:
    kind.count += 1
    kind.first = min(kind.first, at)
    if worker is not None:
        kind.workers[worker] = kind.workers.get(worker, 0) + 1
    if len(kind.newest) < NEWEST:
        kind.newest.append(uuid)
    if at >= bars.start:  # a worker's clock may be ahead: what is not yet is the newest
        kind.trend[min(int((at - bars.start) // bars.step_s), bars.count - 1)] += 1
