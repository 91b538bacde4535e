"""RecentGrowth is by how much a counter has grown in the last minutes. Pure."""

from collections import deque


class RecentGrowth:
    """Growth of a counter within the last `over_s`, or since the first sample."""

    def __init__(self, over_s: float) -> None:
        self.over_s = over_s
        self._seen: deque[tuple[float, float]] = deque()

    def see(self, total: float, now: float) -> float:
        """Take a sample of the counter, and return its recent growth."""
        self._seen.append((now, total))
        while len(self._seen) > 1 and self._seen[1][0] <= now - self.over_s:
            self._seen.popleft()
        return total - self._seen[0][1]
