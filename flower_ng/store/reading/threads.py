"""Two reading threads; a query has a time limit and is cancelled when its caller leaves."""

import asyncio
import queue
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from flower_ng.errors import Unavailable
from flower_ng.store.sql.engine import QUERY_LIMIT_S, ReadConnection
from flower_ng.store.tables.dialect import DATABASE_ERRORS, was_ended

THREADS = 2
#: Steps of SQLite between two looks at the limit: some 10 ms.
STEPS = 500_000


Result = TypeVar("Result")


@dataclass(slots=True)
class _Reading:
    """One question under way; `is_wanted` is cleared on the loop and read by the thread."""

    is_wanted: bool = True


class Reader:
    """Has questions answered by threads of its own, each with a connection.

    `met` is told of what SQLite fails with.

    sqlite3 lets go of the interpreter at every row and may wait 5 ms to get it back beside a busy
    loop: pages are read as one row of JSON, and in few statements.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        *,
        limit_s: float = QUERY_LIMIT_S,
        clock: Callable[[], float] = time.monotonic,
        met: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._met = met
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="flower_ng-read")
        for _ in range(THREADS):
            connection = connect()
            connection.execute("SELECT count(*) FROM meta").fetchone()  # opens all its files
            self._idle.put(connection)

    async def row(self, statement: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
        """Return the one row of a statement; else as `ask`."""

        def read(connection: ReadConnection) -> tuple[Any, ...]:
            row: tuple[Any, ...] = connection.execute(statement, parameters).fetchone()
            return row

        return await self.ask(read)

    async def ask(self, question: Callable[[ReadConnection], Result]) -> Result:
        """Return a question's answer, which a thread gets from its connection.

        Raises Unavailable when it takes too long or the file cannot be read.
        """
        reading = _Reading()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._read, question, reading)
        finally:
            reading.is_wanted = False

    def close(self) -> None:
        """End the threads and close the connections; blocks for what is being read."""
        self._threads.shutdown(cancel_futures=True)
        for _ in range(THREADS):
            self._idle.get().close()

    def _read(self, question: Callable[[ReadConnection], Result], reading: _Reading) -> Result:
        connection = self._idle.get()
        end = self._clock() + self._limit_s
        over = lambda: not reading.is_wanted or self._clock() > end  # noqa: E731 - shown to SQLite
        connection.set_progress_handler(over, STEPS)
        try:
            return question(connection)
        except DATABASE_ERRORS as error:
            self._met(error)
            raise Unavailable(self._why(error)) from error
        finally:
            self._idle.put(connection)

    def _why(self, error: Exception) -> str:
        if was_ended(error):
            limit = f"took longer than {self._limit_s:g} s and was stopped"
            return f"The query {limit}: narrow it with more words or filters"
        return f"The store cannot be read: {error}"
