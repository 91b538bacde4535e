"""Losses: counts of what was lost, by kind, that speak up at most every few seconds.

One thread adds. Others may report and read, but must copy (`dict(losses)`) before they walk them.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable

log = logging.getLogger(__name__)

LOG_INTERVAL_S = 5.0
KINDS_MAX = 100  # senders choose the types of events; past it they count as OTHER
OTHER = "other"
SHOWN = 80  # characters of a kind in the log


class Losses(Counter[str]):
    """Counts by kind; `sentence` takes how many were lost since the last line, and the newest kind.

    `clock` gives seconds and need not be the time of day.
    """

    def __init__(self, sentence: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._sentence = sentence
        self._clock = clock
        self._newest = ""
        self._unlogged = 0
        self._quiet_until = 0.0

    def add(self, kinds: Iterable[str]) -> None:
        """Count one loss for each kind; log it now, or with the next ones."""
        for kind in kinds:
            self[kind if kind in self or len(self) < KINDS_MAX else OTHER] += 1
            self._newest = kind
            self._unlogged += 1
        self.report()

    def report(self) -> None:
        """Log what is not logged yet, unless the last line is younger than 5 s."""
        now = self._clock()
        if self._unlogged and now >= self._quiet_until:
            log.warning(self._sentence, self._unlogged, ascii(self._newest[:SHOWN]))
            self._unlogged, self._quiet_until = 0, now + LOG_INTERVAL_S
