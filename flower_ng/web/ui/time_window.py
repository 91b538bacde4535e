"""Window is the time that a search looks at, cut into steps of a length that people use; pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, floor, inf
from typing import Final

from flower_ng.search import AllOf, Compare, Search, since

#: Steps of a window, in seconds; longer ones are whole months of 30 days.
STEPS_S: Final = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
    172_800, 604_800, 1_209_600,
)  # fmt: skip
MONTH_S: Final = 2_592_000
#: No window has more steps.
MOST_STEPS: Final = 90
MINUTE_S: Final = 60
#: The shortest window where nobody asked for less.
SHORTEST_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Window:
    """`count` steps of `step_s` seconds from `start` (UTC seconds), a whole number of steps."""

    start: int
    step_s: int
    count: int

    @property
    def end(self) -> int:
        """Where the last step ends."""
        return self.start + self.step_s * self.count


def window(search: Search | None, now: float, oldest: float | None) -> Window:
    """Return the window around all tasks that match, by when they were received.

    Where the search names no time it reaches from `oldest`, what is known of all tasks, to `now`.
    """
    found = limits(search)
    low = max((since(one, now) for one in found if one.relation in {">", ">="}), default=-inf)
    highs = (since(one, now) for one in found if one.relation in {"<", "<="})
    high = min(highs, default=floor(now) + 1.0)
    start = low if low > -inf else min(now if oldest is None else oldest, high - SHORTEST_S)
    return _cut(max(0.0, min(start, high)), max(0.0, high))


def limits(search: Search | None) -> list[Compare]:
    """Return what a search says of the time in which a task was received."""
    match search:
        case Compare(quantity="received"):
            return [search]
        case AllOf(parts):
            return [one for part in parts for one in limits(part)]
        case _:
            return []


def _cut(start: float, end: float) -> Window:
    step = next((one for one in STEPS_S if (end - start) / one <= MOST_STEPS - 1), None)
    step_s = step or MONTH_S * ceil((end - start) / MONTH_S / (MOST_STEPS - 1))
    first = int(start // step_s) * step_s
    return Window(first, step_s, max(1, ceil((end - first) / step_s)))


def moment(seconds: float) -> str:
    """A whole second as searches name it; the Z says that it is UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def period(start: int, end: int) -> str:
    """The time from a second up to another, as searches name it: they include the last one."""
    return f"{moment(start)}..{moment(end - 1)}"


def start_of(length_s: float, now: float) -> float:
    """Return the start of the minute that was so long ago."""
    return max(0.0, (now - length_s) // MINUTE_S * MINUTE_S)


def from_then(start: float) -> str:
    """Return the time from a moment (UTC seconds) on, as searches name it.

    A link that carries it leads to what was counted, and not to what a span means later.
    """
    return f"{moment(start)}.."
