"""Decides when changes are written: soon, at once for a reader, or at a thousand. On the loop."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from flower_ng.store.tables.dialect import RefusedError
from flower_ng.store.writing.changes import Batch, Marks
from flower_ng.store.writing.write_behind import READER_WAITS_S, StoreThread, WriteBehind

log = logging.getLogger(__name__)

#: A kill -9 costs at most this, and the time of one write. Longer, a reader would wait for more
#: than 10 ms of writing at 6,000 events a second; shorter, short tasks would be written twice.
FLUSH_S = 0.25
#: So many marked tasks are written without waiting for the time, and at once: the larger a batch,
#: the fewer pages of the file are written more than once.
BATCH_TASKS = 4096
#: Their snapshot is taken in steps of so many, each two milliseconds of the loop.
STEP_TASKS = 1024
#: A reader in a hurry waits only if so few tasks wait: ten or twenty milliseconds.
SOON_WRITTEN = 500
RETRY_S = 1.0


class BatchWriter(StoreThread, Protocol):
    """The store thread, and what writes a batch on it."""

    def write(self, batch: Batch, /) -> None:
        """Write what the database takes of a batch; RefusedError where it refuses some of it."""


class Flusher:
    """Says when marked tasks are written, by a WriteBehind, and knows how many wait.

    Marks that come while a batch is under way wait and coalesce, so that a slow disk makes batches
    fewer, never the loop slower. `met` is told of each failure. Without a running loop, as in a
    script, a full batch is written there and then, and the rest by `flush()`.
    """

    def __init__(
        self,
        marks: Marks,
        writer: BatchWriter,
        clock: Callable[[], float] = time.monotonic,
        met: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self._marks = marks
        self._clock = clock
        self._behind = WriteBehind(
            "tasks",
            take=self._take,
            write=lambda _, batch: writer.write(batch),
            put_back=marks.put_back,
            give_up=self._give_up,
            met=met,
            ended=self._ended,
            clock=clock,
        )
        self._behind.open(writer)
        self._timer: asyncio.TimerHandle | None = None
        self._gathered: Batch | None = None  # what is taken of the next batch by now
        self._wanted = 0  # the last place that a reader waits for
        self._is_over = False  # what is marked is for another one to write
        #: When the marks came: the place and the time of one in a thousand, the first included.
        self._stamps: deque[tuple[int, float]] = deque()

    @property
    def failing(self) -> str | None:
        """Why the newest write failed, None when it did not."""
        return self._behind.failing

    @property
    def failures(self) -> int:
        """How many writes failed since the history was opened."""
        return self._behind.failures

    def marked(self) -> None:
        """See to it that what was just marked is written in time; called for every event."""
        waiting = len(self._marks.tasks)
        place = self._marks.taken + waiting
        if not self._stamps or place >= self._stamps[-1][0] + STEP_TASKS:
            self._stamps.append((place, self._clock()))
        if self._timer is None:
            self._set_timer(FLUSH_S)
        if waiting >= BATCH_TASKS and not self._is_busy and not self.failing:
            self._start()

    @property
    def waiting(self) -> int:
        """How many changed tasks are not yet written, those that are being written included."""
        return self._place() - self._written()

    @property
    def lag_s(self) -> float:
        """For how long the oldest change has waited to be written, at most."""
        is_late = self._stamps and self.waiting
        return self._clock() - self._stamps[0][1] if is_late else 0.0

    async def settled(self, *, in_a_hurry: bool = False) -> None:
        """Return when all that was marked before is written, or the writer fails or is late.

        In a hurry nobody waits for many tasks: they are written a little later.
        """
        place, end = self._place(), time.monotonic() + READER_WAITS_S
        if in_a_hurry and place - self._written() > SOON_WRITTEN:
            return
        while self._is_awaited(place) and (left := end - time.monotonic()) > 0:
            self._wanted = max(self._wanted, place)
            self._start()
            await self._behind.next_end(left)

    def _is_awaited(self, place: int) -> bool:
        """Whether it is of use to wait until all up to a place is written."""
        return self._written() < place and not self.failing and not self._is_over

    def hand_over(self) -> None:
        """Hand over what is being taken: what the writer is told next comes behind it."""
        if self._gathered is not None:
            self._behind.start()

    def flush(self) -> None:
        """Write all marks now; blocks. Stops at the first failure, which leaves the rest marked."""
        self._behind.flush()
        while self._marks and not self.failing:
            self._behind.flush()
        self._drop_stamps()

    def pause(self) -> None:
        """End what is under way, and leave the rest marked for another Flusher; blocks.

        Who waits for the rest is let go: the writer is about to be closed.
        """
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        self._behind.finish()
        self.hand_over()
        self._behind.finish()

    def stop(self) -> None:
        """Write what is left; what cannot be written is counted as lost. Blocks."""
        self.pause()
        self.flush()
        if self._marks.tasks:
            self._marks.lost += len(self._marks.tasks)
            log.error("%d tasks could not be written: %s", len(self._marks.tasks), self.failing)

    @property
    def _is_busy(self) -> bool:
        """Whether a batch is being taken, or written."""
        return self._gathered is not None or self._behind.under_way is not None

    def _set_timer(self, delay_s: float) -> None:
        with suppress(RuntimeError):  # no loop is running
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._start()

    def _start(self) -> None:
        """Begin a batch, unless one is under way: its end starts the next."""
        if self._is_over or self._is_busy or not self._marks:
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        self._gathered = self._marks.take(STEP_TASKS)
        self._go_on(self._gathered)

    def _go_on(self, batch: Batch) -> None:
        """Hand over a snapshot, or take more of it in the loop's next turn."""
        if len(batch.tasks) < BATCH_TASKS and len(self._marks.tasks) >= STEP_TASKS:
            asyncio.get_running_loop().call_soon(self._take_more, batch)
        else:
            self._behind.start()

    def _take_more(self, batch: Batch) -> None:
        if self._gathered is batch:  # or someone was first
            batch.add(self._marks.take(STEP_TASKS))
            self._go_on(batch)

    def _take(self) -> Batch | None:
        """Return what was taken in steps, or else what a batch may hold."""
        batch, self._gathered = self._gathered, None
        if batch is None and self._marks:
            return self._marks.take(BATCH_TASKS)
        return batch

    def _give_up(self, batch: Batch, error: BaseException) -> None:
        refused = error.tasks if isinstance(error, RefusedError) else None
        self._marks.lost += len(batch.tasks) if refused is None else refused

    def _ended(self) -> None:
        self._drop_stamps()
        is_awaited = self._written() < self._wanted
        if (is_awaited or len(self._marks.tasks) >= BATCH_TASKS) and not self.failing:
            self._start()
        if self._marks and self._timer is None:
            self._set_timer(RETRY_S if self.failing else FLUSH_S)

    def _drop_stamps(self) -> None:
        written = self._written()
        while len(self._stamps) > 1 and self._stamps[1][0] <= written + 1:
            self._stamps.popleft()
        if written >= self._place():
            self._stamps.clear()

    def _place(self) -> int:
        """Return the place of the last mark."""
        return self._marks.taken + len(self._marks.tasks)

    def _written(self) -> int:
        """Return the place of the last mark that is written."""
        taken = (self._gathered, self._behind.under_way)
        return self._marks.taken - sum(len(batch.tasks) for batch in taken if batch is not None)
