"""Levels: for how long minutes, ten minutes and hours are kept. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
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


def levels(minutes_days: float, ten_minutes_days: float, hours_days: float) -> Sequence[Level]:
    """Return the levels from fine to coarse; a coarse one is kept no shorter than a finer one."""
    kept = accumulate((minutes_days, ten_minutes_days, hours_days), max)
    steps_s = (MINUTE_S, TEN_MINUTES_S, HOUR_S)
    return [Level(step_s, days * DAY_S) for step_s, days in zip(steps_s, kept, strict=True)]


LEVELS: Final = levels(1, 14, 366)
