"""Opens a store, keeps it and closes it, part by part. Blocking, at the start and the end."""

import logging
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from uuid import uuid4

from flower_ng.errors import HistoryAway, Unavailable
from flower_ng.records import Task, Worker
from flower_ng.store.backends import opened_history, why_unusable
from flower_ng.store.backends.sqlite import GOES, StoreFile, opened, temporary
from flower_ng.store.beside import BesideTasks
from flower_ng.store.index import WITHOUT, indexing
from flower_ng.store.reading.answers import StoreParts, TaskEngine
from flower_ng.store.reading.restore import restored
from flower_ng.store.reading.threads import Reader
from flower_ng.store.rollups.recorder import IngestStatus
from flower_ng.store.rollups.tallies import RollupLevel
from flower_ng.store.sql.engine import SqlEngine
from flower_ng.store.sql.server_engine import PostgresEngine
from flower_ng.store.tables.dialect import POSTGRESQL, SQLITE
from flower_ng.store.tables.rows import Restored
from flower_ng.store.writing.changes import Marks
from flower_ng.store.writing.flush import Flusher
from flower_ng.store.writing.repair import Repair, SpareRoom, Upkeep
from flower_ng.store.writing.retention import MEMORY_BYTES, Limits, Sweep, usual_max_bytes
from flower_ng.store.writing.snapshots import Bounds
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


class StoreLifecycle:
    """The file or database of a store and the threads around it, and what outlasts an opening.

    `parts` are there while it is open; else `closed_why` says why it is closed although the store
    runs, and is empty where it does not. `wanted` is the kind that was asked for, `warnings` say
    what is not as it was asked for.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        max_tasks: int,
        history: str | None,
        limits: Limits,
        bounds: Bounds,
        levels: Sequence[RollupLevel],
        optional: bool,
        clock: Callable[[], float],
    ) -> None:
        self.parts: StoreParts | None = None
        self.closed_why = ""
        self.wanted = "postgresql" if history else "file" if path else "temporary"
        self.warnings: list[str] = []
        self._refused = why_unusable(history) if history and optional else ""
        self.history = history = None if self._refused else history
        self.path, self.clock = path, clock
        self.dialect = POSTGRESQL if history else SQLITE
        self.sweep = Sweep(
            max_tasks=max_tasks,
            limits=limits,
            clock=clock,
            dialect=self.dialect,
            index_bytes=lambda: self.indexing.bytes if self.indexing else 0,
        )
        self.repair = Repair(self.dialect)
        self.beside = BesideTasks(
            self.dialect,
            self.running,
            name=uuid4().hex if history else "",
            levels=levels,
            audit_s=limits.audit_age_s,
            clock=clock,
        )
        self.marks = Marks(max_tasks=MAX_MARKS, max_events=bounds.max_events)
        #: Whether events can arrive.
        self.ingest: Callable[[], IngestStatus] = _unknown
        #: The tasks and workers in memory.
        self.held: Callable[[], tuple[Collection[Task], Collection[Worker]]] = lambda: ((), ())
        #: Called where the history was opened anew, and may have been begun anew.
        self.reopened: Callable[[], None] = lambda: None
        #: Whether a connection is open by which tasks are restored.
        self.is_restoring = False
        self._optional, self._bounds = optional, bounds

    def running(self) -> StoreParts:
        """Return the parts; Unavailable while it is not open."""
        if self.parts is None:
            raise Unavailable(self.closed_why or "The store is not running")
        return self.parts

    def start(self) -> None:
        """Open it; a server that is away is waited for."""
        try:
            self.parts = self.open()
        except HistoryAway as error:
            self.closed_why = error.message
            log.warning(AWAY.format(error.message, MAX_MARKS))

    def open(self) -> StoreParts:
        """Open the file and all that reads and writes it; blocks.

        What fails half-way lets go of the file: its lock would refuse the next try.
        """
        with ExitStack() as undo:
            file = self._file()
            undo.callback(file.close)
            parts = self._parts_of(file, undo)
            undo.pop_all()
        return parts

    def _parts_of(self, file: StoreFile, undo: ExitStack) -> StoreParts:
        if (kind := self.kind_of(file)) != self.wanted:
            self.sweep.narrow(MEMORY_BYTES if kind == "memory" else usual_max_bytes(None))
        spare = SpareRoom(file.name) if kind == "file" else None
        connection = file.connect(writes=True)
        writer = Writer(connection, self.sweep, self._bounds, self.dialect)
        # Its thread stays, for what is put meanwhile: that fails, and is written by the next one.
        undo.callback(lambda: writer.run(lambda connection: connection.close()).result())
        self.repair.open(connection)
        self.beside.open(writer, goes_on=kind == "file")
        engine, indexing = self._chosen(file, writer)
        parts = StoreParts(
            file,
            writer,
            Flusher(self.marks, writer, met=file.met),
            Upkeep(writer, self.sweep, self.repair, self.look, spare),
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
            self.warn(f"{self._refused}. {GOES}")
            return temporary(self.warn)
        if not self.history:
            return opened(self.path, self.warn, self.clock, optional=self._optional)
        return cast("StoreFile", opened_history(self.history, self.warn))

    def _chosen(self, file: StoreFile, writer: Writer) -> "tuple[TaskEngine, Indexing | None]":
        """Return what answers questions about tasks, and keeps the index where there can be one."""
        if self.history:
            return PostgresEngine(), None
        sql = SqlEngine(self.dialect, lambda: self.sweep.held_tasks)
        found = indexing(file, writer, sql)
        if isinstance(found, ImportError):
            self.warn(WITHOUT.format(found))
            return sql, None
        kept, engine = found
        return engine, kept

    def stop(self) -> None:
        """Write what is left and close the file; a second call does nothing."""
        if self.parts is None:
            self._give_up()
            return
        self.parts.upkeep.stop()
        if self.parts.indexing:
            self.parts.indexing.stop()
        self.parts.flusher.stop()
        self.look()
        self.beside.stop()
        self.parts.close()
        self.parts = None

    def _give_up(self) -> None:
        """Count what waited for a history that is closed."""
        if self.marks.tasks:
            self.marks.lost += len(self.marks.tasks)
            log.error("%d tasks could not be written: %s", len(self.marks.tasks), self.closed_why)
            self.marks.tasks.clear()

    @property
    def is_persistent(self) -> bool:
        """Whether what is kept outlasts this process."""
        return self.parts is not None and not self.parts.file.is_temporary

    @property
    def waiting(self) -> int:
        """How many changed tasks are not yet written."""
        return len(self.marks.tasks) if self.parts is None else self.parts.flusher.waiting

    @property
    def lag_s(self) -> float:
        """For how long the oldest change has waited to be written, at most."""
        return 0.0 if self.parts is None else self.parts.flusher.lag_s

    @property
    def indexing(self) -> "Indexing | None":
        """What keeps the index, None where there is none."""
        return None if self.parts is None else self.parts.indexing

    def restored(self, max_tasks: int = sys.maxsize) -> Restored:
        """Return what the file held at the start: the newest tasks and the unfinished; blocks."""
        if self.parts is None or self.parts.file.is_temporary:
            return Restored([], {}, ())
        found = restored(self.parts.file.connect(), max_tasks, self.dialect)
        self.is_restoring = True
        return Restored(found.workers, found.counters, self._restoring(found.tasks))

    def _restoring(self, tasks: Iterable[Task]) -> Iterator[Task]:
        """Go through tasks, for which a connection to the file is open until the end."""
        try:
            yield from tasks
        finally:
            self.is_restoring = False

    def kind_of(self, file: StoreFile | None) -> str:
        """Return `file`, `temporary`, `memory` or `postgresql`."""
        if self.history:
            return "postgresql"
        return "temporary" if file is None else file.kind

    def look(self) -> None:
        """Note what is missing of the time since the last look."""
        now = self.clock()
        self.beside.gaps.look(self.ingest(), self.marks.lost, now - self.lag_s, now)

    def warn(self, message: str) -> None:
        """Log a warning, and keep it."""
        log.warning(message)
        self.warnings.append(message)
