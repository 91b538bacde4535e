"""The Inspector sends inspect commands to workers and caches their answers. On the loop.

The broadcasts run in a pool; several questions of one inspection share a connection and a wait.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from celery import Celery
from tornado.ioloop import IOLoop

from flower_ng.errors import Unavailable
from flower_ng.monitor.remote.answers import METHODS, Failure, InspectAnswers
from flower_ng.monitor.remote.bounded_calls import BoundedCalls, reason
from flower_ng.monitor.remote.broadcast import Broadcasts, CollectedReplies
from flower_ng.monitor.remote.refresh_schedule import SharedRounds
from flower_ng.monitor.remote.worker_answer import WorkerAnswer
from flower_ng.redaction import NO_REDACTION, Redactor

log = logging.getLogger(__name__)

Item = TypeVar("Item")

#: What is asked of all workers, and of those that have just come.
FEW_METHODS = ("stats", "active_queues", "registered", "conf")
#: `active` in its safe form: arguments as text, which never fails to serialise.
ARGUMENTS: Mapping[str, Mapping[str, Any]] = {"active": {"safe": True}}

#: Broadcasts at once; more wait.
MOST_BROADCASTS = 4
#: How long an inspection may last beyond the workers' own time: connecting, and the queue for it.
MARGIN_S = 1.5
#: Answers taken before the loop is given back: a millisecond.
SLICE = 500
#: A worker says that it is online shortly before it listens to commands.
GREET_AFTER_S = (0.5, 1.5)
#: Workers that do not answer when they come are asked again after so long, and then left alone.
GREET_AGAIN_S = (2.0, 8.0)
#: A worker that was steered is looked at again after so long: Celery's prefork pool says at once
#: that it will grow, and starts the processes when it next looks at itself.
LOOK_AGAIN_S = (0.7, 2.5, 5.0)
#: So many that come together are inspected by name; more with one inspection of all.
MOST_NAMES = 10


class Tally(Protocol):
    """Where the durations and failures of broadcasts are counted."""

    def done(
        self,
        method: str,
        duration_s: float,
        *,
        failed: bool = False,
        answered_s: float | None = None,
    ) -> None:
        """Note one broadcast; it failed when it brought no answer.

        `answered_s` is how long the last answer took: who is not there is waited for in vain.
        """


#: Whom to ask, None for all; and what.
Question = tuple[tuple[str, ...] | None, tuple[str, ...]]


class WorkerInspector:
    """What the workers say of themselves; all methods are called on the loop.

    `timeout_s` is how long workers may take to reply. `expected` names the workers that are alive:
    an inspection of all ends early when they have answered. At most `max_workers` are kept.
    `answered` is told of each worker that answered something.
    """

    methods: tuple[str, ...] = tuple(METHODS)

    def __init__(
        self,
        io_loop: IOLoop,
        capp: Celery,
        timeout_s: float,
        *,
        pool: Executor | None = None,
        expected: Callable[[], Iterable[str]] = tuple,
        inspections: Tally | None = None,
        max_workers: int = 5000,
        broadcasts: Broadcasts | None = None,
        redactor: Redactor = NO_REDACTION,
        answered: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._loop: asyncio.AbstractEventLoop = io_loop.asyncio_loop  # type: ignore[attr-defined]
        self._timeout_s, self._expected, self._inspections = timeout_s, expected, inspections
        self._clock, self._uniform = clock, uniform
        pool = pool or ThreadPoolExecutor(MOST_BROADCASTS, thread_name_prefix="inspector")
        self._broadcasts = asks = broadcasts or Broadcasts(capp)
        limit_s = timeout_s + MARGIN_S
        self._calls = BoundedCalls(pool, MOST_BROADCASTS, limit_s, lambda: asks.slack_s)
        self._redactor = redactor
        self._answered = answered
        self._rounds = SharedRounds(self._loop, self._ask)
        self._answers = InspectAnswers(max_workers)
        self._answered_all: set[str] = set()
        self._heard: set[str] = set()
        self._steered: set[str] = set()
        self._errands: set[asyncio.Task[None]] = set()
        #: Why the newest question could not be asked, by method; empty where it was.
        self.unasked: Mapping[str, Failure] = {}

    @property
    def workers(self) -> dict[str, dict[str, Any]]:
        """The records of `/api/workers` by host name; never changed in place."""
        return self._answers.records

    @property
    def told(self) -> Mapping[str, WorkerAnswer]:
        """What each worker told of itself, read once, by host name."""
        return self._answers.parsed

    def inspect(
        self, workername: str | None = None, methods: Iterable[str] | None = None
    ) -> asyncio.Future[dict[str, dict[str, Any]]]:
        """Ask one worker all eight methods, or all workers few; return `{worker: record}`.

        Every answer was given after this call. Who does not answer, or a broker that is away, is a
        failure of the worker and no error here; the older record is returned. ValueError for a
        method that is none of `methods`.
        """
        destination = None if workername is None else (workername,)
        asked = tuple(methods or (FEW_METHODS if workername is None else self.methods))
        unknown = set(asked).difference(self.methods)
        if unknown:
            raise ValueError(f"no inspect method: {', '.join(sorted(unknown))}")
        return self._rounds.join((destination, asked))

    def heard_of(self, hostname: str) -> None:
        """Inspect a worker that has come, soon; those that come together are inspected together."""
        if not self._heard:
            self._run(self._greet())
        self._heard.add(hostname)

    def steered(self, hostname: str) -> None:
        """Inspect a worker that was told to change, soon and until its pool has done so."""
        if not self._steered:
            self._run(self._look_again())
        self._steered.add(hostname)

    def start_refreshing(self, interval_s: float) -> None:
        """Inspect all workers now, and then about every `interval_s`; with 0 only now."""
        self._run(self._refresh(interval_s))

    def stop(self) -> None:
        """End what is under way; inspections that are awaited are cancelled."""
        for errand in self._errands:
            errand.cancel()
        self._rounds.stop()
        self._calls.send_off(self._broadcasts.close)

    def purge_worker(self, hostname: str) -> None:
        """Forget a worker, until it answers again."""
        self._answers.forget(hostname)
        self._answered_all.discard(hostname)

    def ages(self, workername: str) -> dict[str, float]:
        """Return how many seconds ago each method was answered."""
        now = self._clock()
        answered_at = self._answers.answered_at(workername)
        return {method: max(0.0, now - at) for method, at in answered_at.items()}

    @property
    def failing(self) -> tuple[str, ...]:
        """Those who did not answer all that they were asked last."""
        return self._answers.failing

    def failures(self, workername: str) -> dict[str, Failure]:
        """Return what failed since its newest answer, by method."""
        return dict(self._answers.failures(workername))

    async def _ask(self, question: Question) -> dict[str, dict[str, Any]]:
        destination, methods = question
        awaited = self._awaited(destination)
        commands = {method: ARGUMENTS.get(method, {}) for method in methods}
        began = time.monotonic()
        try:
            gathered = await self._calls.run(self._ask_blocking, commands, destination, awaited)
        except Exception as error:
            if not isinstance(error, Unavailable):
                log.exception("The inspection of %s failed", destination or "all workers")
            why, gathered = reason(error), CollectedReplies({method: {} for method in methods})
            now = self._clock()
            self.unasked = {method: Failure(why, now) for method in methods}
        else:
            self.unasked = {}
            waited_s = self._timeout_s + self._broadcasts.reply_slack_s
            why = f"no reply within {waited_s:.2g} s"
            if destination is None:
                self._answered_all = set().union(*gathered.replies.values())
        self._count(gathered, time.monotonic() - began)
        await self._take(gathered, awaited, why)
        chosen = self.workers if destination is None else destination
        return {name: self.workers[name] for name in chosen if name in self.workers}

    def _ask_blocking(
        self,
        commands: Mapping[str, Mapping[str, Any]],
        destination: tuple[str, ...] | None,
        awaited: frozenset[str],
    ) -> CollectedReplies:
        """Ask in the pool, where there is time to look for secrets in the replies."""
        timeout_s = self._timeout_s + self._broadcasts.reply_slack_s
        gathered = self._broadcasts.ask(commands, destination, timeout_s, awaited)
        hidden = self._redactor.value
        replies = {
            method: {name: hidden(reply) for name, reply in by_worker.items()}
            for method, by_worker in gathered.replies.items()
        }
        return replace(gathered, replies=replies)

    def _awaited(self, destination: tuple[str, ...] | None) -> frozenset[str]:
        """Name those who should answer: alive by their events, or by the inspection before."""
        if destination is not None:
            return frozenset(destination)
        return frozenset(self._answered_all).union(self._expected())

    async def _take(self, gathered: CollectedReplies, awaited: frozenset[str], why: str) -> None:
        now, replies = self._clock(), gathered.replies
        unreadable = {
            (reply.command, reply.sender(awaited)): reply.why for reply in gathered.unreadable
        }
        for method, by_worker in replies.items():
            async for hostname, reply in sliced(by_worker.items()):
                self._answers.take(hostname, method, reply, now)
            async for hostname in sliced(awaited - by_worker.keys()):
                told = unreadable.get((method, hostname), why)
                self._answers.fail(hostname, method, told, now)
        for hostname in set().union(*replies.values()):
            self._answered(hostname)
        senders = {hostname for _, hostname in unreadable}
        silent = sorted(awaited.difference(senders, *replies.values()))
        if silent:
            log.warning("No answer from %s: %s", ", ".join(silent[:MOST_NAMES]), why)

    def _count(self, gathered: CollectedReplies, duration_s: float) -> None:
        if self._inspections is not None:
            for method, by_worker in gathered.replies.items():
                self._inspections.done(
                    method, duration_s, failed=not by_worker, answered_s=gathered.took_s
                )

    def _run(self, errand: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _refresh(self, interval_s: float) -> None:
        """Go on for ever; the jitter keeps several dashboards from asking at once."""
        await self.inspect()
        while interval_s > 0:
            await asyncio.sleep(interval_s * self._uniform(0.8, 1.2))
            await self.inspect()

    async def _greet(self) -> None:
        """Inspect those that were heard of lately, and again those that did not answer."""
        await asyncio.sleep(self._uniform(*GREET_AFTER_S))
        names, self._heard = self._heard, set()
        for wait_s in (*GREET_AGAIN_S, 0.0):
            asked_at = self._clock()
            await self._rounds.join((self._destination(names), FEW_METHODS))
            names = {name for name in names if not self._has_answered(name, asked_at)}
            if not names:
                return
            await asyncio.sleep(wait_s * self._uniform(0.8, 1.2))

    async def _look_again(self) -> None:
        first_s, *further_s = LOOK_AGAIN_S
        await asyncio.sleep(first_s)
        names, self._steered = self._steered, set()
        for wait_s in (*further_s, 0.0):
            await self._rounds.join((self._destination(names), FEW_METHODS))
            await asyncio.sleep(wait_s)

    def _destination(self, names: set[str]) -> tuple[str, ...] | None:
        return tuple(sorted(names)) if len(names) <= MOST_NAMES else None

    def _has_answered(self, name: str, since: float) -> bool:
        return bool(self.workers.get(name, {}).get("timestamp", 0.0) >= since)


async def sliced(items: Iterable[Item]) -> AsyncIterator[Item]:
    """Yield items; after so many the loop does something else."""
    for number, item in enumerate(items, 1):
        yield item
        if number % SLICE == 0:
            await asyncio.sleep(0)
