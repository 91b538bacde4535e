"""AnswerHistory follows a worker's memory and pool processes over time. On the loop."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from flower_ng.health.facts.records import Churn, Growth
from flower_ng.monitor.remote.worker_answer import WorkerAnswer

#: A worker's memory and children are followed for at most this long, with steps of at least that.
FOLLOWED_S: Final = 3 * 3600.0
STEP_S: Final = 240.0
#: Growth is told of over this time at least, and not before a worker has warmed up.
LEAST_S: Final = 3600.0
WARM_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class WorkerSample:
    """What an answer said of memory and children; `done` counts tasks since the worker's start."""

    at: float
    memory_bytes: int | None
    children: frozenset[int]
    done: int


@dataclass(slots=True)
class AnswerHistory:
    """One worker's answers over time, what they amount to, and since when it has not answered."""

    told: WorkerAnswer | None = None
    told_at: float = 0.0
    failing_since: float | None = None
    growth: Growth | None = None
    churn: Churn | None = None
    samples: deque[WorkerSample] = field(default_factory=deque)
    replaced: deque[tuple[float, int]] = field(default_factory=deque)

    def see(self, answer: WorkerAnswer, at: float) -> None:
        """Take what was answered at that time, unless it was taken before."""
        if self.told is not None and self.told_at >= at:
            return
        self.told, self.told_at = answer, at
        self._sample(answer, at)
        self.growth, self.churn = self._growth(), self._churn(answer)

    def _growth(self) -> Growth | None:
        """Return how the main process has grown, over an hour or more; None before."""
        known = [one for one in self.samples if one.memory_bytes is not None]
        if not known or known[-1].at - known[0].at < LEAST_S + WARM_S:
            return None
        first = next(one for one in known if one.at >= known[0].at + WARM_S)
        before, now = first.memory_bytes or 0, known[-1].memory_bytes or 0
        return Growth(before, now, known[-1].at - first.at)

    def _churn(self, answer: WorkerAnswer) -> Churn | None:
        """Return the children that were replaced in the last hour; None where it is not known."""
        if answer.is_memory_bound or len(self.samples) < 2:  # noqa: PLR2004 - two are compared
            return None
        newest = self.samples[-1]
        since = newest.at - LEAST_S
        before = next(one for one in self.samples if one.at >= since)
        replaced = sum(count for at, count in self.replaced if at > since)
        done = max(0, newest.done - before.done)
        # Children that began together are replaced together: each may be near its end at first.
        explained = done / answer.per_child + len(newest.children) if answer.per_child else 0.0
        return Churn(replaced, explained, min(LEAST_S, newest.at - before.at))

    def _sample(self, answer: WorkerAnswer, at: float) -> None:
        sample = WorkerSample(at, answer.memory_bytes(), answer.processes, answer.done or 0)
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

    def _count_replaced(self, before: WorkerSample, now: WorkerSample) -> None:
        if before.children and now.children:
            gone, come = before.children - now.children, now.children - before.children
            self.replaced.append((now.at, min(len(gone), len(come))))
        while self.replaced and self.replaced[0][0] < now.at - FOLLOWED_S:
            self.replaced.popleft()
