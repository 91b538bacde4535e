"""Waits for SIGTERM or SIGINT, which end the program in order. Main thread.

Later signals change nothing: what ends in order takes a few seconds, and a second Ctrl-C must not
leave workers or queues behind.
"""

import asyncio
import signal


def _sleep_on() -> None:
    """Wake nobody."""


class Ending:
    """Notes the signals from `listen` on, until the process is gone."""

    def __init__(self) -> None:
        self.is_wanted = False
        self._wake = _sleep_on

    def listen(self) -> None:
        """Take the signals; Python's own ways of ending are off from now on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    async def wait(self) -> None:
        """Wait until one came, on the running loop."""
        came, loop = asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(came.set)

        self._wake = wake
        try:
            if not self.is_wanted:
                await came.wait()
        finally:
            self._wake = _sleep_on

    def begun(self) -> None:
        """Ignore what comes from now on, also while Python itself ends."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)

    def _note(self, *_: object) -> None:
        self.is_wanted = True
        self._wake()
