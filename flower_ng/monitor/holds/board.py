"""Board holds all pauses and drains, and has them written where they survive a restart.

On the loop.
"""

import logging
from collections.abc import Awaitable, Mapping
from typing import Final, Protocol, TypeAlias, TypeVar

import msgspec

from flower_ng.monitor.holds.records import DrainedWorker, PausedQueue, RollingDrain

log = logging.getLogger(__name__)

PAUSE: Final = "pause"
DRAIN: Final = "drain"
ROLL: Final = "rolling drain"
#: There is one of them at a time.
THE_ROLL: Final = "newest"
#: What is wanted is kept until it is undone, however old it is: the year 2100.
FOR_EVER: Final = 4_102_444_800.0

KINDS: Final = (PAUSE, DRAIN, ROLL)

Hold: TypeAlias = PausedQueue | DrainedWorker
Kept = TypeVar("Kept", PausedQueue, DrainedWorker, RollingDrain)


class HoldStore(Protocol):
    """Keeps small records over restarts."""

    def read(self, kind: str, /) -> dict[str, str]:
        """Return the records of a kind by key; blocks."""

    def put(self, kind: str, key: str, record: str | None, at: float, /) -> None:
        """Have a record written; None deletes it."""

    def settled(self) -> Awaitable[None]:
        """Return when what was put is written, or can't be now."""


class Board:
    """Pauses by queue, drains by worker, and the newest rolling drain, None where there is none."""

    def __init__(self, notebook: HoldStore) -> None:
        self.pauses: dict[str, PausedQueue] = {}
        self.drains: dict[str, DrainedWorker] = {}
        self.roll: RollingDrain | None = None
        self._notebook = notebook

    def restore(self) -> None:
        """Continue with those of the run before; blocks."""
        self.adopt({kind: self._notebook.read(kind) for kind in KINDS})

    def adopt(self, records: Mapping[str, Mapping[str, str]]) -> None:
        """Take over what is written, by kind and key, in place of what was known."""
        self.pauses = _decoded(records[PAUSE], PAUSE, PausedQueue)
        self.drains = _decoded(records[DRAIN], DRAIN, DrainedWorker)
        self.roll = _decoded(records[ROLL], ROLL, RollingDrain).get(THE_ROLL)

    def put(self, hold: Hold) -> None:
        """Keep a hold in place of the one of the same queue or worker."""
        record = msgspec.json.encode(hold).decode()
        if isinstance(hold, PausedQueue):
            self.pauses[hold.queue] = hold
            self._notebook.put(PAUSE, hold.queue, record, FOR_EVER)
        else:
            self.drains[hold.worker] = hold
            self._notebook.put(DRAIN, hold.worker, record, FOR_EVER)

    def drop(self, hold: Hold) -> None:
        """Forget a hold."""
        if isinstance(hold, PausedQueue):
            self.pauses.pop(hold.queue, None)
            self._notebook.put(PAUSE, hold.queue, None, FOR_EVER)
        else:
            self.drains.pop(hold.worker, None)
            self._notebook.put(DRAIN, hold.worker, None, FOR_EVER)

    def put_roll(self, roll: RollingDrain | None) -> None:
        """Keep the rolling drain in place of the one before; None forgets it."""
        self.roll = roll
        record = None if roll is None else msgspec.json.encode(roll).decode()
        self._notebook.put(ROLL, THE_ROLL, record, FOR_EVER)

    async def settled(self) -> None:
        """Return when all is written, or can't be now."""
        await self._notebook.settled()

    def drain_of(self, worker: str) -> DrainedWorker | None:
        """Return the drain that keeps a worker from consuming now."""
        drain = self.drains.get(worker)
        return drain if drain is not None and drain.is_on else None

    def pause_of(self, queue: str) -> PausedQueue | None:
        """Return the pause of a queue that is on."""
        pause = self.pauses.get(queue)
        return pause if pause is not None and pause.is_on else None

    def rewrite(self) -> None:
        """Have all holds written again."""
        self.follow_clock(0.0)

    def follow_clock(self, step_s: float) -> None:
        """Have holds last as long as they were to last, where the system's clock was moved."""
        holds: tuple[Hold, ...] = (*self.pauses.values(), *self.drains.values())
        for hold in holds:
            self.put(hold.moved(step_s))
        if self.roll is not None:
            self.put_roll(self.roll.moved(step_s))


def _decoded(records: Mapping[str, str], kind: str, record: type[Kept]) -> dict[str, Kept]:
    found: dict[str, Kept] = {}
    for key, text in records.items():
        try:
            found[key] = msgspec.json.decode(text, type=record)
        except msgspec.DecodeError as error:
            log.warning("The %s of %s can't be read, so it has ended: %s", kind, key, error)
    return found
