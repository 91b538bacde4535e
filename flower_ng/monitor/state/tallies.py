"""How many tasks in memory have each state, by worker and in total. On the loop."""

from collections import Counter
from collections.abc import Mapping

from flower_ng.life.runs import is_running
from flower_ng.records import Worker


def running(counts: Mapping[str, int]) -> int:
    """Return how many tasks run, of the numbers in each state."""
    return sum(number for state, number in counts.items() if is_running(state))


class Tallies:
    """Counts that move with the tasks, so that no number needs a walk over them.

    `workers` is `{host name: {state: tasks}}`; tasks that no worker had yet are under None.
    """

    def __init__(self) -> None:
        self._counts: dict[str | None, dict[str, int]] = {}

    @property
    def workers(self) -> Mapping[str | None, Mapping[str, int]]:
        """How many tasks have each state, by worker; a zero is not there."""
        return self._counts

    @property
    def states(self) -> dict[str, int]:
        """How many tasks have each state, in all; a zero is not there."""
        total: Counter[str] = Counter()
        for counts in self._counts.values():
            total.update(counts)
        return dict(total)

    def add(self, state: str, worker: Worker | None) -> None:
        """Count a task in."""
        hostname = None if worker is None else worker.hostname
        counts = self._counts.get(hostname)
        if counts is None:
            counts = self._counts[hostname] = {}
        counts[state] = counts.get(state, 0) + 1

    def remove(self, state: str, worker: Worker | None) -> None:
        """Count a task out."""
        hostname = None if worker is None else worker.hostname
        counts = self._counts[hostname]
        left = counts[state] - 1
        if left:
            counts[state] = left
        else:
            del counts[state]
            if not counts:
                del self._counts[hostname]

    def move(self, state: str, to: str, worker: Worker | None) -> None:
        """Count a task that stays with its worker out of one state and into another."""
        counts = self._counts[None if worker is None else worker.hostname]
        left = counts[state] - 1
        if left:
            counts[state] = left
        else:
            del counts[state]
        counts[to] = counts.get(to, 0) + 1

    def clear(self) -> None:
        """Begin at nothing."""
        self._counts.clear()
