"""Changed is what differs between two equal spans, type by type; pure."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import sqrt
from typing import Final

from flower_ng.store import TaskPoint
from flower_ng.web.ui.task_charts import failed_share, figure

#: With fewer runs, or fewer that ended, in either span nothing is compared.
LEAST_RUNS: Final = 30
#: A p95 has moved that is so many times the other, and differs by so many seconds.
TIMES: Final = 1.3
LEAST_S: Final = 0.01
#: A share of failures has moved that differs by so much, and by so many standard errors.
LEAST_SHARE: Final = 0.01
ERRORS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Moved:
    """A number before and after; None where it is not known. `is_worse` is that it has grown."""

    before: float | None
    after: float | None
    is_moved: bool = False

    @property
    def is_worse(self) -> bool:
        """Whether it moved up."""
        return self.is_moved and (self.after or 0.0) > (self.before or 0.0)


@dataclass(frozen=True, slots=True)
class ChangedType:
    """One type in both spans: tasks received, p95 of run times in seconds, share of failures.

    `is_new` is that none of its tasks came before, nor in the days before that, `is_gone` that none
    came after.
    """

    name: str
    count: tuple[int, int]
    p95: Moved
    failed: Moved
    is_new: bool
    is_gone: bool

    @property
    def is_worse(self) -> bool:
        """Whether it fails more often, or takes longer."""
        return self.failed.is_worse or self.p95.is_worse


@dataclass(frozen=True, slots=True)
class Comparison:
    """The types that changed, the worse ones first; `same` did not move, `few` were too few."""

    changed: tuple[ChangedType, ...]
    same: int
    few: int


def compared(
    before: Mapping[str, TaskPoint],
    after: Mapping[str, TaskPoint],
    earlier: AbstractSet[str] = frozenset(),
    *,
    is_whole: bool,
) -> Comparison:
    """Compare the types of two spans of equal length; `earlier` are those of longer ago.

    Only where both were observed as a whole is a type said to be new, or gone.
    """
    types = list(_types(before, after, earlier, is_whole=is_whole))
    changed = [one for one in types if _has_moved(one)]
    few = sum(
        one.p95.before is None and one.failed.before is None and not _has_moved(one)
        for one in types
    )
    changed.sort(key=lambda one: (not one.is_worse, -max(one.count), one.name))
    return Comparison(tuple(changed), len(types) - len(changed) - few, few)


def _has_moved(one: ChangedType) -> bool:
    return one.p95.is_moved or one.failed.is_moved or one.is_new or one.is_gone


def _types(
    before: Mapping[str, TaskPoint],
    after: Mapping[str, TaskPoint],
    earlier: AbstractSet[str],
    *,
    is_whole: bool,
) -> Iterator[ChangedType]:
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        count = (was.tasks if was else 0, now.tasks if now else 0)
        if not any(count) and not (was and now):
            continue  # only its late ends fell into a span
        yield ChangedType(
            name,
            count,
            _p95(was, now),
            _failed(was, now),
            is_new=is_whole and was is None and count[1] > 0 and name not in earlier,
            is_gone=is_whole and now is None and count[0] >= LEAST_RUNS,
        )


def _p95(was: TaskPoint | None, now: TaskPoint | None) -> Moved:
    runs = [one.run for one in (was, now) if one and one.run and one.run.count >= LEAST_RUNS]
    if len(runs) < 2:  # noqa: PLR2004 - both spans
        return Moved(None, None)
    low, high = (figure(one, "p95_s") or 0.0 for one in runs)
    least, most = min(low, high), max(low, high)
    return Moved(low, high, most >= least * TIMES and most - least >= LEAST_S)


def _failed(was: TaskPoint | None, now: TaskPoint | None) -> Moved:
    ended = [one.succeeded + one.failed if one else 0 for one in (was, now)]
    if min(ended) < LEAST_RUNS:
        return Moved(None, None)
    shares = failed_share(was) or 0.0, failed_share(now) or 0.0
    pooled = (shares[0] * ended[0] + shares[1] * ended[1]) / sum(ended)
    error = sqrt(pooled * (1 - pooled) * (1 / ended[0] + 1 / ended[1]))
    apart = abs(shares[1] - shares[0])
    return Moved(*shares, apart >= LEAST_SHARE and apart >= ERRORS * error)
