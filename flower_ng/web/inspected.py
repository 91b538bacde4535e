"""Inspected is what a worker's own answers say of its size and its age; pure.

Workers of any version and pool may answer anything: what is not understood is None.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flower_ng.monitor.pools import Ability, inability
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
            slots=slots(stats),
            memory_bytes=_memory(mapping(stats.get("rusage")), system),
            uptime_s=uptime_s(stats, stats_age_s),
            queues=tuple(queues_of(record)),
        )


AUTOSCALED = "its pool is autoscaled: change the range of autoscaling instead"
NOT_AUTOSCALED = "autoscaling is off: start the worker with --autoscale=MAX,MIN"
NO_RESTARTS = "restarting needs worker_pool_restarts = True in its settings"


def unable(record: Mapping[str, Any]) -> dict[str, str]:
    """What this worker can't do, each with the reason in one sentence.

    `resize`, `autoscale` and `restart` the pool, keep `soft` and `hard` time limits. A worker that
    has not told its pool or its settings is believed to be able.
    """
    stats, conf = mapping(record.get("stats")), mapping(record.get("conf"))
    is_autoscaled = bool(stats.get("autoscaler"))
    has_no_autoscaler = bool(stats) and not is_autoscaled
    has_no_restarts = conf.get("worker_pool_restarts") is False
    reasons = {
        "resize": inability(stats, Ability.RESIZE) or AUTOSCALED * is_autoscaled,
        "autoscale": inability(stats, Ability.AUTOSCALE) or NOT_AUTOSCALED * has_no_autoscaler,
        "restart": inability(stats, Ability.RESTART) or NO_RESTARTS * has_no_restarts,
        "soft": inability(stats, Ability.SOFT_LIMIT),
        "hard": inability(stats, Ability.HARD_LIMIT),
    }
    return {deed: f"{why[0].upper()}{why[1:]}." for deed, why in reasons.items() if why}


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
