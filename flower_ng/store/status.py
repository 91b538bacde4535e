"""StoreStatus: the store's own size, delay and faults. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flower_ng.store.gaps import Gap


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """What the store holds, what it let go, and how its writer is.

    `kind` is `file`, `temporary`, `memory` or `postgresql`, and `wanted` is which of them was asked
    for; `path` is the database's URL without its password, and None for what has no name. `tasks`,
    `bytes`, `oldest` and `newest` (UTC seconds of the newest event) are as of the newest look, at
    most some seconds ago. `waiting` changed tasks are not yet written, the oldest of them for up to
    `lag_s`. `failing` says why the newest write failed; `failures`, `lost` and `deleted` count
    since the start. A limit that is None does not bound. `repaired` is how much of what 0.1.0 kept
    is put right, from 0 to 1, and None where nothing is left to repair. `unindexed` is how many
    tasks are not in the search index yet, `outdated` which share of it, from 0 to 1, is of tasks as
    they were before; they are None where there is none.
    """

    kind: str
    path: str | None
    tasks: int
    bytes: int
    oldest: float | None
    newest: float | None
    waiting: int
    lag_s: float
    failing: str | None
    failures: int
    lost: int
    deleted: Mapping[str, int]
    max_tasks: int
    max_age_s: float | None
    max_failure_age_s: float | None
    max_bytes: int | None
    gaps: tuple[Gap, ...] = ()
    unindexed: int | None = None
    outdated: float | None = None
    wanted: str = ""
    repaired: float | None = None
    warnings: tuple[str, ...] = field(default=())
