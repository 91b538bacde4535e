"""The store: the history of tasks, workers and counters, in one database. Used on the loop.

`Store` is the only way in: it listens to the state, has a thread write what changed, and answers
every list, search, sort and count over tasks. See `tables.schema`, `writing.upsert` (the merge
rules) and `sql.statements`; how it is opened and closed is in `lifecycle`.
"""

import asyncio
import logging
import sqlite3
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from flower_ng.audit_record import AuditEntry
from flower_ng.changes import Change
from flower_ng.errors import Unavailable
from flower_ng.records import Task, Worker
from flower_ng.redaction import NO_REDACTION, Redactor
from flower_ng.search.conditions import TaskQuery
from flower_ng.store.audit import AuditPage, AuditQuery, page_of
from flower_ng.store.flower_file.importer import ImportResult, bring, import_once
from flower_ng.store.flower_file.shelf import Shelf
from flower_ng.store.gaps import Gap
from flower_ng.store.lifecycle import StoreLifecycle
from flower_ng.store.reading.answers import TaskAnswers
from flower_ng.store.reopening import Reopening
from flower_ng.store.rollups.points import finest
from flower_ng.store.rollups.recorder import IngestStatus
from flower_ng.store.rollups.series import SeriesPage, SeriesQuery, series
from flower_ng.store.rollups.tallies import LEVELS, RollupLevel
from flower_ng.store.status import StoreStatus, failing, status
from flower_ng.store.tables.dialect import DATABASE_ERRORS
from flower_ng.store.tables.rows import Restored
from flower_ng.store.writing.retention import NO_LIMITS, STEP_ROWS, Limits
from flower_ng.store.writing.snapshots import BOUNDS, Bounds
from flower_ng.store.writing.writer import note_rerun

log = logging.getLogger(__name__)


class Store(TaskAnswers):
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

    def __init__(
        self,
        path: Path | None,
        *,
        max_tasks: int,
        history: str | None = None,
        limits: Limits = NO_LIMITS,
        bounds: Bounds = BOUNDS,
        levels: Sequence[RollupLevel] = LEVELS,
        optional: bool = False,
        redactor: Redactor = NO_REDACTION,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._life = life = StoreLifecycle(
            path,
            max_tasks=max_tasks,
            history=history,
            limits=limits,
            bounds=bounds,
            levels=levels,
            optional=optional,
            clock=clock,
        )
        super().__init__(clock, life.dialect, life.running)
        self.path, self.warnings = path, life.warnings
        self.rollups, self.batches = life.beside.rollups, life.beside.batches
        self.notebook, self.owned_notes = life.beside.notebook, life.beside.owned_notes
        self.session_ends = life.beside.session_ends
        self.failure_handling = life.beside.failure_handling
        self.told_deploys = life.beside.told_deploys
        self.seen_starts = life.beside.seen_starts
        self._marks, self._redactor = life.marks, redactor
        self._memory: Callable[[Sequence[str]], None] = lambda _: None
        self._reopening = Reopening(life)
        self._is_started = False

    def start(self) -> None:
        """Open the file, and set aside one that is corrupt.

        Raises SettingsError where the file or the history's database cannot be used and is not
        optional. A server that is away is waited for: until it answers, tasks are in memory.
        """
        self._life.start()
        self._is_started = True

    def begin(self, ingest: Callable[[], IngestStatus] | None = None) -> None:
        """Keep the bounds of age and size too from now on, and gaps; on the running loop.

        `ingest` tells whether events can arrive. The history is opened anew where it is lost.
        """
        if not self._is_started:
            return
        if ingest is not None:
            self._life.ingest = ingest
        if self._life.parts is not None:
            self._life.parts.upkeep.begin()
        self._reopening.begin()

    def stop(self) -> None:
        """Write what is left and close the file; a second call does nothing."""
        self._is_started = False
        self._reopening.stop()
        self._life.stop()

    def restored(self, max_tasks: int = sys.maxsize) -> Restored:
        """Return what the file held at the start: the newest tasks and the unfinished; blocks."""
        return self._life.restored(max_tasks)

    def import_flower(self, shelf: Shelf) -> ImportResult:
        """Merge in what a Flower kept, see `found_at`; blocks. FlowerError where it is unusable."""
        return bring(shelf, self._running().writer, self._redactor)

    def import_once(self) -> None:
        """Do that for the file that our own `path` names, unless it was done; blocks.

        A file that cannot be used is warned about, and does not keep anything from starting.
        """
        if self.path and self.is_persistent:
            import_once(self.path, self._running().writer, self._redactor, self._life.warn)

    @property
    def is_persistent(self) -> bool:
        """Whether what is kept outlasts this process."""
        return self._life.is_persistent

    @property
    def waiting(self) -> int:
        """How many changed tasks are not yet written."""
        return self._life.waiting

    @property
    def lag_s(self) -> float:
        """For how long the oldest change has waited to be written, at most."""
        return self._life.lag_s

    @property
    def lost(self) -> int:
        """How many changes of tasks were given up because they could not be written."""
        return self._marks.lost

    @property
    def failing(self) -> str | None:
        """Why nothing can be written now, or the newest write failed; None while all is well."""
        return failing(self._life)

    def record(self, entry: AuditEntry) -> None:
        """Have who did what written."""
        self._life.beside.audit.put(entry)

    async def audit(self, query: AuditQuery) -> AuditPage:
        """Return who did what, the newest first."""
        await self._life.beside.audit.settled()
        return await self._running().reader.ask(page_of(query))

    @property
    def unanswered_s(self) -> float:
        """For how long the write under way has lasted."""
        parts = self._life.parts
        return 0.0 if parts is None else parts.writer.busy_s

    @property
    def is_in_postgresql(self) -> bool:
        """Whether the history is kept, or to be kept, by a server."""
        return bool(self._life.history)

    @property
    def failures(self) -> int:
        """How many writes failed since the start; they are tried again."""
        parts = self._life.parts
        return 0 if parts is None else parts.flusher.failures

    @property
    def repaired(self) -> float | None:
        """How much of what 0.1.0 kept is put right, from 0 to 1; None where nothing is left."""
        return self._life.repair.share

    def status(self) -> StoreStatus:
        """Return what is held, what went, and how the writer is; costs nothing."""
        return status(self._life)

    async def gaps(self, start: float, end: float) -> tuple[Gap, ...]:
        """Return what is known to be missing of the time between, in UTC seconds, oldest first."""
        self._life.look()
        return self._life.beside.gaps.between(start, end)

    def memory_is(
        self,
        forget: Callable[[Sequence[str]], None],
        held: Callable[[], tuple[Collection[Task], Collection[Worker]]] = lambda: ((), ()),
    ) -> None:
        """Have tasks that are forgotten here leave memory too, by their ids.

        What is `held` there is written where the file is lost.
        """
        self._memory, self._life.held = forget, held

    def when_reopened(self, rewrite: Callable[[], None]) -> None:
        """Have this called where the history was opened anew, and may have been begun anew."""
        self._life.reopened = rewrite

    def counters_from(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Keep these event counts, `{host name: {event type: number}}`, with their hosts."""
        self._marks.counts = counts

    def observe(self, change: Change) -> None:
        """Note what an event changed; it is written within a quarter of a second."""
        self.observe_all((change,))

    def observe_all(self, changes: Sequence[Change]) -> None:
        """Do as `observe` for each of them."""
        self._marks.mark_all(changes)
        if self._life.parts is not None:
            self._life.parts.flusher.marked()

    def learned(self, task: Task) -> None:
        """Note a state that the result backend told."""
        self._marks.touch(task)
        if self._life.parts is not None:
            self._life.parts.flusher.marked()

    def evicted(self, task: Task) -> None:
        """Do nothing: a task that leaves memory stays marked until it is written."""

    def forgotten(self, hostname: str) -> None:
        """Remove a worker and its counter; its tasks keep its name."""
        self._marks.forget(hostname)
        if self._life.parts is not None:
            self._life.parts.flusher.marked()

    def flush(self) -> None:
        """Write all that was observed, now; blocks. For scripts: reading waits by itself."""
        if self._life.parts is not None:
            self._life.parts.flusher.flush()
            self._life.beside.flush()
            self._life.parts.upkeep.flush()

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
        parts = self._running()
        self._memory(uuids)
        parts.flusher.hand_over()
        self._marks.drop(uuids)
        await self._write(lambda connection: self._erase(connection, uuids))

    def _erase(self, connection: sqlite3.Connection, uuids: Sequence[str]) -> None:
        self._life.sweep.forget(connection, uuids)
        if self._life.indexing:
            self._life.indexing.forget(connection)

    async def _write(self, job: Callable[[sqlite3.Connection], None]) -> None:
        try:
            await asyncio.wrap_future(self._running().writer.run(job))
        except DATABASE_ERRORS as error:
            raise Unavailable(f"The store cannot be written: {error}") from error

    async def rerun(self, uuid: str, of: str) -> None:
        """Note that a task was published as a rerun of another, which need not be known.

        Where that cannot be written it is logged: the task has been published all the same.
        """
        try:
            await self._write(lambda connection: note_rerun(connection, uuid, of))
        except Unavailable as error:
            log.warning("%s is a rerun of %s, which could not be noted: %s", uuid, of, error)

    def kept_step(self, at: float) -> RollupLevel:
        """Return in what steps numbers over time are kept of a moment, and for how long."""
        return finest(self.rollups.levels, at, self._clock())

    async def series(self, query: SeriesQuery) -> SeriesPage:
        """Return numbers over time of task types, queues or workers, up to now.

        BadRequest where the query cannot be meant.
        """
        parts = self._running()
        if not parts.writer.is_silent:
            await self.rollups.settled()
        levels, dialect = self.rollups.levels, self.rollups.dialect
        return await series(parts.reader, query, levels, self._clock(), dialect)
