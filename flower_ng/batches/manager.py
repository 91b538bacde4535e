"""Batches creates, pauses, resumes and stops batches, and records how they end. On the loop."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from flower_ng.audit_record import DONE, REFUSED, UNCERTAIN, AuditEntry
from flower_ng.batch_record import BatchRecord, BatchState, BatchStatus, ItemState
from flower_ng.batches.failures import FailureWatch, StartedTask
from flower_ng.batches.item_action import ItemAction
from flower_ng.batches.run import BatchRun
from flower_ng.errors import Conflict, NotFound, Unavailable
from flower_ng.store import Store

log = logging.getLogger(__name__)

#: How long the end of the process waits for the tasks that batches are at.
END_S: Final = 5.0
ENDING: Final = "The dashboard was stopped"
#: So many uncertain tasks are looked for in the history when a batch is resumed.
MOST_SOUGHT: Final = 1_000


class Batches:
    """The batches of one cluster, each a task of its own on the loop.

    `tasks` are those in memory, `length_of` tells how long a queue is, None where that is unknown.
    """

    def __init__(
        self,
        store: Store,
        tasks: Mapping[str, StartedTask],
        length_of: Callable[[str], int | None],
        clock: Callable[[], float],
    ) -> None:
        self._store, self._tasks, self._length_of, self._clock = store, tasks, length_of, clock
        self._listeners: list[Callable[[], None]] = []
        self._runs: dict[str, tuple[BatchRun, asyncio.Task[None]]] = {}
        store.batches.is_run_here = lambda batch_id: batch_id in self._runs

    @property
    def outlast_us(self) -> bool:
        """Whether batches are there after a restart."""
        return self._store.is_persistent or self._store.is_in_postgresql

    def add_listener(self, callback: Callable[[], None]) -> None:
        """Call it on the loop each time a batch has come further, or is in another state."""
        self._listeners.append(callback)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    @property
    def running(self) -> int:
        """How many run here now."""
        return len(self._runs)

    async def create(self, batch: BatchRecord, uuids: Sequence[str], action: ItemAction) -> None:
        """Keep a batch of these tasks, and begin it."""
        await self._store.batches.add(batch, uuids)
        self._begin(batch, action)

    async def status(self, batch_id: str) -> BatchStatus:
        """Return how a batch is; NotFound for no such batch."""
        found = await self._store.batches.get(batch_id)
        if found is None:
            raise NotFound(f"Unknown batch '{batch_id}'")
        return found

    async def pause(self, batch_id: str, why: str) -> None:
        """Pause a batch; returns when the task that it is at is done with."""
        run, task = await self._run(batch_id)
        run.end(BatchState.PAUSED, why)
        await asyncio.wait([task])

    async def resume(self, batch_id: str, action: ItemAction) -> None:
        """Go on with a paused batch; Conflict for one that is not, or that somebody else runs."""
        status = await self.status(batch_id)
        if status.batch.state != BatchState.PAUSED:
            raise Conflict(f"The batch is {status.batch.state}, not paused: nothing was done")
        batch = msgspec.structs.replace(status.batch, state=BatchState.RUNNING, why="")
        if not await self._store.batches.take(batch):
            raise Conflict("Another dashboard runs this batch: nothing was done")
        await self._clear_up(batch_id)
        self._begin(batch, action)

    async def stop_one(self, batch_id: str) -> None:
        """End a batch for good; the rest of its tasks is left as it is."""
        status = await self.status(batch_id)
        if status.batch.state == BatchState.RUNNING:
            run, task = await self._run(batch_id)
            run.end(BatchState.STOPPED)
            await asyncio.wait([task])
            return
        if status.batch.state != BatchState.PAUSED:
            raise Conflict(f"The batch is {status.batch.state} already: nothing was done")
        batch = msgspec.structs.replace(
            status.batch, state=BatchState.STOPPED, why="", ended_at=self._clock()
        )
        if not await self._store.batches.take(batch):
            raise Conflict("Another dashboard runs this batch: nothing was done")
        batch = await self._recorded(batch)
        await self._store.batches.save(batch)

    async def set_rate(self, batch_id: str, rate: int) -> None:
        """Change how many are done a second, of a batch that runs or is paused."""
        if batch_id in self._runs:
            run = self._runs[batch_id][0]
            run.set_rate(rate)
            await self._store.batches.save(run.batch)
            return
        status = await self.status(batch_id)
        if status.batch.state != BatchState.PAUSED:
            await self._run(batch_id)
        batch = msgspec.structs.replace(status.batch, rate=rate)
        if not await self._store.batches.save(batch):
            raise Conflict("Another dashboard ran this batch until now: try again in a minute")

    async def stop(self) -> None:
        """Pause what runs, before the process ends."""
        for run, _ in self._runs.values():
            run.end(BatchState.PAUSED, ENDING)
        if tasks := [task for _, task in self._runs.values()]:
            await asyncio.wait(tasks, timeout=END_S)

    async def _run(self, batch_id: str) -> tuple[BatchRun, "asyncio.Task[None]"]:
        """Return the run of a batch; Conflict where it doesn't run here."""
        if batch_id not in self._runs:
            status = await self.status(batch_id)
            where = " at another dashboard: go there" if status.is_elsewhere else ""
            raise Conflict(f"The batch is {status.batch.state}{where}. Nothing was done")
        return self._runs[batch_id]

    def _begin(self, batch: BatchRecord, action: ItemAction) -> None:
        failures = FailureWatch(self._tasks)
        run = BatchRun(batch, action, self._store.batches, failures, self._length_of, self._tell)
        task = asyncio.get_running_loop().create_task(self._carry(run))
        self._runs[batch.id] = run, task

    async def _carry(self, run: BatchRun) -> None:
        """Have it run, then write how it ended; what can't be written shows as broken off."""
        try:
            await run.go()
            batch = run.batch
            if batch.state in (BatchState.ENDED, BatchState.STOPPED):
                batch = msgspec.structs.replace(batch, ended_at=self._clock())
                batch = await self._recorded(batch)
            await self._store.batches.save(batch)
        except Unavailable as error:
            log.warning("How the batch %s ended could not be written: %s", run.batch.id, error)
        finally:
            del self._runs[run.batch.id]
            self._tell()

    async def _recorded(self, batch: BatchRecord) -> BatchRecord:
        """Write into the audit what came of a batch that is over; return it with that."""
        counts = (await self.status(batch.id)).counts
        given = {} if batch.search is None else {"search": batch.search}
        result = ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)
        outcome = UNCERTAIN if counts[ItemState.UNKNOWN] else DONE
        if counts[ItemState.REFUSED] == batch.count:
            outcome = REFUSED
        entry = AuditEntry(
            at=self._clock(),
            who=batch.who,
            how="batch",
            peer="",
            action=f"batches/{batch.action}",
            target=batch.id,
            parameters={**given, **batch.parameters, "count": str(batch.count)},
            outcome=outcome,
            result=f"{batch.state}: {result}",
        )
        log.info(
            "batch %s of %s %s",
            *(batch.id, batch.who, entry.result),
            extra={"fields": {"audit": msgspec.to_builtins(entry)}},
        )
        self._store.record(entry)
        self._tell()
        return msgspec.structs.replace(batch, counts=counts)

    async def _clear_up(self, batch_id: str) -> None:
        """Settle uncertain tasks that an event has told of since: they were sent."""
        tables = self._store.batches
        items = await tables.items(batch_id, (ItemState.UNKNOWN,), limit=MOST_SOUGHT)
        known = await self._store.those([item.new_id for item in items if item.new_id])
        seen = {row.uuid for row in known}
        for item in items:
            if item.new_id in seen:
                await tables.settle(
                    batch_id, replace(item, state=ItemState.DONE, why="An event told of it")
                )
