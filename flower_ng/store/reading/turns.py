"""ReadingTurns says whose question is read next: no peer keeps others from reading. On the loop."""

import asyncio
from collections import Counter, deque
from contextlib import suppress
from contextvars import ContextVar

#: Who asks, for example the address of a browser; empty for the dashboard itself.
PEER: ContextVar[str] = ContextVar("peer", default="")


class ReadingTurns:
    """At most `most` have their turn at once, and `most_of_peer` of one peer.

    While more want one, the peers take turns, whatever the number of questions that each has.
    """

    def __init__(self, most: int, most_of_peer: int) -> None:
        self._most, self._most_of_peer = most, most_of_peer
        self._running: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def take(self, peer: str) -> None:
        """Return when it is a peer's turn, which lasts until `leave`."""
        if self._may(peer):
            self._running[peer] += 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(peer, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            self._withdraw(peer, mine)
            raise

    def leave(self, peer: str) -> None:
        """End a turn, and give it to the next."""
        self._running[peer] -= 1
        self._running += Counter()  # without those that have none
        for following in [peer for peer in self._waiting if self._may(peer)]:
            if self._may(following):
                self._give(following)

    def _may(self, peer: str) -> bool:
        has_room = self._running.total() < self._most
        return has_room and self._running[peer] < self._most_of_peer

    def _give(self, peer: str) -> None:
        """Let the first of a peer have its turn; the others of it come after the other peers."""
        line = self._waiting.pop(peer)
        wanted = deque(mine for mine in line if not mine.cancelled())
        if not wanted:
            return
        mine = wanted.popleft()
        if wanted:
            self._waiting[peer] = wanted
        self._running[peer] += 1
        mine.set_result(None)

    def _withdraw(self, peer: str, mine: "asyncio.Future[None]") -> None:
        if not mine.cancelled():  # the turn came as its asker left
            self.leave(peer)
            return
        line = self._waiting.get(peer, deque())
        with suppress(ValueError):  # whose turn it was has seen that it had left
            line.remove(mine)
        if not line:
            self._waiting.pop(peer, None)
