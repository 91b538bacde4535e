"""Limits the number of (worker, task) label pairs; those of old publishers go. On the loop."""

from collections.abc import Callable, Collection

from flower_ng.metrics.family import Rest

#: The task (or event type) under which everything past the bound is counted.
OTHER = "__other__"
#: Event types kept apart: Celery knows eight, the rest are custom.
TYPES_MAX = 100
#: Publishing processes come and go (`gen<pid>@host`): this many are kept, the newest.
PUBLISHERS_MAX = 1_000
#: A publisher that was silent for so long is forgotten.
PUBLISHER_SILENCE_S = 3600.0


class Pairs:
    """Which (worker, task) pairs have series of their own; `forget` drops all series of a name.

    At most `bound` pairs are admitted, whatever sends them. Workers come before publishers: when a
    worker's pair finds no room, the publisher that was silent longest is forgotten.
    """

    def __init__(self, bound: int, forget: Callable[[str], None]) -> None:
        self.bound = bound
        self.count = 0
        self._forget = forget
        self._tasks: dict[str, set[str]] = {}
        self._types: set[str] = set()
        self._publishers: dict[str, float] = {}

    def admit(self, host: str, rest: Rest) -> Rest:
        """Return the labels after the worker, with `__other__` for the task that has no room."""
        task = rest[-1]
        if task in self._tasks.get(host, ()):
            return rest
        if self.count >= self.bound and not self._make_room(host):
            return (*rest[:-1], OTHER)
        self._tasks.setdefault(host, set()).add(task)
        self.count += 1
        return rest

    def admit_typed(self, host: str, rest: Rest) -> Rest:
        """Do as `admit` for (type, task): types are bounded too."""
        kind, task = rest
        if kind not in self._types:
            if len(self._types) < TYPES_MAX:
                self._types.add(kind)
            else:
                kind = OTHER
        return (kind, *self.admit(host, (task,)))

    def leave(self, host: str) -> None:
        """Take back the pairs of a name whose series are gone."""
        self.count -= len(self._tasks.pop(host, ()))
        self._publishers.pop(host, None)

    def published(self, host: str, now: float) -> None:
        """Note that a publisher sent something; the newest stands last."""
        self._publishers.pop(host, None)
        self._publishers[host] = now
        if len(self._publishers) > PUBLISHERS_MAX:
            self._forget_oldest()

    def is_publisher(self, host: str) -> bool:
        """Tell whether the name is known from `task-sent` alone."""
        return host in self._publishers

    @property
    def publishers(self) -> Collection[str]:
        """The names that are known from `task-sent` alone."""
        return self._publishers.keys()

    def promote(self, host: str) -> None:
        """The name turned out to be a worker: it no longer ages."""
        self._publishers.pop(host, None)

    def forget_silent(self, now: float) -> None:
        """Forget the publishers that were silent for an hour."""
        while self._publishers:
            oldest = next(iter(self._publishers.values()))
            if now - oldest < PUBLISHER_SILENCE_S:
                return
            self._forget_oldest()

    def _make_room(self, host: str) -> bool:
        if host in self._publishers or self.bound <= 0:
            return False
        while self._publishers and self.count >= self.bound:
            self._forget_oldest()
        return self.count < self.bound

    def _forget_oldest(self) -> None:
        self._forget(next(iter(self._publishers)))
