"""The store: what is known of tasks, workers and counters, in one SQLite file. Used on the loop.

`Store` is the only way in: it listens to the state, has a thread write what changed, and answers
every list, search, sort and count over tasks. See the modules
tables.schema, writing.snapshots (the merge rules) and sql.statements.
"""

import asyncio
import logging
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast
from uuid import uuid4

import msgspec

from flower_ng.changes import Change
from flower_ng.errors import FlowerError, Unavailable
from flower_ng.records import Task
from flower_ng.store.backends.choose import opened_history, why_unusable
from flower_ng.store.backends.sqlite import GOES, StoreFile, opened, temporary
from flower_ng.store.flower_file.importer import Importer, ImportResult
from flower_ng.store.flower_file.shelf import Shelf, shelf_at
from flower_ng.store.gaps import Gap, Gaps
from flower_ng.store.index import WITHOUT, indexing
from flower_ng.store.notes import Notes
from flower_ng.store.reading.answers import StoreParts, TaskAnswers
from flower_ng.store.reading.restore import restored
from flower_ng.store.reading.threads import Reader
from flower_ng.store.rollups.recorder import IngestStatus, Rollups
from flower_ng.store.rollups.series import SeriesPage, SeriesQuery, series
from flower_ng.store.rollups.tallies import LEVELS, RollupLevel
from flower_ng.store.search.conditions import TaskQuery
from flower_ng.store.sql import statements
from flower_ng.store.sql.engine import SqlEngine
from flower_ng.store.status import StoreStatus
from flower_ng.store.tables.dialect import DATABASE_ERRORS, POSTGRESQL, SQLITE
from flower_ng.store.tables.rows import Restored
from flower_ng.store.writing.changes import Marks
from flower_ng.store.writing.flush import Flusher
from flower_ng.store.writing.linked_rows import note_rerun
from flower_ng.store.writing.repair import Repair, Upkeep
from flower_ng.store.writing.retention import (
    MEMORY_BYTES,
    NO_LIMITS,
    STEP_ROWS,
    Limits,
    Sweep,
    usual_max_bytes,
)
from flower_ng.store.writing.snapshots import BOUNDS, Bounds
from flower_ng.store.writing.writer import Writer

if TYPE_CHECKING:
    from flower_ng.store.index.thread import Indexing
    from flower_ng.store.sql.engine import TaskEngine

log = logging.getLogger(__name__)

#: Changed tasks held while the file cannot be written; past it the oldest finished are given up.
MAX_MARKS = 100_000


def _unknown() -> IngestStatus:
    return IngestStatus(connected_since=None, dropped=0)


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
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._opened: StoreParts | None = None
        self._wanted = "postgresql" if history else "file" if path else "temporary"
        self._refused = why_unusable(history) if history and optional else ""
        self._history = history = None if self._refused else history
        super().__init__(clock, POSTGRESQL if history else SQLITE, lambda: self._opened)
        self.path = path
        self.warnings: list[str] = []
        self._optional = optional
        name = uuid4().hex if history else ""
        self.rollups = Rollups(levels=levels, dialect=self._dialect, writer=name, clock=clock)
        self._sweep = Sweep(
            max_tasks=max_tasks,
            limits=limits,
            clock=clock,
            dialect=self._dialect,
            index_bytes=lambda: self._indexing.bytes if self._indexing else 0,
        )
        self._repair = Repair(self._dialect)
        self._gaps = Gaps(dialect=self._dialect, writer=name)
        self.notebook = Notes(self._dialect)
        self._ingest = _unknown
        self._memory: Callable[[Sequence[str]], None] = lambda _: None
        self._bounds = bounds
        self._marks = Marks(max_tasks=MAX_MARKS, max_events=bounds.max_events)

    def start(self) -> None:
        """Open the file, and set aside one that is corrupt.

        Raises SettingsError where the file or the history's database cannot be used and is not
        optional.
        """
        file = self._file()
        if (kind := self._kind_of(file)) != self._wanted:
            self._sweep.narrow(MEMORY_BYTES if kind == "memory" else usual_max_bytes(None))
        connection = file.connect(writes=True)
        writer = Writer(connection, self._sweep, self._bounds, self._dialect)
        self._repair.open(connection)
        self.rollups.open(writer)
        self._gaps.open(writer, self._clock(), goes_on=kind == "file")
        self.notebook.open(writer, self._clock())
        engine, indexing = self._chosen(file, writer)
        self._opened = StoreParts(
            file,
            writer,
            Flusher(self._marks, writer, met=file.met),
            Upkeep(writer, self._sweep, self._repair, self._look),
            Reader(file.connect, met=file.met),
            engine,
            indexing,
        )
        if indexing:
            indexing.start()
        file.vanish()

    def _file(self) -> StoreFile:
        if self._refused:
            self._warn(f"{self._refused}. {GOES}")
            return temporary(self._warn)
        if not self._history:
            return opened(self.path, self._warn, self._clock, optional=self._optional)
        return cast("StoreFile", opened_history(self._history, self._warn))

    def _chosen(self, file: StoreFile, writer: Writer) -> "tuple[TaskEngine, Indexing | None]":
        """Return what answers questions about tasks, and keeps the index where there can be one."""
        sql = SqlEngine(self._dialect, lambda: self._sweep.held_tasks)
        if self._history:
            return sql, None
        found = indexing(file, writer, sql)
        if isinstance(found, ImportError):
            self._warn(WITHOUT.format(found))
            return sql, None
        kept, engine = found
        return engine, kept

    def import_flower(self, shelf: Shelf) -> ImportResult:
        """Merge in what a Flower kept, see `found_at`; blocks. FlowerError where it is unusable."""
        return Importer(self._running.writer, self._dialect).bring(shelf)

    def import_once(self) -> None:
        """Do that for the file that our own `path` names, unless it was done; blocks.

        A file that cannot be used is warned about, and does not keep anything from starting.
        """
        shelf = shelf_at(self.path) if self.path and self.is_persistent else None
        importer = Importer(self._running.writer, self._dialect)
        try:
            if shelf is not None and not importer.is_imported(shelf):
                log.info("Importing what Flower kept at %s, once.", shelf.path)
                log.info("%s.", importer.bring(shelf))
        except (FlowerError, OSError) as error:
            self._warn(f"{error}. What Flower kept is missing in the history.")

    def begin(self, ingest: Callable[[], IngestStatus] | None = None) -> None:
        """Keep the bounds of age and size too from now on, and gaps; on the running loop.

        `ingest` tells whether events can arrive.
        """
        if self._opened is not None:
            self._ingest = ingest or _unknown
            self._opened.upkeep.begin()

    def stop(self) -> None:
        """Write what is left and close the file; a second call does nothing."""
        if self._opened is None:
            return
        self._opened.upkeep.stop()
        if self._opened.indexing:
            self._opened.indexing.stop()
        self._opened.flusher.stop()
        self.rollups.stop()
        self._look()
        self._gaps.stop(self._clock())
        self.notebook.stop()
        self._opened.close()
        self._opened = None

    @property
    def is_persistent(self) -> bool:
        """Whether what is kept outlasts this process."""
        return self._opened is not None and not self._opened.file.is_temporary

    @property
    def _indexing(self) -> "Indexing | None":
        return None if self._opened is None else self._opened.indexing

    def _kind_of(self, file: StoreFile | None) -> str:
        if self._history:
            return "postgresql"
        return "temporary" if file is None else file.kind

    @property
    def failing(self) -> str | None:
        """Why the newest write failed, None when it did not."""
        parts = self._opened
        why = None if parts is None else parts.flusher.failing or self.rollups.failing
        return why and f"The history cannot be written: {why}"

    @property
    def failures(self) -> int:
        """How many writes failed since the start; they are tried again."""
        return 0 if self._opened is None else self._opened.flusher.failures

    @property
    def lag_s(self) -> float:
        """For how long the oldest change has waited to be written, at most."""
        return 0.0 if self._opened is None else self._opened.flusher.lag_s

    @property
    def repaired(self) -> float | None:
        """How much of what 0.1.0 kept is put right, from 0 to 1; None where nothing is left."""
        return self._repair.share

    @property
    def waiting(self) -> int:
        """How many changed tasks are not yet written."""
        return len(self._marks.tasks)

    @property
    def lost(self) -> int:
        """How many changes of tasks were given up because they could not be written."""
        return self._marks.lost

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
            wanted=self._wanted,
            repaired=self.repaired,
            warnings=tuple(self.warnings),
        )

    async def gaps(self, start: float, end: float) -> tuple[Gap, ...]:
        """Return what is known to be missing of the time between, in UTC seconds, oldest first."""
        self._look()
        return self._gaps.between(start, end)

    def memory_is(self, forget: Callable[[Sequence[str]], None]) -> None:
        """Have tasks that are forgotten here leave memory too, by their ids."""
        self._memory = forget

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
        ids = await self._ids(replace(query, offset=0, limit=None))
        forgotten = 0
        for start in range(0, len(ids), STEP_ROWS):
            (found,) = await self._read(
                statements.uuids_of(ids[start : start + STEP_ROWS], self._dialect)
            )
            uuids = msgspec.json.decode(found, type=list[str])
            await self._forget(uuids)
            forgotten += len(uuids)
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
        job = self._running.writer.run(
            lambda connection: note_rerun(connection, self._dialect, uuid, of)
        )
        try:
            await asyncio.wrap_future(job)
        except DATABASE_ERRORS as error:
            log.warning("%s is a rerun of %s, which could not be noted: %s", uuid, of, error)

    async def series(self, query: SeriesQuery) -> SeriesPage:
        """Return numbers over time of task types, queues or workers, up to now.

        BadRequest where the query cannot be meant.
        """
        reader = self._running.reader
        await self.rollups.settled()
        levels, dialect = self.rollups.levels, self.rollups.dialect
        return await series(reader, query, levels, self._clock(), dialect)

    def restored(self, max_tasks: int = sys.maxsize) -> Restored:
        """Return what the file held at the start: the newest tasks and the unfinished; blocks."""
        if self._opened is None or self._opened.file.is_temporary:
            return Restored([], {}, ())
        return restored(self._opened.file.connect(), max_tasks, self._dialect)

    def _look(self) -> None:
        now = self._clock()
        self._gaps.look(self._ingest(), self.lost, now - self.lag_s, now)

    def _warn(self, message: str) -> None:
        log.warning(message)
        self.warnings.append(message)
