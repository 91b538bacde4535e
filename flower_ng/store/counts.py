"""How many tasks match: to the last one where the index has counted them, else within a bound.

On a reading thread.
"""

from dataclasses import dataclass
from typing import Final

from flower_ng.store.arms import Arms, Columns, together
from flower_ng.store.plan import Plan, sampling_plan
from flower_ng.store.spread import Spread

#: What counts one by one takes at most about so long,
BUDGET_US: Final = 30_000
#: and goes no further than this.
MOST: Final = 10_000
#: More rows that are in no part than this are not counted: the writer knows the number of all, or
#: the main table's own index tells it faster.
MANY: Final = 20_000

ONE: Final = Columns("1", "1")


@dataclass(frozen=True, slots=True)
class Count:
    """The SQL for a number, which is exact if `is_whole` and, where `may_end`, not above MOST."""

    text: str
    is_whole: bool = True
    may_end: bool = False

    def is_exact(self, number: int) -> bool:
        """Tell whether the number is not just a lower bound."""
        return self.is_whole and not (self.may_end and number > MOST)


def total(arms: Arms) -> Count:
    """Return the count of all tasks; `arms` are those of a query for all."""
    if arms.view.newest - arms.view.directory.mark > MANY or not arms.parts:
        held = arms.view.held
        return Count("(SELECT count(*) FROM task)" if held is None else f"{held}")
    return tallied(arms, arms.view.directory.live)


def tallied(arms: Arms, number: int) -> Count:
    """Return the count of what matches, of which `number` are in parts."""
    return Count(f"({number} - {_sum(arms.superseded())} + {_sum(arms.of_rest(ONE))})")


def whole(arms: Arms, known: Spread, gathering: Plan) -> Count:
    """Return the count of what matches, however long it takes."""
    if known.is_exact:
        return tallied(arms, round(known.matches))
    return Count(_sum([*arms.of_rest(ONE), *arms.of_parts(ONE, gathering.way)]))


def bounded(arms: Arms, known: Spread, gathering: Plan) -> Count:
    """Return the count of what matches, or of a share of it where the best way to all is long."""
    plan, share = gathering, 1.0
    if gathering.cost_us > BUDGET_US:
        plan = sampling_plan(known, arms)
        share = min(1.0, BUDGET_US / plan.cost_us)
    counted = [*arms.of_rest(ONE), *arms.of_parts(ONE, plan.way, share=share)]
    text = f"(SELECT count(*) FROM (SELECT * FROM ({together(counted)}) LIMIT {MOST + 1}))"
    return Count(text, is_whole=share == 1.0, may_end=True)


def matching(arms: Arms, known: Spread, gathering: Plan) -> Count:
    """Return the count of what matches."""
    if known.is_exact:
        return tallied(arms, round(known.matches))
    return bounded(arms, known, gathering)


def _sum(arms: list[str]) -> str:
    return f"(SELECT count(*) FROM ({together(arms)}))" if arms else "0"
