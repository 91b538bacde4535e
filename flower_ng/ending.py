"""Waits for SIGTERM or SIGINT, which end the program in order. Main thread, and one that watches.

Later signals change nothing: what ends in order takes a few seconds, and a second Ctrl-C must not
leave workers or queues behind.
"""

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

#: The longest that the program waits for servers once it is to end: less than 5 s in all.
LIMIT_S: Final = 4.0
#: The longest that it goes on while it still works, for example writes tasks to the history.
WORKING_LIMIT_S: Final = 25.0
#: Between two looks; and the share of a processor that is more than waiting takes.
LOOK_S: Final = 0.5
WORKING_SHARE: Final = 0.05


def _sleep_on() -> None:
    """Wake nobody."""


class Ending:
    """Notes the signals from `listen` on, until the process is gone.

    After `limit` the process ends at the latest LIMIT_S seconds after the first signal, unless it
    still works: `leave` is called with the exit code, 1 if not all has ended in order.
    """

    def __init__(self, leave: Callable[[int], object] = os._exit) -> None:
        self.is_wanted = False
        self._wake = _sleep_on
        self._leave = leave
        self._asked = threading.Event()
        self._is_in_order = False

    def listen(self) -> None:
        """Take the signals; Python's own ways of ending are off from now on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def limit(self) -> None:
        """Have the process end in time, whatever its threads wait for."""
        threading.Thread(target=self._watch, name="flower-ending", daemon=True).start()

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
        """Ignore what comes from now on, also while Python itself ends: all has ended in order."""
        self._is_in_order = True
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)

    def _note(self, *_: object) -> None:
        if not self.is_wanted:
            self.is_wanted = True
            self._asked.set()
        self._wake()

    def _watch(self) -> None:
        self._asked.wait()
        asked_at = time.monotonic()
        while not _is_late(asked_at, _share_of_processor()):
            pass
        if self._is_in_order:  # only threads are left, which a server holds
            self._leave(0)
        waiting = ", ".join(sorted(thread.name for thread in threading.enumerate()))
        log.error(
            "Ended after %.1f s although not all had stopped, because a server does not answer."
            " Changes that were not written are lost. Threads: %s",
            time.monotonic() - asked_at,
            waiting,
        )
        logging.shutdown()
        self._leave(1)


def _is_late(asked_at: float, share: float) -> bool:
    lasts_s = time.monotonic() - asked_at
    return lasts_s >= (LIMIT_S if share < WORKING_SHARE else WORKING_LIMIT_S)


def _share_of_processor() -> float:
    """Return how much of a processor this process has used during LOOK_S."""
    began, used = time.monotonic(), time.process_time()
    time.sleep(LOOK_S)
    return (time.process_time() - used) / (time.monotonic() - began)
