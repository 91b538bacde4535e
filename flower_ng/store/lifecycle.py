"""Opens a store, keeps it and closes it, part by part. Blocking, at the start and the end."""

import logging
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from uuid import uuid4

from flower_ng.errors import FlowerError, HistoryAway
from flower_ng.records import Task, Worker
from flower_ng.redaction import NO_REDACTION, Redactor
from flower_ng.store.audit import AuditLog
from flower_ng.store.backends import opened_history, why_unusable
from flower_ng.store.backends.sqlite import GOES, StoreFile, opened, temporary
from flower_ng.store.batches import BatchTables
from flower_ng.store.flower_file.importer import ImportResult, bring, is_imported
from flower_ng.store.flower_file.shelf import Shelf, shelf_at
from flower_ng.store.gaps import Gaps
from flower_ng.store.index import WITHOUT, indexing
from flower_ng.store.noted import FailureHandling, SessionEnds, ToldDeploys
from flower_ng.store.notes import Notes, OwnedNotes
from flower_ng.store.reading.answers import StoreParts, TaskAnswers, TaskEngine
from flower_ng.store.reading.restore import restored
from flower_ng.store.reading.threads import Reader
from flower_ng.store.rollups.recorder import IngestStatus, Rollups
from flower_ng.store.rollups.tallies import LEVELS, RollupLevel
from flower_ng.store.sql.engine import SqlEngine
from flower_ng.store.sql.server_engine import PostgresEngine
from flower_ng.store.tables.dialect import POSTGRESQL, SQLITE
from flower_ng.store.tables.rows import Restored
from flower_ng.store.writing.changes import Marks
from flower_ng.store.writing.flush import Flusher
from flower_ng.store.writing.repair import Repair, SpareRoom, Upkeep
from flower_ng.store.writing.retention import (
    MEMORY_BYTES,
    NO_LIMITS,
    Limits,
    Sweep,
    usual_max_bytes,
)
from flower_ng.store.writing.snapshots import BOUNDS, Bounds
from flower_ng.store.writing.writer import Writer

if TYPE_CHECKING:
    from flower_ng.store.index.thread import Indexing

log = logging.getLogger(__name__)

#: Changed tasks held while the file cannot be written; past it the oldest finished are given up.
MAX_MARKS = 100_000
#: What is said where a server is away at the start.
AWAY: Final = "{}. Up to {:,} changed tasks are kept in memory, and written when it answers"


def _unknown() -> IngestStatus:
    return IngestStatus(connected_since=None, dropped=0)


class StoreLifecycle(TaskAnswers):
    """Opens the file or database of a store, starts the threads around it, and ends them all."""

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
        self._opened: StoreParts | None = None
        self._wanted = "postgresql" if history else "file" if path else "temporary"
        self._refused = why_unusable(history) if history and optional else ""
        self._history = history = None if self._refused else history
        #: Why the history is closed although the store runs, empty where it is open.
        self._closed_why = ""
        super().__init__(
            clock,
            POSTGRESQL if history else SQLITE,
            lambda: self._opened,
            why_closed=lambda: self._closed_why,
        )
        self.path = path
        self.warnings: list[str] = []
        self._is_restoring = False
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
        self._gaps = Gaps(writer=name)
        self.notebook = Notes(self._dialect, limits.audit_age_s)
        self.owned_notes = OwnedNotes(self.notebook, self._dialect, name)
        self._audit = AuditLog(self.notebook)
        self.session_ends = SessionEnds(self.notebook)
        self.failure_handling = FailureHandling(self.notebook)
        self.told_deploys = ToldDeploys(self.notebook)
        self.batches = BatchTables(lambda: self._running, self._dialect, name, clock)
        self._ingest = _unknown
        self._held: Callable[[], tuple[Collection[Task], Collection[Worker]]] = lambda: ((), ())
        self._memory: Callable[[Sequence[str]], None] = lambda _: None
        self._bounds, self._redactor = bounds, redactor
        self._marks = Marks(max_tasks=MAX_MARKS, max_events=bounds.max_events)

    def start(self) -> None:
        """Open the file, and set aside one that is corrupt.

        Raises SettingsError where the file or the history's database cannot be used and is not
        optional. A server that is away is waited for: until it answers, tasks are in memory.
        """
        try:
            self._opened = self._open()
        except HistoryAway as error:
            self._closed_why = error.message
            log.warning(AWAY.format(error.message, MAX_MARKS))

    def _open(self) -> StoreParts:
        """Open the file and all that reads and writes it; blocks."""
        file = self._file()
        if (kind := self._kind_of(file)) != self._wanted:
            self._sweep.narrow(MEMORY_BYTES if kind == "memory" else usual_max_bytes(None))
        spare = SpareRoom(file.name) if kind == "file" else None
        connection = file.connect(writes=True)
        writer = Writer(connection, self._sweep, self._bounds, self._dialect)
        self._repair.open(connection)
        self.rollups.open(writer)
        self._gaps.open(writer, self._clock(), goes_on=kind == "file")
        self.notebook.open(writer, self._clock())
        self.owned_notes.open(writer)
        self.session_ends.open()
        self.failure_handling.open()
        self.told_deploys.open()
        self.batches.open(writer)
        engine, indexing = self._chosen(file, writer)
        parts = StoreParts(
            file,
            writer,
            Flusher(self._marks, writer, met=file.met),
            Upkeep(writer, self._sweep, self._repair, self._look, spare),
            Reader(file.connect, met=file.met),
            engine,
            indexing,
        )
        if indexing:
            indexing.start()
        file.vanish()
        file.lost()  # remembers what the name stands for now
        return parts

    def _file(self) -> StoreFile:
        if self._refused:
            self._warn(f"{self._refused}. {GOES}")
            return temporary(self._warn)
        if not self._history:
            return opened(self.path, self._warn, self._clock, optional=self._optional)
        return cast("StoreFile", opened_history(self._history, self._warn))

    def _chosen(self, file: StoreFile, writer: Writer) -> "tuple[TaskEngine, Indexing | None]":
        """Return what answers questions about tasks, and keeps the index where there can be one."""
        if self._history:
            return PostgresEngine(), None
        sql = SqlEngine(self._dialect, lambda: self._sweep.held_tasks)
        found = indexing(file, writer, sql)
        if isinstance(found, ImportError):
            self._warn(WITHOUT.format(found))
            return sql, None
        kept, engine = found
        return engine, kept

    def import_flower(self, shelf: Shelf) -> ImportResult:
        """Merge in what a Flower kept, see `found_at`; blocks. FlowerError where it is unusable."""
        return bring(shelf, self._running.writer, self._redactor)

    def import_once(self) -> None:
        """Do that for the file that our own `path` names, unless it was done; blocks.

        A file that cannot be used is warned about, and does not keep anything from starting.
        """
        if self._opened is None:
            return
        shelf = shelf_at(self.path) if self.path and self.is_persistent else None
        writer = self._running.writer
        try:
            if shelf is not None and not is_imported(shelf, writer):
                log.info("Importing what Flower kept at %s, once.", shelf.path)
                log.info("%s.", bring(shelf, writer, self._redactor))
        except (FlowerError, OSError) as error:
            self._warn(f"{error}. What Flower kept is missing in the history.")

    def begin(self, ingest: Callable[[], IngestStatus] | None = None) -> None:
        """Keep the bounds of age and size too from now on, and gaps; on the running loop.

        `ingest` tells whether events can arrive.
        """
        self._ingest = ingest or _unknown
        if self._opened is not None:
            self._opened.upkeep.begin()

    def stop(self) -> None:
        """Write what is left and close the file; a second call does nothing."""
        if self._opened is None:
            self._give_up()
            return
        self._opened.upkeep.stop()
        if self._opened.indexing:
            self._opened.indexing.stop()
        self._opened.flusher.stop()
        self.rollups.stop()
        self._look()
        self._gaps.stop(self._clock())
        self.owned_notes.stop()
        self.notebook.stop()
        self._opened.close()
        self._opened = None

    def _give_up(self) -> None:
        """Count what waited for a history that is closed."""
        if self._marks.tasks:
            self._marks.lost += len(self._marks.tasks)
            log.error("%d tasks could not be written: %s", len(self._marks.tasks), self._closed_why)
            self._marks.tasks.clear()

    @property
    def is_persistent(self) -> bool:
        """Whether what is kept outlasts this process."""
        return self._opened is not None and not self._opened.file.is_temporary

    @property
    def lag_s(self) -> float:
        """For how long the oldest change has waited to be written, at most."""
        return 0.0 if self._opened is None else self._opened.flusher.lag_s

    @property
    def lost(self) -> int:
        """How many changes of tasks were given up because they could not be written."""
        return self._marks.lost

    def restored(self, max_tasks: int = sys.maxsize) -> Restored:
        """Return what the file held at the start: the newest tasks and the unfinished; blocks."""
        if self._opened is None or self._opened.file.is_temporary:
            return Restored([], {}, ())
        found = restored(self._opened.file.connect(), max_tasks, self._dialect)
        self._is_restoring = True
        return Restored(found.workers, found.counters, self._restoring(found.tasks))

    def _restoring(self, tasks: Iterable[Task]) -> Iterator[Task]:
        """Go through tasks, for which a connection to the file is open until the end."""
        try:
            yield from tasks
        finally:
            self._is_restoring = False

    @property
    def _indexing(self) -> "Indexing | None":
        return None if self._opened is None else self._opened.indexing

    def _kind_of(self, file: StoreFile | None) -> str:
        if self._history:
            return "postgresql"
        return "temporary" if file is None else file.kind

    def _look(self) -> None:
        now = self._clock()
        self._gaps.look(self._ingest(), self.lost, now - self.lag_s, now)

    def _warn(self, message: str) -> None:
        log.warning(message)
        self.warnings.append(message)
