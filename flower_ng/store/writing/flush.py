"""Decides when changes are written: soon, at once for a reader, or at a thousand. On the loop."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from flower_ng.store.tables.dialect import RefusedError, may_pass, trace_of
from flower_ng.store.writing.changes import Batch, Marks
from flower_ng.store.writing.write_behind import READER_WAITS_S, on_loop
from flower_ng.store.writing.writer import Writer

if TYPE_CHECKING:
    from concurrent.futures import Future

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
LOG_EVERY_S = 60.0


class Flusher:
    """Hands marks to the writer, one batch at a time, and knows who waits for which.

    Marks that come while a batch is under way wait and coalesce, so that a slow disk makes batches
    fewer, never the loop slower. `failing` says why the last write failed, None when it did not;
    `failures` counts, and `met` is told of each. Without a running loop, as in a script, a full
    batch is written there and then, and the rest by `flush()`.
    """

    def __init__(
        self,
        marks: Marks,
        writer: Writer,
        clock: Callable[[], float] = time.monotonic,
        met: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self.failing: str | None = None
        self.failures = 0
        self._marks = marks
        self._writer = writer
        self._clock = clock
        self._met = met
        self._timer: asyncio.TimerHandle | None = None
        self._under_way: Batch | None = None
        self._future: Future[None] | None = None  # of what is under way, once all of it is taken
        self._readers: list[tuple[int, asyncio.Future[None]]] = []
        self._logged_at = -LOG_EVERY_S
        #: When the marks came: the place and the time of one in a thousand, the first included.
        self._stamps: deque[tuple[int, float]] = deque()

    def marked(self) -> None:
        """See to it that what was just marked is written in time; called for every event."""
        waiting = len(self._marks.tasks)
        place = self._marks.taken + waiting
        if not self._stamps or place >= self._stamps[-1][0] + STEP_TASKS:
            self._stamps.append((place, self._clock()))
        if self._timer is None:
            self._set_timer(FLUSH_S)
        if waiting >= BATCH_TASKS and self._under_way is None and not self.failing:
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
        place = self._place()
        if self._written() >= place or self.failing:
            return
        if in_a_hurry and place - self._written() > SOON_WRITTEN:
            return
        reader = asyncio.get_running_loop().create_future()
        self._readers.append((place, reader))
        self._start()
        await asyncio.wait([reader], timeout=READER_WAITS_S)

    def hand_over(self) -> None:
        """Hand over what is being taken: what the writer is told next comes behind it."""
        if self._under_way is not None and self._future is None:
            self._hand_over(self._under_way)

    def flush(self) -> None:
        """Write all marks now; blocks. Stops at the first failure, which leaves the rest marked."""
        self._finish_blocking()
        while self._marks:
            self._under_way = self._marks.take(BATCH_TASKS)
            self._finish_blocking()
            if self.failing:
                return

    def pause(self) -> None:
        """End what is under way, and leave the rest marked for another Flusher; blocks."""
        if self._timer is not None:
            self._timer.cancel()
        self._finish_blocking()

    def stop(self) -> None:
        """Write what is left; what cannot be written is counted as lost. Blocks."""
        self.pause()
        self.flush()
        if self._marks.tasks:
            self._marks.lost += len(self._marks.tasks)
            log.error("%d tasks could not be written: %s", len(self._marks.tasks), self.failing)

    def _set_timer(self, delay_s: float) -> None:
        with suppress(RuntimeError):  # no loop is running
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._start()

    def _start(self) -> None:
        """Hand over a batch, unless one is under way: its end starts the next."""
        if self._under_way is not None or not self._marks:
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        self._under_way = self._marks.take(STEP_TASKS)
        self._go_on(self._under_way)

    def _go_on(self, batch: Batch) -> None:
        """Hand over a snapshot, or take more of it in the loop's next turn."""
        if len(batch.tasks) < BATCH_TASKS and len(self._marks.tasks) >= STEP_TASKS:
            asyncio.get_running_loop().call_soon(self._take_more, batch)
        else:
            self._hand_over(batch)

    def _hand_over(self, batch: Batch) -> None:
        self._future = self._writer.write(batch)
        self._future.add_done_callback(on_loop(lambda: self._finished(batch)))

    def _take_more(self, batch: Batch) -> None:
        if self._under_way is batch and self._future is None:  # or someone was first
            batch.add(self._marks.take(STEP_TASKS))
            self._go_on(batch)

    def _finished(self, batch: Batch) -> None:
        if self._under_way is not batch:
            return  # flush() was first
        self._finish_blocking()
        if (self._readers or len(self._marks.tasks) >= BATCH_TASKS) and not self.failing:
            self._start()
        if self._marks and self._timer is None:
            self._set_timer(RETRY_S if self.failing else FLUSH_S)

    def _finish_blocking(self) -> None:
        if self._under_way is None:
            return
        batch, future = self._under_way, self._future or self._writer.write(self._under_way)
        error = future.exception()
        self._under_way = self._future = None
        if error is not None:
            self._failed(batch, error)
        elif self.failing:
            log.info("The store can be written again after %d failures.", self.failures)
            self.failing = None
        self._drop_stamps()
        self._release_readers()

    def _drop_stamps(self) -> None:
        written = self._written()
        while len(self._stamps) > 1 and self._stamps[1][0] <= written + 1:
            self._stamps.popleft()
        if written >= self._place():
            self._stamps.clear()

    def _failed(self, batch: Batch, error: BaseException) -> None:
        self.failures += 1
        self._met(error)
        if may_pass(error):
            self.failing = str(error)
            self._marks.put_back(batch)
        else:  # it would fail again and hold up all that follows
            refused = error.tasks if isinstance(error, RefusedError) else None
            self._marks.lost += len(batch.tasks) if refused is None else refused
        if self._clock() - self._logged_at >= LOG_EVERY_S:
            self._logged_at = self._clock()
            count, trace = self.failures, trace_of(error)
            log.error("Writing the store failed, %d so far: %s", count, error, exc_info=trace)

    def _release_readers(self) -> None:
        written = self._written()
        waiting = []
        for place, reader in self._readers:
            if reader.done():
                continue
            if place <= written or self.failing:
                reader.set_result(None)
            else:
                waiting.append((place, reader))
        self._readers = waiting

    def _place(self) -> int:
        """Return the place of the last mark."""
        return self._marks.taken + len(self._marks.tasks)

    def _written(self) -> int:
        """Return the place of the last mark that is written."""
        under_way = 0 if self._under_way is None else len(self._under_way.tasks)
        return self._marks.taken - under_way
