"""Inspected is what a worker's own answers say of its size and its age; pure.

Workers of any version and pool may answer anything: what is not understood is None.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flower_ng.monitor.serving import mapping, queues_of, slots

_LINUX = "Linux"
_KIBI = 1024


@dataclass(frozen=True, slots=True)
class Inspected:
    """A worker's pool, peak memory, time since its start, and queues, as of its last answers."""

    slots: int | None
    memory_bytes: int | None
    uptime_s: float | None
    queues: tuple[str, ...]

    @classmethod
    def of(
        cls, record: Mapping[str, Any], stats_age_s: float | None, system: str | None
    ) -> "Inspected":
        """Read an inspected record; `stats_age_s` is how long ago `stats` was answered."""
        stats = mapping(record.get("stats"))
        return cls(
            slots=slots(mapping(stats.get("pool"))),
            memory_bytes=_memory(mapping(stats.get("rusage")), system),
            uptime_s=uptime_s(stats, stats_age_s),
            queues=tuple(queues_of(record)),
        )


#: What a pool lacks (celery.concurrency): its name to the deeds that it refuses.
_RESIZES = ("prefork", "processes", "eventlet", "gevent")


def unable(record: Mapping[str, Any]) -> dict[str, str]:
    """What this worker can't do, with the reason: `resize`, `autoscale` and `restart` the pool.

    A worker that has not told its pool or its settings is believed to be able.
    """
    stats, conf = mapping(record.get("stats")), mapping(record.get("conf"))
    implementation = str(mapping(stats.get("pool")).get("implementation") or "")
    found = {}
    if implementation and not any(name in implementation for name in _RESIZES):
        found["resize"] = f"Its pool ({implementation}) has a fixed size: it can't grow or shrink."
    if stats and not stats.get("autoscaler"):
        found["autoscale"] = "It was started without --autoscale=MAX,MIN: it has no autoscaler."
    if conf.get("worker_pool_restarts") is False:
        found["restart"] = "Restarting needs worker_pool_restarts = True in its settings."
    return found


def _memory(usage: Mapping[str, Any], system: str | None) -> int | None:
    """The most that the process has held; in KiB on Linux, elsewhere in other units (getrusage)."""
    most = usage.get("maxrss")
    return most * _KIBI if isinstance(most, int) and most > 0 and system == _LINUX else None


def uptime_s(stats: Mapping[str, Any], age_s: float | None) -> float | None:
    """How long a worker has run, by its `stats` of so long ago."""
    at_answer_s = stats.get("uptime")
    if age_s is None or not isinstance(at_answer_s, (int, float)):
        return None
    return at_answer_s + age_s


def share(part: int | None, whole: int | None) -> int | None:
    """How much of the whole a part is, 0 to 100; None where either is not known."""
    return None if part is None or not whole else min(100, round(100 * part / whole))
