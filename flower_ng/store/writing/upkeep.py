"""Upkeep deletes what is over a bound, and repairs, a little at a time, on the store thread."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from flower_ng.store.writing.repair import Repair
from flower_ng.store.writing.retention import Sweep
from flower_ng.store.writing.writer import Writer

if TYPE_CHECKING:
    from concurrent.futures import Future

log = logging.getLogger(__name__)

#: How often the bounds are looked at.
TICK_S: Final = 1.0
#: Between two steps, for what waits to be written.
PAUSE_S: Final = 0.01


class Upkeep:
    """Runs the steps of Sweep and Repair between batches; `seen` is called on the loop after each.

    A step that fails is tried again with the next tick; the writer says why, for it fails too.
    """

    def __init__(
        self, writer: Writer, sweep: Sweep, repair: Repair, seen: Callable[[], None]
    ) -> None:
        self._writer = writer
        self._sweep = sweep
        self._repair = repair
        self._seen = seen
        self._timer: asyncio.TimerHandle | None = None
        self._has_failed = False
        self._is_stopped = False

    def begin(self) -> None:
        """Look each second from now on."""
        self._again(TICK_S)

    def flush(self) -> None:
        """Delete all that is over a bound, now; blocks."""
        self._writer.run(self._sweep.step).result()
        while self._sweep.is_behind:
            self._writer.run(self._sweep.step).result()

    def stop(self) -> None:
        """Look no more, also when a step that is under way ends."""
        self._is_stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def _again(self, delay_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._step)

    def _step(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(RuntimeError):  # the writer has been closed
            self._writer.run(self._work).add_done_callback(
                lambda future: _call(loop, self._stepped, future)
            )

    def _work(self, connection: sqlite3.Connection) -> None:
        self._sweep.step(connection)
        self._repair.step(connection)

    def _stepped(self, future: "Future[None]") -> None:
        self._note(future.exception())
        if self._is_stopped:
            return
        self._seen()
        is_behind = (self._sweep.is_behind or self._repair.is_behind) and not self._has_failed
        self._again(PAUSE_S if is_behind else TICK_S)

    def _note(self, error: BaseException | None) -> None:
        """Log the first of several failures."""
        if error is not None and not self._has_failed:
            log.error("The store could not be kept within its bounds, or repaired", exc_info=error)
        self._has_failed = error is not None


def _call(
    loop: asyncio.AbstractEventLoop,
    callback: "Callable[[Future[None]], None]",
    future: "Future[None]",
) -> None:
    """Come back from the store thread; a loop that has ended looks no more."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(callback, future)
