"""Period: between which times a query's tasks were received, and which parts can have any. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from flower_ng.store.conditions import AllOf, Compare, Has, Not, Search
from flower_ng.store.old_index import Part
from flower_ng.store.task_query import TaskQuery
from flower_ng.store.where import since


@dataclass(frozen=True, slots=True)
class Period:
    """From `low` to `high`, UTC seconds; `or_never`: tasks that no one received are in it too.

    With an infinite `low` no one received any of them.
    """

    low: float = -inf
    high: float = inf
    or_never: bool = True

    @property
    def is_all(self) -> bool:
        """Whether every task is in it."""
        return self == ALL

    def share(self, part: Part) -> float:
        """Return about which share of a part's tasks is in it; 0 where none can be."""
        never = part.unreceived / max(part.rows, 1) if self.or_never else 0.0
        if part.received_low is None or part.received_high is None:
            return never
        low, high = max(self.low, part.received_low), min(self.high, part.received_high)
        if low > high:
            return never
        length = part.received_high - part.received_low
        covered = (high - low) / length if length else 1.0
        return never + max(covered, 1 / part.rows) * (1 - part.unreceived / part.rows)

    def has_all(self, part: Part) -> bool:
        """Tell whether all of a part's tasks are in it."""
        return (
            (self.or_never or not part.unreceived)
            and self.low <= (inf if part.received_low is None else part.received_low)
            and self.high >= (-inf if part.received_high is None else part.received_high)
        )

    def within(self, low: float, high: float) -> "Period":
        """Return the part of it that is between two times."""
        return replace(self, low=max(low, self.low), high=min(high, self.high))

    def conditions(self) -> list[str]:
        """Return SQL conditions, of which one holds for each task in it."""
        if self.low == inf:
            return ["p.received IS NULL"]
        limits = ((">=", self.low), ("<=", self.high))
        said = [f"p.received {sign} {limit!r}" for sign, limit in limits if abs(limit) < inf]
        within = " AND ".join(said) or "p.received IS NOT NULL"
        return [within, "p.received IS NULL"] if self.or_never else [within]


ALL: Final = Period()


def period(query: TaskQuery, now: float) -> Period:
    """Return the period that all tasks of a query are in; `now` is UTC seconds."""
    low = -inf if query.received_start is None else query.received_start
    high = inf if query.received_end is None else query.received_end
    found = Period(low, high)
    for part in _parts(query.search):
        match part:
            case Compare(quantity="received", relation=relation):
                at = since(part, now)
                limit = (at, inf) if relation in {">", ">="} else (-inf, at)
                found = replace(found.within(*limit), or_never=False)
            case Has("received"):
                found = replace(found, or_never=False)
            case Not(Has("received")):
                found = found.within(inf, -inf)
    return found


def _parts(search: Search | None) -> Iterator[Search | None]:
    """Yield what a search asks for at once."""
    if isinstance(search, AllOf):
        for part in search.parts:
            yield from _parts(part)
    else:
        yield search
