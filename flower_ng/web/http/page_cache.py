"""The page cache: keeps pages for a moment, so that equal views are rendered once. On the loop."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from gzip import compress
from hashlib import sha1

_LEVEL = 5  # of gzip: above it, time grows more than what it spares


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page as it is sent: its bytes, the same with gzip, and their tag."""

    body: bytes
    packed: bytes
    tag: str

    @classmethod
    def of(cls, body: bytes) -> "Sheet":
        """Pack a page."""
        tag = sha1(body, usedforsecurity=False).hexdigest()
        return cls(body, compress(body, _LEVEL, mtime=0), f'"{tag}"')


@dataclass(slots=True)
class _Kept:
    beat: int
    at: float
    done: "asyncio.Future[Sheet | None]" = field(default_factory=asyncio.Future)


class Rendered:
    """The newest rendering of each page that several browsers follow.

    One serves until the next `beat`, when something changed, and for `max_age_s` at most, because
    pages tell ages. Whoever asks while it is being made waits for it. `max_pages` bounds them.
    """

    def __init__(
        self,
        beat: Callable[[], int],
        *,
        max_age_s: float = 1.0,
        max_pages: int = 64,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._beat = beat
        self._max_age_s = max_age_s
        self._max_pages = max_pages
        self._clock = clock
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    async def sheet(
        self, key: Hashable, make: Callable[[], Awaitable[Sheet | None]]
    ) -> Sheet | None:
        """Return the page with this key, made by `make` unless a fresh one is there.

        What `make` raises reaches only who called it, and a None is not shared either: whoever
        waited makes their own.
        """
        kept = self._kept.get(key)
        shared = await kept.done if kept is not None and self._is_fresh(kept) else None
        return shared or await self._made(key, make)

    def _is_fresh(self, kept: _Kept) -> bool:
        return kept.beat == self._beat() and self._clock() < kept.at + self._max_age_s

    async def _made(
        self, key: Hashable, make: Callable[[], Awaitable[Sheet | None]]
    ) -> Sheet | None:
        kept = self._keep(key)
        sheet = None
        try:
            sheet = await make()
        finally:
            kept.done.set_result(sheet)
        return sheet

    def _keep(self, key: Hashable) -> _Kept:
        kept = self._kept[key] = _Kept(self._beat(), self._clock())
        self._kept.move_to_end(key)
        if len(self._kept) > self._max_pages:
            self._kept.popitem(last=False)
        return kept
