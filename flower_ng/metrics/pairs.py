"""Limits the (worker, task) label pairs in number and size; old publishers' go. On the loop."""

from collections.abc import Callable, Collection

from flower_ng.metrics.family import LABEL_MAX, Rest

#: The task (or event type) under which everything past the bound is counted.
OTHER = "__other__"
#: Celery's types of task events; a custom one has series beside the lines of its pair.
TASK_TYPES = frozenset(
    {
        *("task-sent", "task-received", "task-started", "task-succeeded", "task-failed"),
        *("task-retried", "task-revoked", "task-rejected"),
    }
)
#: Event types kept apart.
TYPES_MAX = 100
#: What a line of the exposition has beside the values of its labels: names, `type` or `le`, number.
LINE_BYTES = 76
#: Lines of one series of events: its count, and when that began.
EVENT_LINES = 2
#: Publishing processes come and go (`gen<pid>@host`): this many are kept, the newest.
PUBLISHERS_MAX = 1_000
#: A publisher that was silent for so long is forgotten.
PUBLISHER_SILENCE_S = 3600.0


class Pairs:
    """Which (worker, task) pairs have series of their own; `forget` drops all series of a name.

    At most `bound` pairs are admitted, and only while all series of those that are take less than
    `bytes_max`, whatever sends them; each is reckoned at `lines` lines. Workers come before
    publishers: when a worker's pair finds no room, the publisher that was silent longest is
    forgotten. `bytes` is what the series take in an answer at most, `__other__` included.
    """

    def __init__(
        self, bound: int, bytes_max: float, lines: int, forget: Callable[[str], None]
    ) -> None:
        self.bound, self.bytes_max = bound, bytes_max
        self.count = self.bytes = 0
        self._lines = lines
        self._forget = forget
        self._sizes: dict[str, dict[Rest, int]] = {}
        self._types: set[str] = set()
        self._publishers: dict[str, float] = {}

    def admit(self, host: str, rest: Rest) -> Rest:
        """Return the labels after the worker, with `__other__` for the task that has no room."""
        pair = rest[-1:]
        if pair in self._sizes.get(host, ()):
            return rest
        if self._is_full and not self._make_room(host):
            self._reckon(host, (OTHER,), self._lines)
            return (*rest[:-1], OTHER)
        self._reckon(host, pair, self._lines)
        self.count += pair != (OTHER,)
        return rest

    def admit_typed(self, host: str, rest: Rest) -> Rest:
        """Do as `admit` for (type, task): types are bounded too."""
        kind, task = rest
        if kind not in self._types:
            if len(self._types) < TYPES_MAX:
                self._types.add(kind)
            else:
                kind = OTHER
        (task,) = self.admit(host, (task,))
        if kind in TASK_TYPES:
            return kind, task
        if self.bytes >= self.bytes_max and (kind, task) not in self._sizes[host]:
            kind = OTHER
        self._reckon(host, (kind, task), EVENT_LINES)
        return kind, task

    def leave(self, host: str) -> None:
        """Take back the pairs of a name whose series are gone."""
        sizes = self._sizes.pop(host, {})
        self.count -= sum(len(labels) == 1 and labels != (OTHER,) for labels in sizes)
        self.bytes -= sum(sizes.values())
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

    @property
    def _is_full(self) -> bool:
        return self.count >= self.bound or self.bytes >= self.bytes_max

    def _reckon(self, host: str, labels: Rest, lines: int) -> None:
        """Add the size of the series of these labels, once."""
        sizes = self._sizes.setdefault(host, {})
        if labels not in sizes:
            sizes[labels] = lines * (LINE_BYTES + sum(map(written_bytes, (host, *labels))))
            self.bytes += sizes[labels]

    def _make_room(self, host: str) -> bool:
        if host in self._publishers or self.bound <= 0:
            return False
        while self._publishers and self._is_full:
            self._forget_oldest()
        return not self._is_full

    def _forget_oldest(self) -> None:
        self._forget(next(iter(self._publishers)))


def written_bytes(value: str) -> int:
    """Return the size of a label's value in the exposition: cut, escaped, in UTF-8."""
    kept = value[:LABEL_MAX]
    escaped = sum(map(kept.count, ("\\", "\n", '"')))
    return len(kept.encode(errors="replace")) + escaped
