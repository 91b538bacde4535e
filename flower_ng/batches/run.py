"""BatchRun goes through the tasks of one batch until it ends or pauses. On the loop."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final
from uuid import uuid4

import msgspec

from flower_ng.batch_record import BatchItem, BatchRecord, BatchState, ItemState
from flower_ng.batches.failures import NEWEST, FailureWatch
from flower_ng.batches.item_action import ItemAction, Step, Unsure
from flower_ng.errors import AnswerError, Unavailable
from flower_ng.store import BatchTables

log = logging.getLogger(__name__)

#: So many of its tasks are in memory.
CHUNK: Final = 500
#: At least so often it is looked at how the started tasks fare, and the store is told that it runs.
LOOK_S: Final = 1.0


class BatchRun:
    """One run of a batch, from its creation or resumption to its end or a pause.

    `batch` is how it is now. `length_of` tells the length of a queue, None where it is not known;
    `further` is called after each task.
    """

    def __init__(
        self,
        batch: BatchRecord,
        action: ItemAction,
        tables: BatchTables,
        failures: FailureWatch,
        length_of: Callable[[str], int | None],
        further: Callable[[], None],
    ) -> None:
        self.batch = batch
        self._action, self._tables = action, tables
        self._failures, self._length_of = failures, length_of
        self._further = further
        self._poked = asyncio.Event()
        self._ends_with: tuple[BatchState, str] | None = None
        self._next_at = self._looked_at = time.monotonic()
        self._waiting: deque[BatchItem] = deque()

    def end(self, state: BatchState, why: str = "") -> None:
        """Have it end, as this, after the task that it is at."""
        self._ends_with = self._ends_with or (state, why)
        self._poked.set()

    def set_rate(self, rate: int) -> None:
        """Have it do so many a second from now on."""
        self.batch = msgspec.structs.replace(self.batch, rate=rate)
        self._next_at = min(self._next_at, time.monotonic() + 1 / rate)
        self._poked.set()

    async def go(self) -> None:
        """Do it; `batch` says afterwards how it ended, which is not written yet."""
        try:
            await self._go()
        except Unavailable as error:
            self.end(BatchState.PAUSED, error.message)
        except Exception as error:
            log.exception("The batch %s failed", self.batch.id)
            self.end(BatchState.PAUSED, f"An error in flower_ng: {error!r}")
        state, why = self._ends_with or (BatchState.ENDED, "")
        self.batch = msgspec.structs.replace(self.batch, state=state, why=why)
        if why:
            log.warning("The batch %s is %s: %s", self.batch.id, state, why)

    async def _go(self) -> None:
        while self._ends_with is None and await self._has_more():
            await self._paced()
            if self._ends_with is None:
                await self._do(self._waiting[0])
                self._further()

    async def _has_more(self) -> bool:
        if not self._waiting:
            self._waiting.extend(await self._tables.waiting(self.batch.id, CHUNK))
        return bool(self._waiting)

    async def _paced(self) -> None:
        """Wait for the next one's turn, and look around meanwhile."""
        while self._ends_with is None:
            if time.monotonic() - self._looked_at >= LOOK_S:
                await self._look()
            wait_s = self._next_at - time.monotonic()
            if wait_s <= 0:
                break
            self._poked.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._poked.wait(), min(wait_s, LOOK_S))
        self._next_at = max(self._next_at, time.monotonic() - LOOK_S) + 1 / self.batch.rate

    async def _look(self) -> None:
        self._looked_at = time.monotonic()
        if not await self._tables.save(self.batch):
            self.end(BatchState.PAUSED, "Another dashboard has taken it over")
        failed, most = self._failures.look(), self.batch.most_failed
        if failed > most:
            self.end(
                BatchState.PAUSED,
                f"Of the last {NEWEST} tasks that it started and that ended, {failed} % failed:"
                f" more than {most} %",
            )

    async def _do(self, item: BatchItem) -> None:
        """Do it to one task, and write what came of it before the next."""
        try:
            step = await self._action(item.uuid)
        except Unavailable as error:  # nothing was done: it waits for better times
            self.end(BatchState.PAUSED, error.message)
            return
        except AnswerError as error:
            self._waiting.popleft()
            refused = replace(item, state=ItemState.REFUSED, why=error.message)
            await self._tables.settle(self.batch.id, refused)
            return
        if why := self._too_long(step.queue):
            self.end(BatchState.PAUSED, why)
            return
        self._waiting.popleft()
        item = replace(item, new_id=str(uuid4()) if step.sends_task else "")
        if await self._tables.claim(self.batch.id, item):
            await self._send(item, step)

    async def _send(self, item: BatchItem, step: Step) -> None:
        state, why = ItemState.DONE, ""
        try:
            why = await step.carry_out(item.new_id)
        except Unsure as error:
            state, why = ItemState.UNKNOWN, str(error)
        except Unavailable as error:  # for certain it was not sent
            state, item = ItemState.WAITING, replace(item, new_id="")
            self.end(BatchState.PAUSED, error.message)
        except AnswerError as error:
            state, why = ItemState.REFUSED, error.message
            if error.is_uncertain:
                state = ItemState.UNKNOWN
                self.end(BatchState.PAUSED, error.message)
        except Exception as error:
            log.exception("The batch %s failed at %s", self.batch.id, item.uuid)
            state, why = ItemState.UNKNOWN, f"An error in flower_ng: {error!r}"
            self.end(BatchState.PAUSED, why)
        await self._tables.settle(self.batch.id, replace(item, state=state, why=why))
        if state == ItemState.DONE and item.new_id:
            self._failures.started(item.new_id)

    def _too_long(self, queue: str) -> str:
        length, most = self._length_of(queue) if queue else None, self.batch.most_waiting
        if length is None or length <= most:
            return ""
        return f"{length:,} messages wait in {queue}: more than {most:,}"
