"""Backoff is how long to wait before the next connection attempt. Used by the events thread."""

import random
from collections.abc import Callable

FIRST_S, MOST_S = 0.5, 2.0


class Backoff:
    """Waits that double from `first_s` to `most_s`, each shortened by up to half at random.

    The random half keeps many dashboards from knocking at the same moment. `jitter` gives 0 to 1.
    """

    def __init__(
        self,
        first_s: float = FIRST_S,
        most_s: float = MOST_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._jitter = jitter
        self._upper_s = first_s

    def next_s(self) -> float:
        """Return the next wait in seconds."""
        upper_s = self._upper_s
        self._upper_s = min(self._most_s, upper_s * 2)
        return upper_s * (1 + self._jitter()) / 2

    def reset(self) -> None:
        """Begin again: it worked."""
        self._upper_s = self._first_s
