"""A recorder: what happened, worked out anew from the raw events, with nothing of flower_ng's code.

It is slow and plain on purpose. Times are UTC seconds; a range is from `start` up to `end`.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import ceil
from typing import Any

OUTCOMES = (
    "sent", "received", "started", "succeeded", "failed", "retried", "revoked", "rejected",
)  # fmt: skip
Raw = Mapping[str, Any]


class Recorder:
    """Keeps every event that arrived, as Celery gives it."""

    def __init__(self) -> None:
        self.events: list[Raw] = []
        self._names: dict[str, str] = {}
        self._attempts: dict[tuple[str, int, str], Raw] = {}

    def note(self, event: Raw) -> None:
        """Keep an event; `attempt` is which of its task it is of, from 0, which only tests say."""
        self.events.append(event)
        if event.get("name"):
            self._names[event["uuid"]] = event["name"]
        self._attempts.setdefault((event["uuid"], event.get("attempt", 0), event["type"]), event)

    @property
    def types(self) -> list[str]:
        return sorted(set(self._names.values()))

    def count(self, outcome: str, start: float, end: float, name: str | None = None) -> int:
        """Return how many events of a kind there were; all types where no name is given."""
        return sum(1 for _ in self._told(outcome, start, end, name))

    def tasks(self, start: float, end: float, name: str | None = None) -> int:
        """Return how many were received of which nothing but their sending was heard before."""
        heard: set[str] = set()
        number = 0
        for event in self.events:
            is_new = event["uuid"] not in heard
            if event["type"] != "task-sent":
                heard.add(event["uuid"])
            is_asked = event["type"] == "task-received" and start <= event["timestamp"] < end
            number += is_new and is_asked and name in (None, self._names.get(event["uuid"]))
        return number

    def by_minute(self, name: str | None = None) -> dict[tuple[str, int], int]:
        """Return how many events of a kind there were in the minute that began then."""
        found: dict[tuple[str, int], int] = {}
        for event in self.events:
            if name in (None, self._names.get(event["uuid"])):
                key = event["type"].removeprefix("task-"), int(event["timestamp"] // 60) * 60
                found[key] = found.get(key, 0) + 1
        return found

    def runs(self, start: float, end: float, name: str | None = None) -> list[float]:
        """Return how long the tasks ran that succeeded."""
        return [event["runtime"] for event in self._told("succeeded", start, end, name)]

    def total_run_s(self, start: float, end: float, name: str | None = None) -> float:
        """Return how long all ran, from their start to whichever end."""
        total = sum(self.runs(start, end, name))
        for outcome in ("failed", "retried", "revoked", "rejected"):
            for event in self._told(outcome, start, end, name):
                begun = self._attempt_event("started", event)
                total += event["timestamp"] - begun["timestamp"] if begun else 0.0
        return total

    def waits(self, start: float, end: float, name: str | None = None) -> list[float]:
        """Return how long tasks without an ETA waited in their worker."""
        found = []
        for event in self._told("started", start, end, name):
            received = self._attempt_event("received", event)
            if received and not received.get("eta"):
                found.append(max(0.0, event["timestamp"] - received["timestamp"]))
        return found

    def queued(self, start: float, end: float, name: str | None = None) -> list[float]:
        """Return how long tasks without an ETA waited in their queue, as far as events told."""
        found = []
        for event in self._told("received", start, end, name):
            sent = self._attempt_event("sent", event)
            if sent and not event.get("eta"):
                found.append(max(0.0, event["timestamp"] - sent["timestamp"]))
        return found

    def queue(self, queue: str, start: float, end: float) -> tuple[int, int]:
        """Return how many messages were sent to a queue, and how many of those received."""
        sent = [event for event in self._told("sent", start, end) if event["queue"] == queue]
        received = [
            event
            for event in self._told("received", start, end)
            if (origin := self._attempt_event("sent", event)) and origin["queue"] == queue
        ]
        return len(sent), len(received)

    def _told(
        self, outcome: str, start: float, end: float, name: str | None = None
    ) -> Iterator[Raw]:
        for event in self.events:
            is_asked = event["type"] == f"task-{outcome}" and start <= event["timestamp"] < end
            if is_asked and name in (None, self._names.get(event["uuid"])):
                yield event

    def _attempt_event(self, outcome: str, event: Raw) -> Raw | None:
        """Return the event of that kind of the same attempt."""
        return self._attempts.get((event["uuid"], event.get("attempt", 0), f"task-{outcome}"))


def quantile(values: Iterable[float], share: float) -> float:
    """Return the value that a share of all do not exceed."""
    ranked = sorted(values)
    return ranked[max(1, ceil(share * len(ranked))) - 1]
