"""SharedRounds: callers with the same question share one request. On the loop."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Q = TypeVar("Q", bound=Hashable)
A = TypeVar("A")

#: The next round waits for the running one to end, but no longer than this: its callers also have
#: their own round before them.
GAP_S = 0.4


class SharedRounds(Generic[Q, A]):
    """Asks `ask(question)` once for all who wanted the answer before the asking began.

    No answer is from a round that began before it was wanted: who comes while one is running
    shares the next. A caller who leaves does not end a round.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ask: Callable[[Q], Coroutine[Any, Any, A]],
        gap_s: float = GAP_S,
    ) -> None:
        self._loop, self._ask, self._gap_s = loop, ask, gap_s
        self._next: dict[Q, asyncio.Task[A]] = {}
        self._running: dict[Q, asyncio.Task[A]] = {}

    def join(self, question: Q) -> asyncio.Future[A]:
        """Return the answer of a round that is yet to begin."""
        if question not in self._next:
            self._next[question] = self._loop.create_task(self._round(question))
        return asyncio.shield(self._next[question])

    def stop(self) -> None:
        """End all rounds; those who wait for one are cancelled too."""
        for task in (*self._next.values(), *self._running.values()):
            task.cancel()
        self._next.clear()
        self._running.clear()

    async def _round(self, question: Q) -> A:
        running = self._running.get(question)
        if running is not None:
            await asyncio.wait({running}, timeout=self._gap_s)
        this = self._running[question] = self._next.pop(question)
        try:
            return await self._ask(question)
        finally:
            if self._running.get(question) is this:
                del self._running[question]
