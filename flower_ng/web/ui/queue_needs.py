"""How many processes a queue needs, from what comes, what waits, and how long tasks run. Pure."""

from dataclasses import dataclass
from math import ceil
from typing import Final

#: In how long what waits shall be gone, unless somebody asks for another time.
DRAIN_S: Final = 300.0
#: Rounding of sums that are whole numbers.
_TINY: Final = 1e-9
NO_RUN: Final = "No task of this queue has ended lately, so how long one runs is unknown."


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """What is known of a queue and its workers; None is unknown, and then `why` says why.

    `waiting` messages are on the broker as it told `age_s` ago, `reserved` tasks wait inside
    workers and `running` ones run, by their events. `arrivals_per_s` is measured over `over_s`; at
    least so many come with `is_least`. `run_s` is the mean of `runs` that ended within
    `runs_over_s`. `slots` are those of the `workers` that consume from it, None where not all
    told them.
    """

    waiting: int | None = None
    age_s: float | None = None
    arrivals_per_s: float | None = None
    departures_per_s: float | None = None
    over_s: float = 0.0
    is_least: bool = False
    run_s: float | None = None
    runs: int = 0
    runs_over_s: float = 0.0
    reserved: int = 0
    running: int = 0
    slots: int | None = None
    workers: int = 0
    why: str = ""

    @property
    def slots_per_worker(self) -> float | None:
        """How many tasks one of its workers runs at once, on average."""
        return self.slots / self.workers if self.slots and self.workers else None


@dataclass(frozen=True, slots=True)
class QueueNeeds:
    """How many processes a queue needs; None is unknown, and then `why` says why.

    `keep_up` of them do what comes and `drain` do in `drain_s` what waits: no whole numbers.
    `processes` are both together, rounded up, and no fewer than run something now. With `is_least`
    it takes at least so many. `workers` have as many slots as those that are there.
    """

    drain_s: float
    processes: int | None = None
    workers: int | None = None
    keep_up: float | None = None
    drain: float | None = None
    is_least: bool = False
    why: str = ""


def needs(load: QueueLoad, drain_s: float = DRAIN_S) -> QueueNeeds:
    """Return what a queue needs; without any knowledge of what comes or waits that is unknown."""
    if load.waiting is None or load.arrivals_per_s is None:
        return QueueNeeds(drain_s, why=load.why)
    backlog = load.waiting + load.reserved
    if load.run_s is None:
        is_idle = not backlog and not load.arrivals_per_s
        processes = max(load.running, 0 if is_idle else 1)
        why = "" if is_idle else NO_RUN
        least = load.is_least or not is_idle
        return QueueNeeds(drain_s, processes, _workers(load, processes), is_least=least, why=why)
    keep_up = load.arrivals_per_s * load.run_s
    drain = backlog * load.run_s / drain_s
    processes = max(ceil(keep_up + drain - _TINY), load.running, 1 if backlog else 0)
    return QueueNeeds(
        drain_s, processes, _workers(load, processes), keep_up, drain, load.is_least, load.why
    )


def _workers(load: QueueLoad, processes: int) -> int | None:
    per_worker = load.slots_per_worker
    return None if per_worker is None else ceil(processes / per_worker - _TINY)
