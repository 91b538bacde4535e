"""BatchRecord is what is done to many tasks, BatchItem what came of one of them. Any thread."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec


class BatchState(StrEnum):
    """How a batch is. One that ran when its dashboard ended is PAUSED; STOPPED is for good."""

    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"
    STOPPED = "stopped"


class ItemState(StrEnum):
    """What came of a task of a batch.

    Of one that is UNKNOWN it is not known whether it was done; one that was SENDING when its batch
    broke off is that.
    """

    WAITING = "waiting"
    SENDING = "sending"
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class BatchRecord(msgspec.Struct, frozen=True, gc=False):
    """What is done to `count` tasks, `rate` a second, and for whom; times are UTC seconds.

    `action` is `rerun`, `revoke` or `terminate`, `parameters` what was given with it; `search`
    found the tasks, and is None where they were named one by one. It pauses by itself where more
    than `most_failed` percent of the newest tasks that it started fail, or a queue that it sends to
    has more than `most_waiting` messages. `reason` is why somebody wanted it, `why` why it is
    paused. `counts` are its tasks by outcome, once it is over.
    """

    id: str
    action: str
    count: int
    at: float
    who: str
    how: str = ""
    peer: str = ""
    search: str | None = None
    parameters: Mapping[str, str] = {}
    reason: str = ""
    rate: int = 10
    most_failed: int = 50
    most_waiting: int = 1_000
    state: BatchState = BatchState.RUNNING
    why: str = ""
    ended_at: float | None = None
    counts: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One task of a batch: its `place`, from 0, and what came of it; `new_id` is what was sent."""

    place: int
    uuid: str
    state: ItemState = ItemState.WAITING
    new_id: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """A batch as it is now, and how many of its tasks are in each of ItemState.

    `is_elsewhere`: another dashboard that shares the history runs it.
    """

    batch: BatchRecord
    counts: Mapping[str, int] = field(default_factory=dict)
    is_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class BatchTouch:
    """A task's part in a batch: it was its `item`, or was sent by it (`is_new`)."""

    batch: BatchRecord
    item: BatchItem
    is_new: bool
