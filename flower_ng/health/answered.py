"""Answered is what workers' own answers say, read into Told and followed over time. On the loop.

Workers of any version and pool may answer anything: what is not understood is None.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from flower_ng.health.facts import Churn, Growth, Told
from flower_ng.monitor.serving import mapping, slots

#: A worker's memory and children are followed for at most this long, with steps of at least that.
FOLLOWED_S: Final = 3 * 3600.0
STEP_S: Final = 240.0
#: Growth is told of over this time at least, and not before a worker has warmed up.
LEAST_S: Final = 3600.0
WARM_S: Final = 600.0
#: Lists of tasks that workers have in common.
MOST_LISTS: Final = 100
_KIBI: Final = 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """What an answer said of memory and children; `done` counts tasks since the worker's start."""

    at: float
    memory_bytes: int | None
    children: frozenset[int]
    done: int


@dataclass(slots=True)
class Followed:
    """One worker's answers over time, what they amount to, and since when it has not answered."""

    told: Told | None = None
    failing_since: float | None = None
    per_child: float | None = None
    is_churn_explained: bool = False
    growth: Growth | None = None
    churn: Churn | None = None
    samples: deque[Sample] = field(default_factory=deque)
    replaced: deque[tuple[float, int]] = field(default_factory=deque)

    def see(self, record: Mapping[str, Any], at: float) -> None:
        """Read a record that was answered at that time, unless it was read before."""
        if self.told is not None and self.told.at >= at:
            return
        self.told = told_of(record, at)
        conf, pool = (
            mapping(record.get("conf")),
            mapping(mapping(record.get("stats")).get("pool")),
        )
        by_conf = _number(conf.get("worker_max_tasks_per_child"))
        self.per_child = _number(pool.get("max-tasks-per-child")) or by_conf
        self.is_churn_explained = bool(conf.get("worker_max_memory_per_child"))
        self._sample(mapping(record.get("stats")), at)
        self.growth, self.churn = self._growth(), self._churn()

    def _growth(self) -> Growth | None:
        """Return how the main process has grown, over an hour or more; None before."""
        known = [one for one in self.samples if one.memory_bytes is not None]
        if not known or known[-1].at - known[0].at < LEAST_S + WARM_S:
            return None
        first = next(one for one in known if one.at >= known[0].at + WARM_S)
        before, now = first.memory_bytes or 0, known[-1].memory_bytes or 0
        return Growth(before, now, known[-1].at - first.at)

    def _churn(self) -> Churn | None:
        """Return the children that were replaced in the last hour; None where it is not known."""
        if self.is_churn_explained or len(self.samples) < 2:  # noqa: PLR2004 - two are compared
            return None
        newest = self.samples[-1]
        since = newest.at - LEAST_S
        before = next(one for one in self.samples if one.at >= since)
        replaced = sum(count for at, count in self.replaced if at > since)
        done = max(0, newest.done - before.done)
        # Children that began together are replaced together: each may be near its end at first.
        explained = done / self.per_child + len(newest.children) if self.per_child else 0.0
        return Churn(replaced, explained, min(LEAST_S, newest.at - before.at))

    def _sample(self, stats: Mapping[str, Any], at: float) -> None:
        sample = _sample_of(stats, at)
        if self.samples and sample.done < self.samples[-1].done:  # it was restarted
            self.samples.clear()
            self.replaced.clear()
        elif self.samples:
            self._count_replaced(self.samples[-1], sample)
        if len(self.samples) > 1 and at - self.samples[-2].at < STEP_S:
            self.samples[-1] = sample
        else:
            self.samples.append(sample)
        while self.samples[0].at < at - FOLLOWED_S:
            self.samples.popleft()

    def _count_replaced(self, before: Sample, now: Sample) -> None:
        if before.children and now.children:
            gone, come = before.children - now.children, now.children - before.children
            self.replaced.append((now.at, min(len(gone), len(come))))
        while self.replaced and self.replaced[0][0] < now.at - FOLLOWED_S:
            self.replaced.popleft()


def told_of(record: Mapping[str, Any], at: float) -> Told:
    """Read an inspected record."""
    stats, conf = mapping(record.get("stats")), mapping(record.get("conf"))
    pool, tasks = mapping(stats.get("pool")), record.get("registered")
    # A name may be followed by what was set for the task: `shop.pay [rate_limit=7/m]`.
    names = sorted(str(one).split(" [")[0] for one in tasks) if isinstance(tasks, list) else []
    queues = record.get("active_queues")
    return Told(
        at=at,
        pool=str(pool.get("implementation") or ""),
        slots=slots(stats),
        queues=tuple(
            str(queue["name"])
            for queue in (queues if isinstance(queues, list) else ())
            if isinstance(queue, dict) and queue.get("name")
        ),
        registered=_shared(tuple(names)),
        limit_s=_limit_s(pool) or _number(conf.get("task_time_limit")),
    )


@lru_cache(MOST_LISTS)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return one and the same list for all who have it: thousands of workers have few."""
    return names


def _sample_of(stats: Mapping[str, Any], at: float) -> Sample:
    most = mapping(stats.get("rusage")).get("maxrss")
    processes = mapping(stats.get("pool")).get("processes")
    children = processes if isinstance(processes, list) else []
    totals = mapping(stats.get("total")).values()
    return Sample(
        at,
        most * _KIBI if isinstance(most, int) and most > 0 else None,
        frozenset(pid for pid in children if isinstance(pid, int)),
        sum(total for total in totals if isinstance(total, int)),
    )


def _limit_s(pool: Mapping[str, Any]) -> float | None:
    """Return the pool's own hard limit: `--time-limit` is not in the settings."""
    timeouts = pool.get("timeouts")
    is_pair = isinstance(timeouts, list | tuple) and len(timeouts) == 2  # noqa: PLR2004 - soft, hard
    return _number(timeouts[1]) if is_pair else None  # type: ignore[index] # is a pair


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and value else None  # type: ignore[arg-type] # is a number
