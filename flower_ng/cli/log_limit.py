"""LogLimit keeps a fault that goes on from filling the log. On any thread."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

#: Warnings and errors of one place in the code that are logged in each span of time.
MOST: Final = 20
SPAN_S: Final = 60.0


@dataclass(slots=True)
class _Span:
    """How many records there were since it began."""

    began: float
    logged: int = 1
    left_out: int = 0


class LogLimit(logging.Filter):
    """Leaves out what one place logs too often; its next record says how many there were.

    What is less than a warning passes: it says who did what.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._spans: dict[tuple[str, int], _Span] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log a record."""
        if record.levelno < logging.WARNING:
            return True
        decided: bool | None = vars(record).get("is_logged")
        if decided is None:  # of several handlers the first decides for all
            decided = vars(record)["is_logged"] = self._is_logged(record)
        return decided

    def _is_logged(self, record: logging.LogRecord) -> bool:
        place, now = (record.pathname, record.lineno), self._clock()
        span = self._spans.get(place)
        if span is None or now - span.began >= SPAN_S:
            self._spans[place] = _Span(now)
            if span is not None and span.left_out:
                record.msg = f"{record.getMessage()} ({span.left_out:,} like it were left out)"
                record.args = ()
            return True
        if span.logged < MOST:
            span.logged += 1
            return True
        span.left_out += 1
        return False
