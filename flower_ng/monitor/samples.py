"""Samples: asks the broker every minute how long the queues are, for charts. On the loop.

The question is asked in the background, never in a request; it takes as long as the broker takes.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from tornado.ioloop import PeriodicCallback

from flower_ng.errors import AnswerError

log = logging.getLogger(__name__)

INTERVAL_S = 60.0

Ask = Callable[[Sequence[str]], Awaitable[Sequence[Mapping[str, Any]]]]
Note = Callable[[str, int | None, float | None], None]


class QueueSamples:
    """Hands what `ask` answers about the named queues to `note`: name, length, age of the oldest.

    Where the broker does not answer, nothing is noted: a length that is unknown is not 0.
    """

    def __init__(
        self,
        names: Callable[[], Sequence[str]],
        ask: Ask,
        note: Note,
        *,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._names = names
        self._ask = ask
        self._note = note
        self._timer = PeriodicCallback(self.sample, interval_s * 1000)

    def start(self) -> None:
        """Begin, with the first question an interval from now."""
        self._timer.start()

    def stop(self) -> None:
        """End."""
        self._timer.stop()

    async def sample(self) -> None:
        """Ask once."""
        try:
            rows = await self._ask(self._names())
        except AnswerError as error:
            log.debug("The queues could not be sampled: %s", error)
            return
        for row in rows:
            messages = row.get("messages")
            self._note(row["name"], messages if isinstance(messages, int) else None, None)
