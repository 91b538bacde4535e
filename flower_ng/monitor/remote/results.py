"""Reads the result backend; requests for the same task share one read. On the loop.

The reading runs in the pool; for `rpc://` on the publishing thread, where its replies arrive.
"""

import asyncio
import json
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec
from celery import Celery, states
from celery.backends.rpc import RPCBackend
from celery.contrib.abortable import ABORTED

from flower_ng.errors import AnswerError, Unavailable
from flower_ng.monitor.remote.bounded_calls import UNAVAILABLE, BoundedCalls, reason
from flower_ng.monitor.remote.result_backend import backend_class, backend_of
from flower_ng.monitor.state.backend_outcome import Outcome, outcome
from flower_ng.redaction import NO_REDACTION, Redactor

log = logging.getLogger(__name__)

Meta = Mapping[str, Any]

#: Readings at once; more wait.
MOST_READINGS = 3
#: The longest wait for one reading.
READING_S = 4.0
#: The time for one call about tasks in doubt; a single reading may take longer.
ASKING_S = 2.0
ASKINGS = 2
ONLY_CALLERS = "The result backend is rpc://, which returns results only to the sender of the task"
#: A task is looked at again after a tenth of the time waited so far, within these bounds.
SOONEST_S, LATEST_S = 0.05, 2.0


@dataclass(slots=True)
class AwaitedTask:
    """A task that somebody waits for; times are of the loop's clock."""

    ready: asyncio.Future[Meta]
    since: float
    look_at: float
    callers: int = 0


class Results:
    """The states and results of tasks. Unavailable without a backend, or when it fails.

    A Meta is Celery's own: `status`, `result`, `traceback` and more. What is returned for people
    holds no secrets that `redactor` finds.
    """

    def __init__(self, capp: Celery, pool: Executor, redactor: Redactor = NO_REDACTION) -> None:
        self._capp, self._pool, self._redactor = capp, pool, redactor
        #: One thread publishes everything: Celery's backends expect it of `rpc://`, and Redis's
        #: subscriptions are not made for several.
        self.publishing = ThreadPoolExecutor(1, thread_name_prefix="publisher")
        #: Tasks in doubt are asked for beside what people ask for, with threads of
        #: their own.
        self._asking = BoundedCalls(pool, ASKINGS, READING_S)
        self._loading = BoundedCalls(pool, 1, READING_S)
        self._reading: BoundedCalls | None = None
        self._waiting: dict[str, AwaitedTask] = {}
        self._waiter: asyncio.Task[None] | None = None

    async def backend_refusal(self) -> str:
        """Return why the app has no result backend that can be used, empty where it has one.

        Nothing connects: whether its server answers is seen when it is asked.
        """
        try:
            await self.check()
        except Unavailable as error:
            return error.message
        return ""

    async def check(self) -> None:
        """Raise Unavailable where the app has no backend, or one that cannot be loaded."""
        await self._calls()

    def backend(self) -> Any:
        """Return Celery's backend; blocks, and raises as `check`."""
        return backend_of(self._capp)

    async def read(self, task_id: str) -> Meta:
        """Return what the backend has now; the state of an id that it does not know is PENDING."""
        return await (await self._calls()).run(self.read_blocking, task_id)

    def read_blocking(self, task_id: str) -> Meta:
        """Do as `read`, in the calling thread."""
        backend = self.backend()
        try:
            meta: Meta = backend.get_task_meta(task_id)
        except Exception as error:  # backends raise what their libraries raise
            log.warning("The result backend failed: %s", reason(error))
            raise Unavailable(UNAVAILABLE) from error
        return meta

    async def wait(self, task_id: str, timeout_s: float | None = None) -> Meta:
        """Return the task's meta as soon as it is ready, or as it is after `timeout_s`.

        Cancelling the wait ends it; the last who leaves ends the looking for this task.
        """
        waiting = self._join(task_id)
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(waiting.ready)
        except TimeoutError:
            return await self.read(task_id)
        finally:
            waiting.callers -= 1
            if not waiting.callers:
                self._waiting.pop(task_id, None)

    async def refusal(self) -> str:
        """Return why it can't be asked how tasks ended, empty where it can be."""
        return await self._asking.run(self._refusal)

    async def outcomes(self, task_ids: Sequence[str]) -> Mapping[str, Outcome | AnswerError]:
        """Return what the backend has of each; those that there was no time for are left out."""
        return await self._asking.run(self._outcomes, task_ids)

    async def abort(self, task_id: str) -> None:
        """Write the state ABORTED, which a running AbortableTask looks for."""
        await (await self._calls()).run(self._abort, task_id)

    def stop(self) -> None:
        """End the waiting and the publishing thread."""
        if self._waiter is not None:
            self._waiter.cancel()
        self.publishing.shutdown(wait=False, cancel_futures=True)

    async def _calls(self) -> BoundedCalls:
        """Return whose threads read: that depends on the kind of backend, which is loaded first."""
        if self._reading is None:
            kind = await self._loading.run(backend_class, self._capp)
            is_rpc = issubclass(kind, RPCBackend)
            pool, most = (self.publishing, 1) if is_rpc else (self._pool, MOST_READINGS)
            if self._reading is None:  # another call was as early
                self._reading = BoundedCalls(pool, most, READING_S)
        return self._reading

    def _refusal(self) -> str:
        try:
            kind = backend_class(self._capp)
        except Unavailable as error:
            return error.message
        return ONLY_CALLERS if issubclass(kind, RPCBackend) else ""

    def _outcomes(self, task_ids: Sequence[str]) -> dict[str, Outcome | AnswerError]:
        """Read until the time is over; one result that cannot be decoded harms no other."""
        found: dict[str, Outcome | AnswerError] = {}
        until = time.monotonic() + ASKING_S
        for task_id in task_ids:
            try:
                found[task_id] = self._shown(outcome(self.read_blocking(task_id)))
            except Unavailable as error:
                found[task_id] = error
            if time.monotonic() > until:
                break
        return found

    def _shown(self, found: Outcome) -> Outcome:
        text = self._redactor.text
        return msgspec.structs.replace(
            found,
            exception=found.exception and text(found.exception),
            traceback=found.traceback and text(found.traceback, is_traceback=True),
            detail=found.detail and text(found.detail),
        )

    def answer(self, task_id: str, meta: Meta) -> dict[str, Any]:
        """Return the API's answer about a task, without the secrets in what it left."""
        told = answer(task_id, meta)
        if "result" in told:
            told["result"] = self._redactor.value(told["result"])
        if told.get("traceback"):
            told["traceback"] = self._redactor.text(str(told["traceback"]), is_traceback=True)
        return told

    def _join(self, task_id: str) -> AwaitedTask:
        loop = asyncio.get_running_loop()
        if task_id not in self._waiting:
            now = loop.time()
            self._waiting[task_id] = AwaitedTask(loop.create_future(), now, now)
        self._waiting[task_id].callers += 1
        if self._waiter is None or self._waiter.done():
            self._waiter = loop.create_task(self._look())
        return self._waiting[task_id]

    async def _look(self) -> None:
        """Look at the tasks whose turn it is, as long as anybody waits."""
        clock = asyncio.get_running_loop().time
        while self._waiting:
            due = [name for name, waiting in self._waiting.items() if waiting.look_at <= clock()]
            if due:
                self._tell(await self._read_all(due), clock())
            await asyncio.sleep(SOONEST_S)

    async def _read_all(self, task_ids: Sequence[str]) -> Mapping[str, Meta | Unavailable]:
        try:
            return await (await self._calls()).run(self._read_each, task_ids)
        except Unavailable as error:
            return dict.fromkeys(task_ids, error)

    def _read_each(self, task_ids: Sequence[str]) -> dict[str, Meta | Unavailable]:
        """Read one after the other: one result that cannot be decoded harms no other."""
        found: dict[str, Meta | Unavailable] = {}
        for task_id in task_ids:
            try:
                found[task_id] = self.read_blocking(task_id)
            except Unavailable as error:
                found[task_id] = error
        return found

    def _tell(self, found: Mapping[str, Meta | Unavailable], now: float) -> None:
        for task_id, meta in found.items():
            waiting = self._waiting.get(task_id)
            if waiting is None:  # nobody waits any more
                continue
            if isinstance(meta, Unavailable):
                self._waiting.pop(task_id).ready.set_exception(meta)
            elif is_ready(meta):
                self._waiting.pop(task_id).ready.set_result(meta)
            else:
                pause_s = min(max((now - waiting.since) / 10, SOONEST_S), LATEST_S)
                waiting.look_at = now + pause_s

    def _abort(self, task_id: str) -> None:
        self.read_blocking(task_id)  # fails at once where writing would be tried for minutes
        try:
            self.backend().store_result(task_id, None, ABORTED)
        except Exception as error:  # backends raise what their libraries raise
            raise Unavailable(f"Cannot abort '{task_id}': {reason(error)}") from error


def is_ready(meta: Meta) -> bool:
    """Whether the task has ended."""
    return meta["status"] in states.READY_STATES


def answer(task_id: str, meta: Meta) -> dict[str, Any]:
    """Return the API's answer about a task: `task-id`, `state`, and what a finished one left."""
    told = {"task-id": task_id, "state": meta["status"]}
    if is_ready(meta):
        told["result"] = plain(meta.get("result"))
        if meta["status"] == states.FAILURE:
            told["traceback"] = meta.get("traceback")
    return told


def plain(value: Any) -> Any:
    """Return the value itself if JSON can hold it, else its `repr`."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return repr(value)
    return value
