"""Kinds sort failed tasks by type, class of exception and its words. Reading thread.

The words are what exceptions of one kind have in common, without what differs each time. Of more
failures than MOST only the newest are looked at, which is told.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Final, TypeAlias

import msgspec

from flower_ng.search.values import parsed
from flower_ng.store.sql.statements import Selection, Statement
from flower_ng.store.tables.texts import LINE_LENGTH

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


#: Between the arguments of an exception that has several.
BETWEEN: Final = " · "
#: Literal pieces that are shorter tell nothing; so many of the longest are searched for.
_LEAST, _PIECES = 4, 4

#: What stands for what, in the order in which it is looked for: each begins where nothing that
#: it could be a part of goes on, so that a text is gone through once.
_PARTS: Final = {
    "value": r"(?<!\w)(?:'[^']*'|\"[^\"]*\"|`[^`]*`)(?!\w)",
    "address": (
        r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)*"
        r"|(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])(?::\d+)?"
    ),
    "id": (
        r"(?<![0-9a-zA-Z])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9a-zA-Z])"
        r"|(?<![A-Za-z0-9_])(?=(?:[A-Za-z_]*[0-9]){3})[A-Za-z0-9_]{20,}"
    ),
    "time": (
        r"(?<!\d)\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\d)"
        r"|(?<![\d:])\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?![\d:])"
    ),
    "ip": (r"(?<![\w:])(?=[0-9a-fA-F:]*[0-9])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])"),
    "hex": (
        r"(?<![0-9a-zA-Z])(?:0[xX][0-9a-fA-F]+"
        r"|(?=[0-9]*[a-fA-F])(?=[a-fA-F]*[0-9])[0-9a-fA-F]{8,})(?![0-9a-zA-Z])"
    ),
    "n": r"(?:(?<![\w.)])[-+])?[0-9]+(?:[.,][0-9]+)*(?:[eE][-+]?[0-9]+)?",
}
_DIFFERS: Final = re.compile("|".join(f"(?P<{name}>{part})" for name, part in _PARTS.items()))
_MARK: Final = re.compile(r"\{(?:value|address|id|time|hex|n)\}|…")
#: An exception of one text without escapes, as most are: to parse it takes ten times as long.
_PLAIN: Final = re.compile(r"[A-Za-z_][\w.]*\((?:'([^'\\]*)'|\"([^\"\\]*)\"),?\)", re.DOTALL)
#: Around the arguments in an exception's repr.
_REPR: Final = re.compile(r"<?[A-Za-z_][\w.]*(?:\((?P<arguments>.*)\)|: (?P<text>.*)>)", re.DOTALL)
#: The same of a repr that was cut.
_BEGUN: Final = re.compile(r"[A-Za-z_][\w.]*\(['\"](?P<arguments>.*)", re.DOTALL)


@lru_cache(8192)
def likeness(line: str | None) -> str:
    """Return the first line of an exception with marks for what differs each time.

    `{n}` stands for a number, `{id}`, `{hex}`, `{time}`, `{address}` (of a host or a mailbox) and
    `{value}`, something between quotes, for what their names say. Of a repr, `Class('text')`, it
    is the text; several arguments stand in their order. Empty where there is no text. It takes a
    time that grows with the length, which is bounded.
    """
    text = BETWEEN.join(_arguments((line or "")[:LINE_LENGTH].strip()))
    return _DIFFERS.sub(_mark, text).strip()


def pieces(alike: str) -> list[str]:
    """Return the longest parts of a likeness that stand in each of its texts as they are."""
    found = (one.strip() for part in alike.split(BETWEEN) for one in _MARK.split(part))
    telling = sorted({one for one in found if len(one) >= _LEAST}, key=lambda one: (-len(one), one))
    return telling[:_PIECES]


def _mark(found: re.Match[str]) -> str:
    kind = found.lastgroup
    return "{address}" if kind == "ip" else f"{{{kind}}}"


def _arguments(line: str) -> Iterator[str]:
    """Yield the texts that an exception was made of."""
    if plain := _PLAIN.fullmatch(line):
        yield plain[1] or plain[2] or ""
        return
    found = _REPR.fullmatch(line)
    if found is None:
        begun = _BEGUN.fullmatch(line)
        yield line if begun is None else begun["arguments"]
        return
    if found["text"] is not None:
        yield found["text"]
        return
    told = parsed(f"({found['arguments'].rstrip(',')},)") if found["arguments"] else ()
    if not isinstance(told, tuple):
        yield found["arguments"].strip("'\"")
        return
    for one in told:
        yield str(one) if isinstance(one, str | int | float) else repr(one)
