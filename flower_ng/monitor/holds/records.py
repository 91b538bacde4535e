"""PausedQueue and DrainedWorker say what was wanted, by whom, and how far it is. Pure.

Both are kept over restarts. Times are UTC seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

#: The process id of each worker whose consumer was taken away; None where it was not known.
Taken = dict[str, int | None]

#: `draining`: it runs what it holds. `empty`: it holds nothing. `timed out`: it still held
#: something at the time that was given. `stopping`: it was told to shut down. `ended`: it has gone.
#: `undoing`: its consumers are given back.
Stage = Literal["draining", "empty", "timed out", "stopping", "ended", "undoing"]
#: The inspect methods that tell what a worker holds.
HELD_IN: Final = ("active", "reserved", "scheduled")
#: Stages in which its consumers are kept away.
HELD: Final = frozenset({"draining", "empty", "timed out", "stopping"})


class PausedQueue(msgspec.Struct, frozen=True):
    """A queue that no worker is to consume from.

    `until` is None where it lasts until somebody resumes it. `taken` are the workers that consumed
    from it: they get their consumers back. `troubles` says by worker what came of the newest
    command to it, where that was not done. With `resumed_by` the queue is paused no longer, and
    those in `taken` have not got their consumers back yet.
    """

    queue: str
    who: str
    reason: str
    since: float
    until: float | None = None
    taken: Taken = {}
    troubles: dict[str, str] = {}
    resumed_by: str = ""
    resumed_at: float = 0.0

    @property
    def is_on(self) -> bool:
        """Whether the queue is to be kept paused."""
        return not self.resumed_by

    def moved(self, step_s: float) -> "PausedQueue":
        """Return it after the system's clock was moved: it lasts as long as it was to last."""
        until = None if self.until is None else self.until + step_s
        return msgspec.structs.replace(self, since=self.since + step_s, until=until)


class DrainedWorker(msgspec.Struct, frozen=True):
    """A worker that is to consume from no queue, and to shut down once it is empty if `shuts_down`.

    `pid` is that of its process: one that has restarted is another. `taken` are the queues that it
    consumed from. `until` is when it is told that it has timed out, None for never. Tasks with an
    ETA in the future go back to their queues when a worker shuts down; with `awaits_eta` they are
    waited for. `stage_at` is since when the stage is what it is.
    """

    worker: str
    who: str
    reason: str
    since: float
    pid: int | None = None
    until: float | None = None
    shuts_down: bool = False
    awaits_eta: bool = False
    taken: tuple[str, ...] = ()
    stage: Stage = "draining"
    stage_at: float = 0.0
    trouble: str = ""

    @property
    def is_on(self) -> bool:
        """Whether it is to be kept from consuming."""
        return self.stage in HELD

    def moved(self, step_s: float) -> "DrainedWorker":
        """Return it after the system's clock was moved."""
        until = None if self.until is None else self.until + step_s
        return msgspec.structs.replace(
            self, since=self.since + step_s, until=until, stage_at=self.stage_at + step_s
        )


@dataclass(frozen=True, slots=True)
class Left:
    """What a worker holds: running, waiting in it, and waiting in it for an ETA, as of `at`."""

    active: int
    reserved: int
    scheduled: int
    at: float

    def is_empty(self, *, awaits_eta: bool) -> bool:
        """Whether nothing is left that is waited for."""
        return not (self.active or self.reserved or (awaits_eta and self.scheduled))

    @property
    def words(self) -> str:
        """What is left, in words."""
        return (
            f"{self.active} active, {self.reserved} reserved, {self.scheduled} waiting for their"
            " ETA"
        )


def left_of(record: Mapping[str, object], at: float) -> Left | None:
    """Read it from a record of the Inspector; None where the worker did not tell all of it."""
    active, reserved, scheduled = (record.get(method) for method in HELD_IN)
    if isinstance(active, list) and isinstance(reserved, list) and isinstance(scheduled, list):
        return Left(len(active), len(reserved), len(scheduled), at)
    return None
