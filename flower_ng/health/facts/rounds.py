"""AskingRounds asks a few workers at a time, each once a minute at most. On the loop."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Final

log = logging.getLogger(__name__)

#: Workers asked in one round; and how long an answer is good for.
MOST_WORKERS: Final = 5
GOOD_S: Final = 60.0


class AskingRounds:
    """Has `ask` called with workers, in the background and one after the other."""

    def __init__(self, ask: Callable[[str], Awaitable[None]], clock: Callable[[], float]) -> None:
        self._ask, self._clock = ask, clock
        self._asked_at: dict[str, float] = {}
        self._work: asyncio.Task[None] | None = None

    def begin(self, names: Collection[str]) -> None:
        """Ask those of these workers whose turn it is, unless a round is under way."""
        self._asked_at = {name: at for name, at in self._asked_at.items() if name in names}
        if names and (self._work is None or self._work.done()):
            self._work = asyncio.get_running_loop().create_task(self._go(tuple(names)))

    def stop(self) -> None:
        """End what is under way."""
        if self._work is not None:
            self._work.cancel()

    async def _go(self, names: Collection[str]) -> None:
        now = self._clock()
        asked_at = sorted((self._asked_at.get(name, 0.0), name) for name in names)
        due = [name for at, name in asked_at if now - at >= GOOD_S]
        try:
            for name in due[:MOST_WORKERS]:
                self._asked_at[name] = now
                await self._ask(name)
        except Exception:  # the border of this errand
            log.exception("Could not ask what the workers run")
