"""WriteBehind has the store thread write queued items, one batch after the other. On the loop."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from flower_ng.store.tables.dialect import may_pass, trace_of

if TYPE_CHECKING:
    from concurrent.futures import Future

log = logging.getLogger(__name__)

#: A reader waits no longer than this for a writer that has fallen behind.
READER_WAITS_S: Final = 5.0
#: Failures are logged no more often than this.
LOG_EVERY_S: Final = 60.0

Lot = TypeVar("Lot")
Key = TypeVar("Key")
Value = TypeVar("Value")


def on_loop(callback: Callable[[], None]) -> "Callable[[Future[Any]], None]":
    """Return what has the running loop call back, from whatever thread, unless it has ended."""
    loop = asyncio.get_running_loop()

    def call(_: "Future[Any]") -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(callback)

    return call


class StoreThread(Protocol):
    """The thread that alone writes."""

    def run(self, job: Callable[[sqlite3.Connection], None], /) -> "Future[None]":
        """Run a job on its connection, after what was handed in before."""


class WriteBehind(Generic[Lot]):
    """Takes what waits as one lot, and has it written while the next gathers.

    `take` returns all that waits, None where nothing does. `write` writes all of a lot or none, on
    the store thread. One that the database failed to take now goes to `put_back`, to be written
    with what comes next; what it would never take goes to `give_up` with its error, for it holds up
    the rest. `about` names what it is of.

    `under_way` is the lot that is being written, None where none is. `failing` says why the newest
    write failed and is to be tried again, None when it is not; `failures` counts, and `met` is told
    of each. `ended` is called when a lot has ended for which nobody blocked.
    """

    def __init__(
        self,
        about: str,
        *,
        take: Callable[[], Lot | None],
        write: Callable[[sqlite3.Connection, Lot], None],
        put_back: Callable[[Lot], None],
        give_up: Callable[[Lot, BaseException], None] = lambda *_: None,
        met: Callable[[BaseException], None] = lambda _: None,
        ended: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.under_way: Lot | None = None
        self.failing: str | None = None
        self.failures = 0
        self._about = about
        self._take = take
        self._write = write
        self._put_back = put_back
        self._give_up = give_up
        self._met = met
        self._ended = ended
        self._clock = clock
        self._thread: StoreThread | None = None
        self._future: Future[None] | None = None  # of what is under way
        self._readers: list[asyncio.Future[None]] = []
        self._logged_at = -LOG_EVERY_S

    def open(self, thread: StoreThread) -> None:
        """Write on this thread from now on."""
        self._thread = thread

    @property
    def is_open(self) -> bool:
        """Whether there is a thread to write on."""
        return self._thread is not None

    def start(self) -> None:
        """Hand over what waits, unless a lot is under way."""
        if self._future is not None and self._future.done():
            self.finish()
        if self._future is not None or self._thread is None or (lot := self._take()) is None:
            return
        self.under_way = lot
        self._future = future = self._thread.run(lambda connection: self._write(connection, lot))
        with suppress(RuntimeError):  # no loop is running
            future.add_done_callback(on_loop(lambda: self._written(future)))

    def finish(self) -> None:
        """Wait for the lot under way, and see what became of it; blocks."""
        if self._future is None or self.under_way is None:
            return
        lot, error = self.under_way, self._future.exception()
        self.under_way = self._future = None
        if error is None:
            self._succeeded()
        else:
            self._failed(lot, error)
        for reader in self._readers:
            if not reader.done():
                reader.set_result(None)
        self._readers = []

    def flush(self) -> None:
        """Write what is under way and what waits, now; blocks. What can't be written stays."""
        self.finish()
        self.start()
        self.finish()

    def stop(self) -> None:
        """Write what is left, and take no more; blocks."""
        self.flush()
        self._thread = None

    async def settled(self) -> None:
        """Return when what waits by now is written, or the writer fails or is late."""
        if self.under_way is not None:
            await self.next_end()
        self.start()
        if self.under_way is not None:
            await self.next_end()

    async def next_end(self, limit_s: float = READER_WAITS_S) -> None:
        """Return when a lot has ended, whatever became of it, or after so many seconds."""
        reader = asyncio.get_running_loop().create_future()
        self._readers.append(reader)
        await asyncio.wait([reader], timeout=limit_s)

    def _written(self, future: "Future[None]") -> None:
        if self._future is future:  # or who blocked was first
            self.finish()
            self._ended()

    def _succeeded(self) -> None:
        if self.failing is not None:
            log.info("The %s can be written again, after %d failures", self._about, self.failures)
        self.failing = None

    def _failed(self, lot: Lot, error: BaseException) -> None:
        self.failures += 1
        self._met(error)
        if may_pass(error):
            self.failing = str(error)
            self._put_back(lot)
        else:  # it would fail again and hold up all that follows
            self._give_up(lot, error)
        if self._clock() - self._logged_at >= LOG_EVERY_S:
            self._logged_at = self._clock()
            trace = trace_of(error)
            log.error("The %s could not be written: %s", self._about, error, exc_info=trace)


class Records(Generic[Key, Value]):
    """Records by key that wait to be written; the newest of a key counts."""

    def __init__(self) -> None:
        self._waiting: dict[Key, Value] = {}

    def put(self, key: Key, value: Value) -> None:
        """Have a record wait."""
        self._waiting[key] = value

    def take(self) -> dict[Key, Value] | None:
        """Return all that wait, which then no longer do."""
        taken, self._waiting = self._waiting, {}
        return taken or None

    def put_back(self, taken: dict[Key, Value]) -> None:
        """Have these wait again, unless there is newer of the same key."""
        self._waiting = taken | self._waiting
