"""Two threads that read, each query bounded in time and ended when its asker leaves."""

import asyncio
import queue
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from flower_ng.errors import Unavailable
from flower_ng.store.view import Sight, View

THREADS = 2
QUERY_LIMIT_S = 5.0
#: Steps of SQLite between two looks at the limit: some 10 ms.
STEPS = 500_000


Result = TypeVar("Result")


@dataclass(slots=True)
class _Reading:
    """One question under way; `is_wanted` is cleared on the loop and read by the thread."""

    is_wanted: bool = True


class Reader:
    """Has questions answered by threads of its own, each with a connection.

    `met` is told of what SQLite fails with; `held` tells how many tasks there are, if it can.

    sqlite3 lets go of the interpreter at every row and may wait 5 ms to get it back beside a busy
    loop: pages are read as one row of JSON, and in few statements.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        *,
        has_index: bool = False,
        held: Callable[[], int | None] = lambda: None,
        limit_s: float = QUERY_LIMIT_S,
        clock: Callable[[], float] = time.monotonic,
        met: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._met = met
        self._idle: queue.SimpleQueue[Sight] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="flower_ng-read")
        for _ in range(THREADS):
            connection = connect()
            connection.execute("SELECT count(*) FROM meta").fetchone()  # opens all its files
            self._idle.put(Sight(connection, has_index=has_index, held=held))

    async def row(
        self, statement: str, parameters: Sequence[Any] | dict[str, Any] = ()
    ) -> tuple[Any, ...]:
        """Return the one row of a statement, which does without the index; else as `ask`."""

        def read(sight: Sight) -> tuple[Any, ...]:
            row: tuple[Any, ...] = sight.connection.execute(statement, parameters).fetchone()
            return row

        return await self._run(read)

    async def ask(self, question: Callable[[View], Result], *, with_index: bool = True) -> Result:
        """Return a question's answer from what is there at one moment.

        Raises Unavailable when it takes too long or the file cannot be read.
        """

        def read(sight: Sight) -> Result:
            with sight.view(with_index=with_index) as view:
                return question(view)

        return await self._run(read)

    def close(self) -> None:
        """End the threads and close the connections; blocks for what is being read."""
        self._threads.shutdown(cancel_futures=True)
        for _ in range(THREADS):
            self._idle.get().connection.close()

    async def _run(self, read: Callable[[Sight], Result]) -> Result:
        reading = _Reading()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._read, read, reading)
        finally:
            reading.is_wanted = False

    def _read(self, read: Callable[[Sight], Result], reading: _Reading) -> Result:
        sight = self._idle.get()
        end = self._clock() + self._limit_s
        over = lambda: not reading.is_wanted or self._clock() > end  # noqa: E731 - shown to SQLite
        sight.connection.set_progress_handler(over, STEPS)
        try:
            return read(sight)
        except sqlite3.Error as error:
            self._met(error)
            raise Unavailable(self._why(error)) from error
        finally:
            self._idle.put(sight)

    def _why(self, error: sqlite3.Error) -> str:
        if str(error) == "interrupted":
            limit = f"took longer than {self._limit_s:g} s and was stopped"
            return f"The query {limit}: narrow it with more words or filters"
        return f"The store cannot be read: {error}"
