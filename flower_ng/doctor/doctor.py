"""The doctor looks when asked, once at a time, and keeps what it found. On the loop.

Judging runs in a thread: it takes half a second for a thousand workers.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from flower_ng.doctor.check import Report
from flower_ng.doctor.judging import checks
from flower_ng.doctor.told import Told


class Doctor:
    """Looks at one cluster through `told`. `report` is the newest, None before the first look."""

    def __init__(
        self, told: Callable[[], Awaitable[Told]], clock: Callable[[], float] = time.time
    ) -> None:
        self.report: Report | None = None
        self._told, self._clock = told, clock
        self._looking: asyncio.Task[Report] | None = None

    @property
    def is_looking(self) -> bool:
        """Whether a look is under way."""
        return self._looking is not None and not self._looking.done()

    def begin(self) -> asyncio.Task[Report]:
        """Look, in the background; a look that is under way is joined."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        return self._looking

    async def look(self) -> Report:
        """Look once, and return what was found."""
        return await asyncio.shield(self.begin())

    def stop(self) -> None:
        """End a look that is under way."""
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> Report:
        at, began = self._clock(), time.monotonic()
        found = await asyncio.to_thread(checks, await self._told())  # of thousands of workers
        self.report = Report(at, time.monotonic() - began, found)
        return self.report
