"""WriteBehind has the store thread write queued items, one batch after the other. On the loop."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from flower_ng.store.tables.dialect import (
    may_pass,
    trace_of,
)

if TYPE_CHECKING:
    from concurrent.futures import Future

log = logging.getLogger(__name__)

#: A reader waits no longer than this for a writer that has fallen behind.
READER_WAITS_S: Final = 5.0

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
    with what comes next; what it would never take goes to `give_up`, for it holds up the rest.
    `failing` says why the newest write failed, None when it did not. `about` names what it is of.
    """

    def __init__(
        self,
        about: str,
        *,
        take: Callable[[], Lot | None],
        write: Callable[[sqlite3.Connection, Lot], None],
        put_back: Callable[[Lot], None],
        give_up: Callable[[Lot], None] = lambda _: None,
    ) -> None:
        self.failing: str | None = None
        self._about = about
        self._take = take
        self._write = write
        self._put_back = put_back
        self._give_up = give_up
        self._thread: StoreThread | None = None
        self._under_way: tuple[Lot, Future[None]] | None = None
        self._readers: list[asyncio.Future[None]] = []

    def open(self, thread: StoreThread) -> None:
        """Write on this thread from now on."""
        self._thread = thread

    @property
    def is_open(self) -> bool:
        """Whether there is a thread to write on."""
        return self._thread is not None

    def start(self) -> None:
        """Hand over what waits, unless a lot is under way."""
        if self._under_way is not None and self._under_way[1].done():
            self._finish()
        if self._under_way is not None or self._thread is None or (lot := self._take()) is None:
            return
        future = self._thread.run(lambda connection: self._write(connection, lot))
        self._under_way = lot, future
        with suppress(RuntimeError):  # no loop is running
            future.add_done_callback(on_loop(lambda: self._written(future)))

    def flush(self) -> None:
        """Write what is under way and what waits, now; blocks. What can't be written stays."""
        self._finish()
        self.start()
        self._finish()

    def stop(self) -> None:
        """Write what is left, and take no more; blocks."""
        self.flush()
        self._thread = None

    async def settled(self) -> None:
        """Return when what waits by now is written, or the writer fails or is late."""
        await self._done()
        self.start()
        await self._done()

    async def _done(self) -> None:
        if self._under_way is not None:
            reader = asyncio.get_running_loop().create_future()
            self._readers.append(reader)
            await asyncio.wait([reader], timeout=READER_WAITS_S)

    def _written(self, future: "Future[None]") -> None:
        if self._under_way is not None and self._under_way[1] is future:
            self._finish()

    def _finish(self) -> None:
        """Wait for the lot under way, and see what became of it."""
        if self._under_way is None:
            return
        lot, future = self._under_way
        error = future.exception()
        self._under_way = None
        if error is not None and may_pass(error):
            self._put_back(lot)
        elif error is not None:
            self._give_up(lot)
        self._note(error)
        for reader in self._readers:
            if not reader.done():
                reader.set_result(None)
        self._readers = []

    def _note(self, error: BaseException | None) -> None:
        """Log the first of several failures."""
        if error is not None and self.failing is None:
            trace = trace_of(error)
            log.error("The %s could not be written: %s", self._about, error, exc_info=trace)
        self.failing = None if error is None else str(error)


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
