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
    waited for. `stage_at` is since when the stage is what it is. `is_rolling`: it is a part of a
    rolling drain.
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
    is_rolling: bool = False

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


#: How a worker of a rolling drain is: `away` from when it is drained until it has come back. `gone`
#: has shut down and is not waited for; `left out` is one that could not be drained.
Turn = Literal["away", "back", "given back", "gone", "left out"]


class RollingDrain(msgspec.Struct, frozen=True):
    """Workers that are drained one after the other, in their order, so that few are away at once.

    At most `most_away` of what `by` says: workers, hosts with all their workers, or workers of each
    queue; `queues` are what each consumed from when it began, `pids` its process then. `for_s`,
    `shuts_down` and `awaits_eta` are those of each drain. A worker that was shut down is away until
    it is back under its name if `awaits_return`, else until it has gone. `turns` has the workers
    whose turn has come, `troubles` why one of them, or the next, is not further. It goes on until
    `ended_at`, `ended_by` somebody or, empty, by itself.
    """

    who: str
    reason: str
    since: float
    workers: tuple[str, ...]
    by: str = "worker"
    most_away: int = 1
    for_s: float | None = None
    shuts_down: bool = False
    awaits_eta: bool = False
    awaits_return: bool = True
    queues: dict[str, tuple[str, ...]] = {}
    pids: Taken = {}
    turns: dict[str, Turn] = {}
    troubles: dict[str, str] = {}
    ended_at: float | None = None
    ended_by: str = ""

    @property
    def is_on(self) -> bool:
        """Whether it goes on."""
        return self.ended_at is None

    @property
    def away(self) -> list[str]:
        """The workers that are away now."""
        return [name for name, turn in self.turns.items() if turn == "away"]

    @property
    def waiting(self) -> list[str]:
        """The workers whose turn is still to come, in their order."""
        return [name for name in self.workers if name not in self.turns]

    def may_go(self, worker: str) -> bool:
        """Whether there is room for one more to be away."""
        away = self.away
        if self.by == "queue":
            return all(
                sum(queue in self.queues.get(one, ()) for one in away) < self.most_away
                for queue in self.queues.get(worker, ())
            )
        if self.by == "host":
            hosts = {host_of(one) for one in away}
            return host_of(worker) in hosts or len(hosts) < self.most_away
        return len(away) < self.most_away

    def moved(self, step_s: float) -> "RollingDrain":
        """Return it after the system's clock was moved."""
        ended_at = None if self.ended_at is None else self.ended_at + step_s
        return msgspec.structs.replace(self, since=self.since + step_s, ended_at=ended_at)


def host_of(worker: str) -> str:
    """Return the host in a worker's name."""
    return worker.rpartition("@")[2]


#: So many tasks that a worker still holds are named.
MOST_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Left:
    """What a worker holds: running, waiting in it, and waiting in it for an ETA, as of `at`.

    `tasks` are the ids of the first of them.
    """

    active: int
    reserved: int
    scheduled: int
    at: float
    tasks: tuple[str, ...] = ()

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
        held = (*active, *reserved, *(_request(one) for one in scheduled))
        ids = (one.get("id") for one in held[:MOST_NAMED] if isinstance(one, Mapping))
        named = tuple(one for one in ids if isinstance(one, str))
        return Left(len(active), len(reserved), len(scheduled), at, named)
    return None


def _request(scheduled: object) -> object:
    """Return the task of a message that waits for its ETA."""
    return scheduled.get("request") if isinstance(scheduled, Mapping) else None
