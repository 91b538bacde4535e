"""The reading threads; a query has a time limit and is cancelled when its caller leaves.

Whose question is read next is decided on the loop: no peer keeps others from reading.
"""

import asyncio
import queue
import sqlite3
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from flower_ng.errors import Unavailable
from flower_ng.store.sql.engine import QUERY_LIMIT_S, ReadConnection
from flower_ng.store.tables.dialect import DATABASE_ERRORS, was_ended
from flower_ng.store.writing.write_behind import on_loop

#: Threads for pages, those of them that one peer may have, and those for whole lists: a page never
#: waits for an export.
FOR_PAGES: Final = 3
FOR_PEER: Final = 2
FOR_LISTS: Final = 1
THREADS: Final = FOR_PAGES + FOR_LISTS
#: The longest that a part of a list waits for others: nobody looks at it, and a file that has begun
#: is not to be cut off.
LISTS_WAIT_S: Final = 60.0
#: SQLite's codes for a file that cannot be read, or is damaged.
DAMAGE: Final = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
#: Steps of SQLite between two looks at the limit: some 10 ms.
STEPS: Final = 500_000


Result = TypeVar("Result")


@dataclass(slots=True)
class _Reading:
    """One question under way; `is_wanted` is cleared on the loop and read by the thread."""

    ends_at: float
    is_wanted: bool = True

    def is_over(self) -> bool:
        return not self.is_wanted or time.monotonic() > self.ends_at


class Reader:
    """Has questions answered by threads of its own, each with a connection.

    `met` is told of what the database fails with. `failing` says what damage of a file the newest
    question met, None when it met none.

    sqlite3 lets go of the interpreter at every row and may wait 5 ms to get it back beside a busy
    loop: pages are read as one row of JSON, and in few statements.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        *,
        limit_s: float = QUERY_LIMIT_S,
        met: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self.failing: str | None = None
        self._limit_s = limit_s
        self._met = met
        self._pages, self._lists = (
            ReadingTurns(FOR_PAGES, FOR_PEER),
            ReadingTurns(FOR_LISTS, FOR_LISTS),
        )
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="flower_ng-read")
        for _ in range(THREADS):
            connection = connect()
            connection.execute("SELECT count(*) FROM meta").fetchone()  # opens all its files
            self._idle.put(connection)

    async def row(
        self, statement: str, parameters: Sequence[Any] = (), *, is_list: bool = False
    ) -> tuple[Any, ...]:
        """Return the one row of a statement; else as `ask`."""

        def read(connection: ReadConnection) -> tuple[Any, ...]:
            row: tuple[Any, ...] = connection.execute(statement, parameters).fetchone()
            return row

        return await self.ask(read, is_list=is_list)

    async def ask(
        self, question: Callable[[ReadConnection], Result], *, is_list: bool = False
    ) -> Result:
        """Return a question's answer, which a thread gets from its connection.

        Raises Unavailable when it takes too long, the wait for a thread included, or the file
        cannot be read. What is part of a whole list waits for other lists, and for longer.
        """
        turns, peer = self._lists if is_list else self._pages, PEER.get()
        came_at = time.monotonic()
        await self._turn(turns, peer, LISTS_WAIT_S if is_list else self._limit_s)
        reading = _Reading((time.monotonic() if is_list else came_at) + self._limit_s)
        answer = self._threads.submit(self._read, question, reading)
        answer.add_done_callback(on_loop(lambda: turns.leave(peer)))
        try:
            return await asyncio.wrap_future(answer)
        finally:
            reading.is_wanted = False

    def close(self) -> None:
        """End the threads and close the connections; blocks for what is being read."""
        self._threads.shutdown(cancel_futures=True)
        for _ in range(THREADS):
            self._idle.get().close()

    async def _turn(self, turns: "ReadingTurns", peer: str, limit_s: float) -> None:
        try:
            async with asyncio.timeout(limit_s):
                await turns.take(peer)
        except TimeoutError:
            raise Unavailable(
                f"The store was busy with other questions for {limit_s:g} s: try again later"
            ) from None

    def _read(self, question: Callable[[ReadConnection], Result], reading: _Reading) -> Result:
        connection = self._idle.get()
        connection.set_progress_handler(reading.is_over, STEPS)
        try:
            answer = question(connection)
        except DATABASE_ERRORS as error:
            self._met(error)
            raise Unavailable(self._why(error)) from error
        else:
            self.failing = None
            return answer
        finally:
            self._idle.put(connection)

    def _why(self, error: Exception) -> str:
        if was_ended(error):
            limit = f"took longer than {self._limit_s:g} s and was stopped"
            return f"The query {limit}: narrow it with more words or filters"
        why = f"The store cannot be read: {error}"
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGE:  # a server's absence passes
            self.failing = why
        return why


#: Who asks, for example the address of a browser; empty for the dashboard itself.
PEER: ContextVar[str] = ContextVar("peer", default="")


class ReadingTurns:
    """At most `most` have their turn at once, and `most_of_peer` of one peer.

    While more want one, the peers take turns, whatever the number of questions that each has.
    """

    def __init__(self, most: int, most_of_peer: int) -> None:
        self._most, self._most_of_peer = most, most_of_peer
        self._running: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def take(self, peer: str) -> None:
        """Return when it is a peer's turn, which lasts until `leave`."""
        if self._may(peer):
            self._running[peer] += 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(peer, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            self._withdraw(peer, mine)
            raise

    def leave(self, peer: str) -> None:
        """End a turn, and give it to the next."""
        self._running[peer] -= 1
        self._running += Counter()  # without those that have none
        for following in [peer for peer in self._waiting if self._may(peer)]:
            if self._may(following):
                self._give(following)

    def _may(self, peer: str) -> bool:
        has_room = self._running.total() < self._most
        return has_room and self._running[peer] < self._most_of_peer

    def _give(self, peer: str) -> None:
        """Let the first of a peer have its turn; the others of it come after the other peers."""
        line = self._waiting.pop(peer)
        wanted = deque(mine for mine in line if not mine.cancelled())
        if not wanted:
            return
        mine = wanted.popleft()
        if wanted:
            self._waiting[peer] = wanted
        self._running[peer] += 1
        mine.set_result(None)

    def _withdraw(self, peer: str, mine: "asyncio.Future[None]") -> None:
        if not mine.cancelled():  # the turn came as its asker left
            self.leave(peer)
            return
        line = self._waiting.get(peer, deque())
        with suppress(ValueError):  # whose turn it was has seen that it had left
            line.remove(mine)
        if not line:
            self._waiting.pop(peer, None)
