"""InspectAnswers keeps the newest answers of workers to inspect commands. On the loop."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from flower_ng.monitor.remote.worker_answer import NO_ANSWER, READERS, WorkerAnswer

#: Celery's inspect methods, each with the type of its reply.
METHODS: Mapping[str, type] = MappingProxyType(
    {
        "stats": dict,
        "active_queues": list,
        "registered": list,
        "scheduled": list,
        "active": list,
        "reserved": list,
        "revoked": list,
        "conf": dict,
    }
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a worker's answer to one method is missing or old; `at` is UTC seconds."""

    why: str
    at: float


class InspectAnswers:
    """The newest answer, or failure, of each worker to each method, for at most `most` workers.

    `records` maps host names to Flower's records: `timestamp` (of the newest answer) and Celery's
    replies by method, unchanged but for the broker's `alternates`, which hold passwords.
    """

    def __init__(self, most: int) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        #: What the records say, read once.
        self.parsed: dict[str, WorkerAnswer] = {}
        self._most = most
        self._answered_at: dict[str, dict[str, float]] = {}
        self._failures: dict[str, dict[str, Failure]] = {}

    def take(self, hostname: str, method: str, reply: Any, now: float) -> None:
        """Keep a reply; one that is an error, or not of the method's type, is a failure."""
        if isinstance(reply, dict) and reply.keys() == {"error"}:
            self.fail(hostname, method, str(reply["error"]), now)
        elif not isinstance(reply, METHODS[method]):
            self.fail(hostname, method, f"unexpected reply of type {type(reply).__name__}", now)
        else:
            self._keep(hostname, method, reply, now)

    def fail(self, hostname: str, method: str, why: str, now: float) -> None:
        """Note why there is no answer; an older answer stays."""
        self._failures.setdefault(hostname, {})[method] = Failure(why, now)
        _bound(self._failures, self._most)

    def answered_at(self, hostname: str) -> Mapping[str, float]:
        """Return when each method was answered, in UTC seconds."""
        return self._answered_at.get(hostname, {})

    @property
    def failing(self) -> tuple[str, ...]:
        """Those of whom a failure is newer than the answer."""
        return tuple(name for name, failed in self._failures.items() if failed)

    def failures(self, hostname: str) -> Mapping[str, Failure]:
        """Return the failure of each method that was asked for after its newest answer."""
        return self._failures.get(hostname, {})

    def forget(self, hostname: str) -> None:
        """Drop all that is known of a worker."""
        for table in (self.records, self.parsed, self._answered_at, self._failures):
            table.pop(hostname, None)

    def _keep(self, hostname: str, method: str, reply: Any, now: float) -> None:
        if method == "stats":
            reply = without_alternates(reply)
        record = self.records.get(hostname, {})
        self.records[hostname] = {**record, method: reply, "timestamp": now}
        if method in READERS:
            parsed = self.parsed.get(hostname, NO_ANSWER)
            self.parsed[hostname] = parsed.taking(method, reply)
        self._answered_at.setdefault(hostname, {})[method] = now
        self._failures.get(hostname, {}).pop(method, None)
        while len(self.records) > self._most:
            self.forget(min(self.records, key=lambda name: self.records[name]["timestamp"]))


def without_alternates(stats: dict[str, Any]) -> dict[str, Any]:
    """Remove the other brokers' addresses, as Flower does."""
    consumer = stats.get("consumer")
    for holder in (stats, consumer if isinstance(consumer, dict) else {}):
        if isinstance(holder.get("broker"), dict):
            holder["broker"].pop("alternates", None)
    return stats


def _bound(table: dict[str, Any], most: int) -> None:
    """Drop the oldest entries: anyone may ask for any name."""
    while len(table) > most:
        del table[next(iter(table))]
