"""Held sees for how long the loop is held by what is measured, in time of the processor."""

import asyncio
import time


class Held:
    """Asks for every turn of the loop that it can get, from now until `stop`."""

    def __init__(self) -> None:
        self._most_s = 0.0
        self._work = asyncio.get_running_loop().create_task(self._turn())

    def stop(self) -> float:
        """End; return the longest between two turns, in seconds."""
        self._work.cancel()
        return self._most_s

    async def _turn(self) -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            self._most_s = max(self._most_s, time.thread_time() - before)
