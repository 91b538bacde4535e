"""Reach says until when events are known to have been able to arrive. Pure.

A connection that looks alive may be dead for a quarter of a minute before anybody can notice.
"""

from dataclasses import dataclass
from typing import Final

#: Signs of life come more often than this from a Redis that answers; a longer pause is told.
PAUSE_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class Reach:
    """Until when the broker's signs of life prove that events could arrive, in UTC seconds.

    All that arrived by then is applied. `paused_at` and `resumed_at` are the ends of the newest
    pause of more than PAUSE_S, None before the first.
    """

    until: float
    paused_at: float | None = None
    resumed_at: float | None = None
