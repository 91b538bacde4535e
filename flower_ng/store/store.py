"""The store: the history of tasks, workers and counters, in one database. Used on the loop.

`Store` is the only way in: it listens to the state, has a thread write what changed, and answers
every list, search, sort and count over tasks. See `tables.schema`, `writing.upsert` (the merge
rules) and `sql.statements`; how it is opened and closed is in `lifecycle`.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flower_ng.audit_record import AuditEntry
from flower_ng.changes import Change
from flower_ng.errors import Unavailable
from flower_ng.records import Task, Worker
from flower_ng.store.audit import AuditPage, AuditQuery, page_of
from flower_ng.store.gaps import Gap
from flower_ng.store.reopening import ReopeningStore
from flower_ng.store.rollups.points import finest
from flower_ng.store.rollups.series import SeriesPage, SeriesQuery, series
from flower_ng.store.rollups.tallies import RollupLevel
from flower_ng.store.search.conditions import TaskQuery
from flower_ng.store.tables.dialect import DATABASE_ERRORS
from flower_ng.store.writing.retention import STEP_ROWS
from flower_ng.store.writing.writer import SILENT_S, note_rerun

log = logging.getLogger(__name__)


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


class Store(ReopeningStore):
    """The tasks, workers and counters of one cluster, in `<path>.sqlite3`.

    Without `path` they are in a temporary file that goes with the process, or in memory where none
    can be written. With `history`, the URL of a PostgreSQL database, they are in that, which other
    dashboards of the cluster may share. With `optional` they are in a temporary file too where
    that file or database cannot be used at the start; `warnings` says why. At most `max_tasks`
    tasks are kept, for as long and in as much room as `limits` allow: finished ones go first, the
    oldest of them first. Of each as much is kept as `bounds` say; numbers over time as long as
    `levels` say.
    An Observer of the state; everything is called on the loop, but `start`, `restored` and `stop`,
    which block, may be called before and after it runs.
    """

    @property
    def failing(self) -> str | None:
        """Why nothing can be written now, or the newest write failed; None while all is well."""
        if self._closed_why:
            return f"The history cannot be written: {self._closed_why}"
        if self.is_silent:
            return f"The history cannot be written: no answer for more than {SILENT_S:g} s"
        parts = self._opened
        why = None if parts is None else parts.flusher.failing or self.rollups.failing
        if why is None and parts is not None and parts.reader.failing:
            return parts.reader.failing
        return why and f"The history cannot be written: {why}"

    def record(self, entry: AuditEntry) -> None:
        """Have who did what written."""
        self._audit.put(entry)

    async def audit(self, query: AuditQuery) -> AuditPage:
        """Return who did what, the newest first."""
        await self._audit.settled()
        return await self._running.reader.ask(page_of(query))

    @property
    def unanswered_s(self) -> float:
        """For how long the write under way has lasted."""
        return 0.0 if self._opened is None else self._opened.writer.busy_s

    @property
    def is_in_postgresql(self) -> bool:
        """Whether the history is kept, or to be kept, by a server."""
        return bool(self._history)

    @property
    def failures(self) -> int:
        """How many writes failed since the start; they are tried again."""
        return 0 if self._opened is None else self._opened.flusher.failures

    @property
    def repaired(self) -> float | None:
        """How much of what 0.1.0 kept is put right, from 0 to 1; None where nothing is left."""
        return self._repair.share

    def status(self) -> StoreStatus:
        """Return what is held, what went, and how the writer is; costs nothing."""
        held, limits = self._sweep.held, self._sweep.limits
        file = None if self._opened is None else self._opened.file
        self._look()
        return StoreStatus(
            kind=self._kind_of(file),
            path=file.name if file is not None and self.is_persistent else None,
            tasks=held.tasks,
            bytes=held.bytes,
            oldest=held.oldest,
            newest=held.newest,
            waiting=self.waiting,
            lag_s=self.lag_s,
            failing=self.failing,
            failures=self.failures,
            lost=self.lost,
            deleted=dict(self._sweep.deleted),
            max_tasks=self._sweep.max_tasks,
            max_age_s=limits.max_age_s,
            max_failure_age_s=limits.max_failure_age_s,
            max_bytes=limits.max_bytes,
            gaps=self._gaps.all(),
            unindexed=self._indexing.unindexed if self._indexing else None,
            outdated=self._indexing.outdated if self._indexing else None,
            wanted=self._wanted,
            repaired=self.repaired,
            warnings=tuple(self.warnings),
        )

    async def gaps(self, start: float, end: float) -> tuple[Gap, ...]:
        """Return what is known to be missing of the time between, in UTC seconds, oldest first."""
        self._look()
        return self._gaps.between(start, end)

    def memory_is(
        self,
        forget: Callable[[Sequence[str]], None],
        held: Callable[[], tuple[Collection[Task], Collection[Worker]]] = lambda: ((), ()),
    ) -> None:
        """Have tasks that are forgotten here leave memory too, by their ids.

        What is `held` there is written where the file is lost.
        """
        self._memory, self._held = forget, held

    def counters_from(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Keep these event counts, `{host name: {event type: number}}`, with their hosts."""
        self._marks.counts = counts

    def observe(self, change: Change) -> None:
        """Note what an event changed; it is written within a quarter of a second."""
        self.observe_all((change,))

    def observe_all(self, changes: Sequence[Change]) -> None:
        """Do as `observe` for each of them."""
        self._marks.mark_all(changes)
        if self._opened is not None:
            self._opened.flusher.marked()

    def learned(self, task: Task) -> None:
        """Note a state that the result backend told."""
        self._marks.touch(task)
        if self._opened is not None:
            self._opened.flusher.marked()

    def evicted(self, task: Task) -> None:
        """Do nothing: a task that leaves memory stays marked until it is written."""

    def forgotten(self, hostname: str) -> None:
        """Remove a worker and its counter; its tasks keep its name."""
        self._marks.forget(hostname)
        if self._opened is not None:
            self._opened.flusher.marked()

    def flush(self) -> None:
        """Write all that was observed, now; blocks. For scripts: reading waits by itself."""
        if self._opened is not None:
            self._opened.flusher.flush()
            self.rollups.flush()
            self._opened.upkeep.flush()
            self._gaps.flush()

    async def forget_task(self, uuid: str) -> bool:
        """Forget one task; False when it is not known. It is known again with its next event."""
        is_known = await self.task(uuid) is not None
        await self._forget([uuid])
        return is_known

    async def forget(self, query: TaskQuery) -> int:
        """Forget all tasks that match now, and return how many they were.

        Memory, marks and file lose each of them at once; what an event tells of one later is new.
        Raises Unavailable where the file cannot be written; what was forgotten by then is.
        """
        return await self.forget_those(await self.uuids(replace(query, offset=0, limit=None)))

    async def forget_those(self, uuids: Sequence[str]) -> int:
        """Forget these tasks, and return how many of them were known."""
        forgotten = 0
        for start in range(0, len(uuids), STEP_ROWS):
            some = uuids[start : start + STEP_ROWS]
            forgotten += sum(one.number for one in (await self.groups(some)).groups)
            await self._forget(some)
        return forgotten

    async def _forget(self, uuids: Sequence[str]) -> None:
        parts = self._running
        self._memory(uuids)
        parts.flusher.hand_over()
        self._marks.drop(uuids)
        job = parts.writer.run(lambda connection: self._erase(connection, uuids))
        try:
            await asyncio.wrap_future(job)
        except DATABASE_ERRORS as error:
            raise Unavailable(f"The store cannot be written: {error}") from error

    def _erase(self, connection: sqlite3.Connection, uuids: Sequence[str]) -> None:
        self._sweep.forget(connection, uuids)
        if self._indexing:
            self._indexing.forget(connection)

    async def rerun(self, uuid: str, of: str) -> None:
        """Note that a task was published as a rerun of another, which need not be known.

        Where that cannot be written it is logged: the task has been published all the same.
        """
        job = self._running.writer.run(lambda connection: note_rerun(connection, uuid, of))
        try:
            await asyncio.wrap_future(job)
        except DATABASE_ERRORS as error:
            log.warning("%s is a rerun of %s, which could not be noted: %s", uuid, of, error)

    def kept_step(self, at: float) -> RollupLevel:
        """Return in what steps numbers over time are kept of a moment, and for how long."""
        return finest(self.rollups.levels, at, self._clock())

    async def series(self, query: SeriesQuery) -> SeriesPage:
        """Return numbers over time of task types, queues or workers, up to now.

        BadRequest where the query cannot be meant.
        """
        reader = self._running.reader
        if not self.is_silent:
            await self.rollups.settled()
        levels, dialect = self.rollups.levels, self.rollups.dialect
        return await series(reader, query, levels, self._clock(), dialect)
