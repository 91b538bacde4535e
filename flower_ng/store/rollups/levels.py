"""Levels: for how long minutes, ten minutes and hours are kept. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MINUTE_S: Final = 60
TEN_MINUTES_S: Final = 600
HOUR_S: Final = 3600
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Level:
    """Rows that each stand for `step_s` seconds, kept for `keep_s`."""

    step_s: int
    keep_s: float

    def floor(self, at: float) -> int:
        """Return the start of the step that a time is in."""
        return int(at // self.step_s) * self.step_s


def levels(minutes_s: float, ten_minutes_s: float, hours_s: float) -> Sequence[Level]:
    """Return the levels from fine to coarse; a coarse one is kept no shorter than a finer one."""
    ten_minutes_s = max(minutes_s, ten_minutes_s)
    return (
        Level(MINUTE_S, minutes_s),
        Level(TEN_MINUTES_S, ten_minutes_s),
        Level(HOUR_S, max(ten_minutes_s, hours_s)),
    )


LEVELS: Final = levels(DAY_S, 14 * DAY_S, 366 * DAY_S)
