"""Ownership says whether this dashboard sees to the holds, or another one of the same history.

It goes to where somebody acts, and away from a dashboard that gives no sign of life. Who does not
have it learns what is held, and sends nothing. On the loop; calls never overlap (see keeper).
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

from flower_ng.errors import Unavailable
from flower_ng.monitor.holds.board import KINDS, Board, HoldStore

log = logging.getLogger(__name__)

#: An owner that gives no sign of life for so long is none any more.
SILENT_S: Final = 10.0


#: Who owned the holds, empty for nobody, and when that was last there.
Sign: TypeAlias = tuple[str, float]


class SharedHoldStore(HoldStore, Protocol):
    """Keeps small records that one of several dashboards writes."""

    @property
    def is_shared(self) -> bool:
        """Whether there may be others."""

    @property
    def owner(self) -> str:
        """The name of this one."""

    async def look(self, kinds: Sequence[str], /) -> tuple[Sign, Mapping[str, Mapping[str, str]]]:
        """Return who is the owner, and the records by kind."""

    async def take(self, at: float, instead_of: Sign | None = None, /) -> Sign:
        """Become the owner, and return who was."""

    def release(self) -> None:
        """Leave it to others."""


class Ownership:
    """Whether the holds are ours to see to; `clock` tells UTC seconds."""

    def __init__(self, board: Board, notebook: SharedHoldStore, clock: Callable[[], float]) -> None:
        self.is_ours = not notebook.is_shared
        self._board, self._notebook, self._clock = board, notebook, clock
        self._sign: Sign | None = None
        self._looked_at = self._changed_at = time.monotonic()

    async def follow(self) -> None:
        """See whose the holds are; give a sign of life, or learn what is held."""
        if not self._notebook.is_shared:
            return
        now = time.monotonic()
        try:
            sign, records = await self._notebook.look(KINDS)
        except Unavailable:
            # Another one may own them by now, and whoever does sees to them.
            self.is_ours = self.is_ours and now - self._looked_at < SILENT_S
            return
        self._looked_at = now
        if sign[0] == self._notebook.owner:
            self.is_ours = True
            await self._notebook.take(self._clock(), sign)
            return
        if sign != self._sign:
            self._sign, self._changed_at = sign, now
        self.is_ours = False
        self._board.adopt(records)
        if not sign[0] or now - self._changed_at >= SILENT_S:
            await self._take(sign)

    async def own(self) -> None:
        """Have the holds be ours, to act on them; Unavailable where that can't be written."""
        if self._notebook.is_shared:
            await self._board.settled()
            await self._take(None)

    def release(self) -> None:
        """Leave the holds to others, before the end."""
        self._notebook.release()

    async def _take(self, instead_of: Sign | None) -> None:
        before = await self._notebook.take(self._clock(), instead_of)
        if instead_of is not None and before != instead_of:
            return  # another one was faster
        if before[0] != self._notebook.owner:
            log.info("This dashboard sees to pauses and drains from now on")
            _, records = await self._notebook.look(KINDS)
            self._board.adopt(records)
        self.is_ours, self._looked_at = True, time.monotonic()
