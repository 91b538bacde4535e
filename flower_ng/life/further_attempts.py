"""What a task's events tell of its other attempts, on whichever worker these are. Pure."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from flower_ng.life.runs import AttemptKey, TaskEvent


class FurtherAttempts(NamedTuple):
    """The attempts that were received, and when each number was sent, where events told.

    `names` is when the task of each name was first received: it replaced the one before.
    """

    received: AbstractSet[AttemptKey]
    times: Mapping[int | None, Sequence[float]]
    names: Mapping[str, float]

    @classmethod
    def of(cls, events: Sequence[TaskEvent]) -> "FurtherAttempts":
        """Return what events in their order tell."""
        received: set[AttemptKey] = set()
        times: dict[int | None, list[float]] = {}
        names: dict[str, float] = {}
        for event in events:
            if event.type == "sent":
                times.setdefault(event.retries, []).append(event.at)
            elif event.type == "received":
                received.add((event.name, event.retries))
                names.setdefault(event.name, event.at)
        return cls(received, times, names)


def taken_elsewhere(
    by_worker: Mapping[str, Sequence[TaskEvent]], host: str
) -> dict[AttemptKey, float]:
    """Return when workers other than `host` received the attempts that they went on with."""
    taken: dict[AttemptKey, float] = {}
    for other, own in by_worker.items():
        if other == host:
            continue
        further = [place for place, event in enumerate(own) if event.type != "received"]
        for event in own[: max(further, default=0)]:
            if event.type == "received":
                attempt = event.name, event.retries
                taken[attempt] = max(event.at, taken.get(attempt, 0.0))
    return taken
