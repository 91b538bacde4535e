"""Poll checks the broker regularly, so that no request and no scrape waits for it. On the loop.

One look at a time, each bounded by the adapter; a broker that takes long is asked less often.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Final

from flower_ng.brokers.base import BrokerAdapter, Look, QueueNumbers
from flower_ng.brokers.condition import BrokerFacts, RabbitFacts, RedisFacts
from flower_ng.brokers.recent import RecentLengths, RecentTotals
from flower_ng.errors import AnswerError

log = logging.getLogger(__name__)

INTERVAL_S: Final = 10.0
#: Looking takes at most one part in so many of the time.
SHARE: Final = 20
#: Numbers that are older say nothing about now.
GOOD_S: Final = 60.0
#: What is as new as that is news.
FRESH_S: Final = 1.0
#: A request may wait so long for a look that it asked for.
PATIENCE_S: Final = 0.3


class Poll:
    """The newest that `broker` told of the queues that `names` gives, and of itself.

    `note` is called with the numbers after each look that was answered; `recent` remembers lengths,
    `totals` what was published and acknowledged.
    """

    def __init__(
        self,
        broker: BrokerAdapter,
        transport: str,
        names: Callable[[], Collection[str]],
        note: Callable[[Mapping[str, QueueNumbers]], None],
        *,
        interval_s: float = INTERVAL_S,
        fresh_s: float = FRESH_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._broker, self._transport = broker, transport
        self._names, self._note = names, note
        self._interval_s, self._fresh_s, self._clock = interval_s, fresh_s, clock
        self.recent = RecentLengths()
        self.totals = RecentTotals()
        self._told_at: float | None = None
        self._told: Mapping[str, QueueNumbers] = {}
        self._facts: BrokerFacts | None = None
        self._looking: asyncio.Task[None] | None = None
        self._looping: asyncio.Task[None] | None = None

    @property
    def facts(self) -> BrokerFacts | None:
        """How the broker is; None before the first look."""
        return self._facts

    @property
    def alarms(self) -> tuple[float, str] | None:
        """When RabbitMQ told of its alarms, and why it blocks publishers, empty where it does not.

        None for other brokers, and where it does not tell now.
        """
        facts = self._facts
        if facts is None or facts.rabbit is None or self._clock() - facts.at > GOOD_S:
            return None
        why = facts.blocks_publishers
        return (facts.at, why) if why or facts.tells_alarms else None

    @property
    def told_at(self) -> float | None:
        """When the numbers were told, in UTC seconds; None before the first answer."""
        return self._told_at

    @property
    def numbers(self) -> Mapping[str, QueueNumbers]:
        """The queues by name; none where the newest answer is too old to tell of now."""
        is_good = self._told_at is not None and self._clock() - self._told_at < GOOD_S
        return self._told if is_good else {}

    @property
    def last(self) -> Mapping[str, QueueNumbers]:
        """The queues by name as they were at `told_at`, however long ago that was."""
        return self._told

    def start(self) -> None:
        """Begin, with a look at once."""
        self._looping = asyncio.get_running_loop().create_task(self._go_on())

    def stop(self) -> None:
        """End."""
        for task in (self._looping, self._looking):
            if task is not None:
                task.cancel()

    def forget(self) -> None:
        """Drop what was told, which is of another server than the one that is asked from now on."""
        self._told_at, self._told, self._facts = None, {}, None

    def follow_clock(self, step_s: float) -> None:
        """Keep the age of what was told, where the system's clock was moved."""
        if self._told_at is not None:
            self._told_at += step_s
        if self._facts is not None:
            since = self._facts.away_since
            self._facts = replace(
                self._facts,
                at=self._facts.at + step_s,
                away_since=None if since is None else since + step_s,
            )

    async def news(self, patience_s: float = PATIENCE_S) -> None:
        """Have the broker looked at unless it just was; wait for that a moment, and no longer."""
        if self._facts is None or self._clock() - self._facts.at >= self._fresh_s:
            await asyncio.wait([self._begin()], timeout=patience_s)

    async def look(self) -> None:
        """Look once; one that is under way is joined."""
        await asyncio.shield(self._begin())

    def _begin(self) -> asyncio.Task[None]:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        return self._looking

    async def _go_on(self) -> None:
        while True:
            began = time.monotonic()
            await self.look()
            await asyncio.sleep(max(self._interval_s, SHARE * (time.monotonic() - began)))

    async def _look(self) -> None:
        try:
            look = await self._broker.look(sorted(self._names()))
        except AnswerError as error:
            log.debug("The broker could not be polled: %s", error)
            self._facts = self._judge(None, error.message)
        except Exception as error:
            log.exception("The broker's response could not be read")
            self._facts = self._judge(None, f"Its response could not be read: {error!r}")
        else:
            self._take(look)

    def _take(self, look: Look) -> None:
        self._told = {queue.name: queue for queue in look.queues}
        self._told_at = now = self._clock()
        self.recent.note({name: queue.length for name, queue in self._told.items()}, now)
        told = self._told.items()
        self.totals.note({name: (one.published, one.acknowledged) for name, one in told}, now)
        self._facts = self._judge(look, self._broker.trouble or "")
        self._note(self._told)

    def _judge(self, look: Look | None, trouble: str) -> BrokerFacts:
        now, before = self._clock(), self._facts
        facts = None if look is None else look.facts
        away_since = None
        if look is None:
            away_since = now if before is None or before.away_since is None else before.away_since
        return BrokerFacts(
            at=now,
            transport=self._transport,
            trouble=trouble,
            away_since=away_since,
            rabbit=facts if isinstance(facts, RabbitFacts) else None,
            redis=facts if isinstance(facts, RedisFacts) else None,
        )
