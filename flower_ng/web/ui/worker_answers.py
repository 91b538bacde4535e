"""Inspected is what a worker's own answers mean for its page: its age, what it can't do; pure."""

from flower_ng.monitor.remote.pools import Ability, inability
from flower_ng.monitor.remote.worker_answer import WorkerAnswer

AUTOSCALED = "this pool is autoscaled: change the autoscaling range instead"
NOT_AUTOSCALED = "autoscaling is off (start the worker with --autoscale=MAX,MIN)"
NO_RESTARTS = "restarting needs worker_pool_restarts = True in the worker settings"


def unable(told: WorkerAnswer) -> dict[str, str]:
    """What this worker can't do, each with the reason in one sentence.

    `resize`, `autoscale` and `restart` the pool, keep `soft` and `hard` time limits. A worker that
    has not told its pool or its settings is believed to be able.
    """
    has_no_autoscaler = told.has_stats and not told.is_autoscaled
    has_no_restarts = told.may_restart is False
    pool = told.pool
    reasons = {
        "resize": inability(pool, Ability.RESIZE) or AUTOSCALED * told.is_autoscaled,
        "autoscale": inability(pool, Ability.AUTOSCALE) or NOT_AUTOSCALED * has_no_autoscaler,
        "restart": inability(pool, Ability.RESTART) or NO_RESTARTS * has_no_restarts,
        "soft": inability(pool, Ability.SOFT_LIMIT),
        "hard": inability(pool, Ability.HARD_LIMIT),
    }
    return {action: f"{why[0].upper()}{why[1:]}." for action, why in reasons.items() if why}


def uptime_s(told: WorkerAnswer, age_s: float | None) -> float | None:
    """How long a worker has run by now; it answered `stats` so long ago."""
    return None if age_s is None or told.uptime_s is None else told.uptime_s + age_s


def share(part: int | None, whole: int | None) -> int | None:
    """How much of the whole a part is, 0 to 100; None where either is not known."""
    return None if part is None or not whole else min(100, round(100 * part / whole))
