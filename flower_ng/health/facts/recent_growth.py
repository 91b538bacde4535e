"""Lately is by how much a number that only grows has grown within the last minutes. Pure."""

from collections import deque


class RecentGrowth:
    """Growth of a total within `over_s`, as far back as it was looked at."""

    def __init__(self, over_s: float) -> None:
        self.over_s = over_s
        self._seen: deque[tuple[float, float]] = deque()

    def see(self, total: float, now: float) -> float:
        """Take note of the total, and return how much of it is new."""
        self._seen.append((now, total))
        while len(self._seen) > 1 and self._seen[1][0] <= now - self.over_s:
            self._seen.popleft()
        return total - self._seen[0][1]
