"""Workflows are told by their roots: which moved last, which stand still, who belongs to one.

A task below a root names it in `root_id`; indexes of those tasks alone (`schema.KIN`) answer, so
that no question goes through all tasks. Reading thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from flower_ng.store.sql.statements import Statement, rows_json
from flower_ng.store.tables.dialect import Dialect, json_text
from flower_ng.store.tables.schema import BELOW, OPEN

#: Tasks below roots that are looked at for one page of a list.
MOST_LOOKED: Final = 20_000
#: Tasks of one workflow that are counted.
MOST_COUNTED: Final = 20_000


class RootPlace(msgspec.Struct, frozen=True, array_like=True):
    """A root, and when a task below it was last heard of, UTC seconds."""

    root_id: str
    at: float


@dataclass(frozen=True, slots=True)
class RootWalk:
    """Roots in their order, of the tasks that were `looked` at; `last` is the time of the last one.

    Unless `is_whole` there are more. `last` is None where no task was looked at.
    """

    roots: list[RootPlace]
    looked: int
    last: float | None

    @property
    def is_whole(self) -> bool:
        """Whether all tasks were looked at."""
        return self.looked < MOST_LOOKED


class StateCount(msgspec.Struct, frozen=True, array_like=True):
    """How many tasks below a root have a state, and when one of them was last heard of."""

    state: str
    number: int
    at: float


class RootTold(msgspec.Struct, frozen=True, array_like=True):
    """A root's own task, where it is known, and the states of those below it."""

    root_id: str
    name: str | None
    state: str | None
    at: float | None
    began: float | None
    below: list[StateCount]

    @property
    def is_least(self) -> bool:
        """Whether there may be more tasks than were counted."""
        return sum(below.number for below in self.below) >= MOST_COUNTED


_places = msgspec.json.Decoder(list[RootPlace], strict=False)  # times come as text, to the last bit
_told = msgspec.json.Decoder(list[RootTold], strict=False)


def walk_of(row: Sequence[Any]) -> RootWalk:
    """Return what the statement of a walk answered."""
    roots, looked, last = row
    return RootWalk(_places.decode(roots), looked, float(last) if looked else None)


def told_of(row: Sequence[Any]) -> list[RootTold]:
    """Return what `told` answered."""
    return _told.decode(row[0])


def newest(before: float | None, dialect: Dialect) -> Statement:
    """Return a statement with a RootWalk as JSON: the roots that moved last, not after `before`."""
    until = "" if before is None else " AND t.timestamp <= ?"
    tasks = (
        f"SELECT t.root_id, t.timestamp FROM task t WHERE {BELOW}{until}"
        f" ORDER BY {dialect.ordered('t.timestamp', 'DESC')} LIMIT ?"
    )
    given = () if before is None else (before,)
    return _walk(tasks, "max", "DESC", "min", dialect, (*given, MOST_LOOKED))


def standing(before: float, dialect: Dialect) -> Statement:
    """Return a statement with a RootWalk: roots with an open task not heard of since `before`.

    The one that has been silent for the longest comes first.
    """
    below = f"SELECT 1 FROM task c WHERE c.root_id = t.uuid AND {BELOW.replace('t.', 'c.')}"
    tasks = (
        "SELECT CASE WHEN t.root_id <> t.uuid THEN t.root_id"
        f" WHEN EXISTS ({below}) THEN t.uuid END AS root_id, t.timestamp"
        f" FROM task t WHERE {OPEN} AND t.timestamp < ?"
        f" ORDER BY {dialect.ordered('t.timestamp', 'ASC')} LIMIT ?"
    )
    return _walk(tasks, "min", "ASC", "max", dialect, (before, MOST_LOOKED))


def _walk(
    tasks: str, first: str, order: str, last: str, dialect: Dialect, given: Sequence[object]
) -> Statement:
    by = f"at {order}, root_id"
    pair = dialect.array("root_id", dialect.exact("at"))
    roots = (
        f"SELECT root_id, {first}(timestamp) AS at FROM looked WHERE root_id IS NOT NULL"
        f" GROUP BY root_id ORDER BY {by}"
    )
    walked = f"(SELECT {dialect.arrays_of(pair, by)} FROM ({roots}) r)"
    ends = dialect.exact(f"{last}(timestamp)")
    text = f"WITH looked AS ({tasks}) SELECT {walked}, count(*), {ends} FROM looked"
    return Statement(text, tuple(given))


def told(roots: Sequence[str], dialect: Dialect) -> Statement:
    """Return a statement with a JSON array of RootTold, in the order of `roots`."""
    members = (
        f"SELECT state, timestamp FROM task t WHERE t.root_id = each.value AND {BELOW} LIMIT ?"
    )
    states = f"SELECT state, count(*) AS n, max(timestamp) AS at FROM ({members}) m GROUP BY state"
    state = dialect.array("state", "n", dialect.exact("at"))
    below = dialect.json(f"(SELECT {dialect.arrays_of(state)} FROM ({states}) s)")
    own = ("each.value", "r.name", "r.state")
    times = (dialect.exact("r.timestamp"), dialect.exact("coalesce(r.sent, r.received, r.started)"))
    each = dialect.each()
    array = dialect.arrays_of(dialect.array(*own, *times, below), "each.key")
    text = f"SELECT {array} FROM {each} LEFT JOIN task r ON r.uuid = each.value"
    return Statement(text, (MOST_COUNTED, json_text(roots)))


def members(roots: Sequence[str], most: int, dialect: Dialect) -> Statement:
    """Return a statement for rows below some roots, those that failed or go on before the others.

    States come in the order of their names, which has SUCCESS last.
    """
    below = dialect.looped(dialect.each(), "task t", f"t.root_id = each.value AND {BELOW}")
    order = dialect.ordered("t.state", "ASC")
    first = f"SELECT t.* FROM {below} ORDER BY {order} LIMIT ?"
    return Statement(f"SELECT {rows_json(dialect)} FROM ({first}) t", (json_text(roots), most))
