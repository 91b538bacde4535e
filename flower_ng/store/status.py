"""How a store is: what it holds, what it let go, and what it fails with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from flower_ng.store.gaps import Gap
from flower_ng.store.lifecycle import StoreLifecycle
from flower_ng.store.writing.writer import SILENT_S

CANNOT: Final = "The history cannot be written: {}"


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


def failing(life: StoreLifecycle) -> str | None:
    """Say why nothing can be written now, or the newest write failed; None while all is well."""
    if life.closed_why:
        return CANNOT.format(life.closed_why)
    if (parts := life.parts) is None:
        return None
    if parts.writer.is_silent:
        return CANNOT.format(f"no answer for more than {SILENT_S:g} s")
    why = parts.flusher.failing or life.beside.rollups.failing
    return CANNOT.format(why) if why else parts.reader.failing


def status(life: StoreLifecycle) -> StoreStatus:
    """Return what is held, what went, and how the writer is; costs nothing."""
    sweep, parts = life.sweep, life.parts
    held, limits, indexing = sweep.held, sweep.limits, life.indexing
    file = None if parts is None else parts.file
    life.look()
    return StoreStatus(
        kind=life.kind_of(file),
        path=file.name if file is not None and life.is_persistent else None,
        tasks=held.tasks,
        bytes=held.bytes,
        oldest=held.oldest,
        newest=held.newest,
        waiting=life.waiting,
        lag_s=life.lag_s,
        failing=failing(life),
        failures=0 if parts is None else parts.flusher.failures,
        lost=life.marks.lost,
        deleted=dict(sweep.deleted),
        max_tasks=sweep.max_tasks,
        max_age_s=limits.max_age_s,
        max_failure_age_s=limits.max_failure_age_s,
        max_bytes=limits.max_bytes,
        gaps=life.beside.gaps.all(),
        unindexed=indexing.unindexed if indexing else None,
        outdated=indexing.outdated if indexing else None,
        wanted=life.wanted,
        repaired=life.repair.share,
        warnings=tuple(life.warnings),
    )
