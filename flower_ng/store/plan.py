"""Planning: which way through the parts costs least, by how a query's tasks are spread. Pure.

SQLite's own planner does not know that, and is a hundred times too slow where it guesses wrong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.store.arms import Arms, Way
from flower_ng.store.parts import COMMON_STATE, COMPOSED, SORTED
from flower_ng.store.spread import Spread

#: Microseconds for a row of a part, and for one whose task is looked at too.
ROW_US: Final = 1.0
TASK_US: Final = 4.0
#: To go through what is sorted until enough match is a bet: they may all be at the end.
BET: Final = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A way, and about how many rows it goes through, at how many microseconds."""

    way: Way
    rows: float
    cost_us: float


def sorted_plan(
    known: Spread, arms: Arms, sort: str, wanted: int, *, needs_task: bool = False
) -> Plan:
    """Return the best way to the first `wanted` tasks by a sort; it may need the task of each."""
    visit = TASK_US if needs_task or arms.narrow.payload else ROW_US
    ways = [
        Plan(way, rows, min((len(arms.parts) + wanted) / _share(known, rows) + far, rows) * visit)
        for way, rows, far in _sorted_ways(known, arms, sort)
    ]
    return cheapest([*ways, gathering_plan(known, arms)])


def gathering_plan(known: Spread, arms: Arms) -> Plan:
    """Return the best way to all tasks that match, in no order."""
    visit = TASK_US if arms.narrow.payload else ROW_US
    plans = [Plan(way, rows, rows * visit) for way, rows in _ways(known)]
    if not arms.period.is_all:
        way = Way("received", conditions=arms.period.conditions())
        plans.append(Plan(way, known.received, known.received * visit))
    return cheapest(plans + _by_words(known))


def sampling_plan(known: Spread, arms: Arms) -> Plan:
    """Return the best way to a share of what matches: those to all, in the order of the places."""
    visit = TASK_US if arms.narrow.payload else ROW_US
    values = [name for name in known.filters if name in SORTED]
    ways = [(Way(), float(known.rows)), *((Way(name), known.least({name})) for name in values)]
    return cheapest([Plan(way, rows, rows * visit) for way, rows in ways] + _by_words(known))


def cheapest(plans: Sequence[Plan]) -> Plan:
    """Return the one that costs least."""
    return min(plans, key=lambda plan: plan.cost_us)


def _share(known: Spread, rows: float) -> float:
    """Return which share of some rows matches, never 0; less than known, where it is a bet."""
    share = max(known.matches, 0.5) / max(rows, 1)
    return share if share >= 1 else share / BET


def _by_words(known: Spread) -> list[Plan]:
    cost_us = known.candidates * TASK_US
    return [Plan(Way(match=known.words), known.candidates, cost_us)] if known.words else []


def _ways(known: Spread) -> Iterator[tuple[Way, float]]:
    yield Way(), known.rows
    for name, (columns, condition) in COMPOSED.items():
        *first, last = columns
        if last == "timestamp" and known.filters.keys() >= set(first):
            yield Way(name, conditions=_said(condition)), known.least(set(first))


def _sorted_ways(known: Spread, arms: Arms, sort: str) -> Iterator[tuple[Way, float, float]]:
    """Yield the ways that come in the order of a sort, with how many rows each has.

    And how many of them may come before those of the period.
    """
    if sort == "received" and not arms.period.is_all:
        conditions = arms.period.conditions()
        yield Way("received", is_sorted=True, conditions=conditions), known.received, 0
    elif sort == "uuid":
        yield Way(is_sorted=True), known.rows, 0
    elif sort in SORTED:
        yield Way(sort, is_sorted=True), known.rows, known.skipped
    for name, (columns, condition) in COMPOSED.items():
        *first, last = columns
        if last == sort and known.filters.keys() >= set(first) and _has_all(known, condition):
            rows = known.least(set(first))
            far = known.skipped * rows / max(known.rows, 1)
            yield Way(name, is_sorted=True, conditions=_said(condition)), rows, far


def _has_all(known: Spread, condition: str) -> bool:
    """Tell whether the rows that an index is of are all that can match."""
    return not condition.startswith("state") or known.filters["state"] != COMMON_STATE


def _said(condition: str) -> tuple[str]:
    return (f"p.{condition}" if condition else "",)
