"""Caches the counts beside a list of tasks, kept for all who look at it; on the loop.

They may cost much more than the list: they are counted behind it, one search after the other, and
the more time a search took, the longer its counts are kept. So they never take more than a share
of one of the threads that read.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Summary = TypeVar("Summary")

#: Counts are kept for at least so long, and for so many times as long as they took.
FRESH_S: Final = 2.0
REST: Final = 15
#: Counts that nobody asked for in this time are no longer shown, however fresh ones come.
STALE_S: Final = 60.0


@dataclass(slots=True)
class _Kept(Generic[Summary]):
    summary: Summary | None = None
    at: float = 0.0
    took_s: float = 0.0
    is_missed: bool = False
    work: "asyncio.Task[None] | None" = None


@dataclass(frozen=True, slots=True)
class CachedSummary(Generic[Summary]):
    """A summary, and how long ago it was counted."""

    summary: Summary
    age_s: float


class Summaries(Generic[Summary]):
    """The newest summary of each search; `is_ready` is told of one that somebody waits for.

    `most` bounds them. Those that share a `turn` count one after the other.
    """

    def __init__(
        self,
        is_ready: Callable[[], None],
        *,
        turn: asyncio.Lock | None = None,
        most: int = 64,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_ready = is_ready
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[str, _Kept[Summary]] = OrderedDict()
        self._turn = turn or asyncio.Lock()
        self._took_s = 0.0

    async def of(
        self, key: str, count: Callable[[], Awaitable[Summary]], wait_s: float
    ) -> CachedSummary[Summary] | None:
        """Return the newest known counts; None where there are none after `wait_s`.

        Where the last ones took longer than that, these would too, and are not waited for.
        `count` is called where they are old; an AnswerError of it is its own summary to make.
        """
        kept = self._kept.setdefault(key, _Kept())
        self._kept.move_to_end(key)
        self._bound()
        if kept.work is None and not self._is_fresh(kept):
            kept.work = asyncio.create_task(self._count(kept, count))
        if kept.work is not None and not self._is_known(kept):
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(kept.work), self._patience_s(wait_s))
        if kept.summary is None or not self._is_known(kept):
            kept.is_missed = True
            return None
        return CachedSummary(kept.summary, self._clock() - kept.at)

    def close(self) -> None:
        """Count no further."""
        for kept in self._kept.values():
            if kept.work is not None:
                kept.work.cancel()

    def _patience_s(self, wait_s: float) -> float:
        return wait_s if self._took_s <= wait_s else 0.0

    def _is_fresh(self, kept: _Kept[Summary]) -> bool:
        rest_s = max(FRESH_S, REST * kept.took_s)
        return kept.summary is not None and self._clock() < kept.at + rest_s

    def _is_known(self, kept: _Kept[Summary]) -> bool:
        age_s = self._clock() - kept.at
        return kept.summary is not None and age_s < max(STALE_S, 2 * REST * kept.took_s)

    async def _count(self, kept: _Kept[Summary], count: Callable[[], Awaitable[Summary]]) -> None:
        try:
            async with self._turn:
                began = self._clock()
                kept.summary = await count()
                kept.at = self._clock()
                kept.took_s = self._took_s = kept.at - began
        finally:
            kept.work = None
        if kept.is_missed:
            kept.is_missed = False
            self._is_ready()

    def _bound(self) -> None:
        while len(self._kept) > self._most:
            _, oldest = self._kept.popitem(last=False)
            if oldest.work is not None:
                oldest.work.cancel()
