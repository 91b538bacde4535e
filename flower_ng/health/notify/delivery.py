"""NoticeDelivery sends notices to one receiver, with retries. On the loop."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from flower_ng.errors import Unavailable
from flower_ng.health.notify.digest import Notice, NoticeDigest
from flower_ng.health.notify.webhook import NoticeRefused
from flower_ng.health.watch import ProblemWatch

log = logging.getLogger(__name__)

#: Pauses between attempts; after the last one a notice is discarded.
RETRIES_S: Final = (2.0, 10.0, 60.0, 300.0, 900.0)
#: Notices waiting for an unreachable receiver; beyond it the oldest is discarded.
MOST_WAITING: Final = 100


class Sender(Protocol):
    """Where notices go. `name` is what people call it; what `body` returns is its own."""

    name: str

    def body(self, notice: Notice, /) -> Any:
        """Return a notice as it is sent."""

    async def post(self, body: Any, /) -> None:
        """Send it once; Unavailable where that fails, NoticeRefused where a retry is useless."""


class NoticeDelivery:
    """Sends the problems of a watch to one receiver, with a short delay to combine several.

    `trouble` is why the latest attempt failed, None if it succeeded; `sent` counts notices.
    """

    def __init__(
        self,
        watch: ProblemWatch,
        sender: Sender,
        notices: NoticeDigest,
        *,
        wait_s: float,
        clock: Callable[[], float],
        retries_s: Sequence[float] = RETRIES_S,
    ) -> None:
        self.trouble: str | None = None
        self.sent = 0
        self.given_up = 0
        self._watch, self._sender, self._notices = watch, sender, notices
        self._wait_s, self._clock, self._retries_s = wait_s, clock, tuple(retries_s)
        self._waiting: deque[Notice] = deque(maxlen=MOST_WAITING)
        self._work: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start; problems that are already open count as sent."""
        self._notices.adopt(self._watch.now, self._watch.past)
        self._watch.add_listener(self._notices.take)
        self._work = asyncio.get_running_loop().create_task(self._keep_telling())

    def stop(self) -> None:
        """Stop; notices that were not sent yet are discarded."""
        if self._work is not None:
            self._work.cancel()

    @property
    def name(self) -> str:
        """The name of the receiver, for people."""
        return self._sender.name

    async def test(self) -> None:
        """Send a test now; Unavailable says why it could not be sent."""
        await self._sender.post(self._sender.body(Notice(test=True)))

    async def _keep_telling(self) -> None:
        while True:
            await asyncio.sleep(self._wait_s)
            notice = self._notices.due(self._clock(), self._watch.mutes.keys())
            if notice is not None:
                self._waiting.append(notice)
            while self._waiting:
                await self._send(self._waiting.popleft())

    async def _send(self, notice: Notice) -> None:
        body = self._sender.body(notice)
        for pause_s in (*self._retries_s, None):
            try:
                await self._sender.post(body)
            except Unavailable as error:
                self.trouble = error.message
                if pause_s is None or isinstance(error, NoticeRefused):
                    break
                log.info("A notification is sent again in %g s: %s", pause_s, error.message)
                await asyncio.sleep(pause_s)
            else:
                self.trouble = None
                self.sent += 1
                return
        self.given_up += 1
        log.error("A notification could not be sent: %s", self.trouble)


async def send_test(tellings: Sequence[NoticeDelivery]) -> str:
    """Send a test to all; return who received it. Unavailable says which ones failed and why."""
    ends = await asyncio.gather(*(one.test() for one in tellings), return_exceptions=True)
    failed = [end for end in ends if isinstance(end, BaseException)]
    if unexpected := [end for end in failed if not isinstance(end, Unavailable)]:
        raise unexpected[0]
    told = [one.name for one, end in zip(tellings, ends, strict=True) if end is None]
    if failed:
        good = [f"received by {', '.join(told)}"] if told else []
        raise Unavailable("; ".join([*map(str, failed), *good]))
    return ", ".join(told)
