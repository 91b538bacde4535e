"""What the store says of itself: StoreStatus, and the Gaps of what could not be kept. Pure."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

#: Gaps remembered; the oldest go first.
MAX_GAPS: Final = 100
#: What is lost within this time of each other is one gap.
TOGETHER_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Gap:
    """From when to when, in UTC seconds, so many changes of tasks could not be kept."""

    start: float
    end: float
    lost: int


class Gaps:
    """The gaps since the start, the newest last."""

    def __init__(self) -> None:
        self._gaps: deque[Gap] = deque(maxlen=MAX_GAPS)
        self._lost = 0

    def see(self, lost: int, now: float) -> None:
        """Take note of how much was lost up to now, in all."""
        more, self._lost = lost - self._lost, lost
        if more <= 0:
            return
        if self._gaps and now - self._gaps[-1].end < TOGETHER_S:
            gap = self._gaps.pop()
            self._gaps.append(replace(gap, end=now, lost=gap.lost + more))
        else:
            self._gaps.append(Gap(now, now, more))

    def all(self) -> tuple[Gap, ...]:
        """Return the gaps, the oldest first."""
        return tuple(self._gaps)


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """What the store holds, what it let go, and how its writer is.

    `kind` is `file`, `temporary` or `postgresql`; `path` is that one's URL without its password,
    and None for what has no name. `tasks`, `bytes`, `oldest` and `newest` (UTC seconds of the
    newest event) are as of the newest look, at most some seconds ago. `waiting` changed tasks are
    not yet written, the oldest of them for up to `lag_s`. `failing` says why the newest write
    failed; `failures`, `lost` and `deleted` count since the start. A limit that is None does not
    bound.
    """

    kind: str
    path: str | None
    tasks: int
    bytes: int
    oldest: float | None
    newest: float | None
    waiting: int
    lag_s: float
    failing: str | None
    failures: int
    lost: int
    deleted: Mapping[str, int]
    max_tasks: int
    max_age_s: float | None
    max_failure_age_s: float | None
    max_bytes: int | None
    gaps: tuple[Gap, ...] = ()
    unindexed: int | None = None
    warnings: tuple[str, ...] = field(default=())
