"""Doctor runs an examination on request and keeps the newest report. On the loop.

Judging runs in a thread: it takes half a second for a thousand workers.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from flower_ng.doctor.check import Report
from flower_ng.doctor.judging import checks
from flower_ng.doctor.survey import Survey


class Doctor:
    """Examines one cluster with `survey`. `report` is the newest, None before the first one."""

    def __init__(
        self, survey: Callable[[], Awaitable[Survey]], clock: Callable[[], float] = time.time
    ) -> None:
        self.report: Report | None = None
        self._survey, self._clock = survey, clock
        self._looking: asyncio.Task[Report] | None = None

    @property
    def is_looking(self) -> bool:
        """Whether an examination is running."""
        return self._looking is not None and not self._looking.done()

    def begin(self) -> asyncio.Task[Report]:
        """Start an examination in the background, or return the one that is running."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        return self._looking

    async def look(self) -> Report:
        """Examine the cluster once, and return the report."""
        return await asyncio.shield(self.begin())

    def stop(self) -> None:
        """Cancel a running examination."""
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> Report:
        at, began = self._clock(), time.monotonic()
        found = await asyncio.to_thread(checks, await self._survey())  # of thousands of workers
        self.report = Report(at, time.monotonic() - began, found)
        return self.report
