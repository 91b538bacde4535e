"""The index thread: keeps the index up to date, with a commit each second while tasks change.

The rows are the truth: an index that fails, or whose folder is deleted, is made again from them,
and until it is, answers come by SQL.
"""

import logging
import shutil
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event, Thread, main_thread
from typing import Final

from flower_ng.store.backends.sqlite import StoreFile
from flower_ng.store.index.commits import Commit
from flower_ng.store.index.tasks import TaskIndex, rename
from flower_ng.store.writing.writer import Writer

log = logging.getLogger(__name__)

#: Between two looks at what there is to take in.
TICK_S: Final = 1.0
#: After failures in a row, as when the disk is full.
RETRY_S: Final = 60.0
#: It is compacted after a look at which no more tasks than this were taken in,
QUIET_ROWS: Final = 5_000
#: and for a fourth of the time.
REST: Final = 3
#: Steps of SQLite between two looks at whether to stop: some 10 ms.
STEPS: Final = 500_000


class Indexing:
    """The thread that keeps an index, from `start` to `stop`.

    `bytes` is its size on the disk, `outdated` which share of it is of tasks as they were before;
    `unindexed` is how many tasks are not in it as they are, None until known.
    """

    def __init__(self, file: StoreFile, writer: Writer) -> None:
        self.bytes, self.outdated = 0, 0.0
        self._folder = folder_of(file)
        self._writer = writer
        self._connection = file.connect()
        self._connection.execute("SELECT count(*) FROM sealed").fetchone()  # opens all its files
        self._index: TaskIndex | None = None
        self._is_broken = False
        self._forgotten = self._remade = 0
        self._rests_until = 0.0
        self._is_stopping = Event()
        self._thread = Thread(target=self._run, name="flower_ng-index", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._connection.set_progress_handler(self._is_stopping.is_set, STEPS)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what it was taking in is given up, and is again at the next start."""
        self._is_stopping.set()
        self._thread.join()
        self._let_go()
        self._connection.close()

    def published(self) -> Commit | None:
        """Return the newest commit, None while there is none."""
        return None if self._index is None or self._is_broken else self._index.published

    @property
    def unindexed(self) -> int | None:
        """How many tasks are not in the index as they are, None until known."""
        return None if self._index is None else self._index.unindexed

    def forget(self, connection: sqlite3.Connection) -> None:
        """Have what the index told of tasks that are gone leave its files; on the store thread.

        Until it has, the index is not the store's: after a crash it is made again.
        """
        rename(connection)
        self._forgotten += 1

    def failed(self, error: BaseException) -> None:
        """Have the index made again, for it could not be read; on any thread."""
        if not self._is_broken:
            log.warning("The index of the store cannot be read, and is made again: %s", error)
        self._is_broken = True

    def _run(self) -> None:
        wait_s, failures = 0.0, 0
        while not self._is_over(wait_s):
            wait_s = TICK_S
            try:
                self._keep()
                failures = 0
            except BaseException as error:  # noqa: BLE001 - the library's panics are no Exceptions
                if self._is_over():
                    return
                failures += 1
                self._give_up(error)
                wait_s = TICK_S if failures == 1 else RETRY_S

    def _is_over(self, wait_s: float = 0.0) -> bool:
        """Whether it is stopped within this time, or Python ends, which nobody may have said."""
        return self._is_stopping.wait(wait_s) or not main_thread().is_alive()

    def _keep(self) -> None:
        """Take in all that is new."""
        if self._is_broken:
            self._remove()
        if self._index is None:
            self._index = TaskIndex(self._folder, self._connection, self._write)
        if (forgotten := self._forgotten) != self._remade:
            self._index.remake(self._is_wanted)
            self._remade = forgotten
        while self._index.step(self._is_wanted):
            self._measure(self._index)
        self._compact(self._index)
        self._measure(self._index)

    def _compact(self, index: TaskIndex) -> None:
        began = time.monotonic()
        if began < self._rests_until or (index.unindexed or 0) > QUIET_ROWS:
            return
        index.compact(self._is_wanted)
        now = time.monotonic()
        self._rests_until = now + REST * (now - began)

    def _measure(self, index: TaskIndex) -> None:
        self.bytes = index.bytes
        commit = index.published
        self.outdated = commit.outdated if commit else 0.0

    def _is_wanted(self) -> bool:
        return not self._is_stopping.is_set()

    def _write(self, statements: Mapping[str, int | str]) -> None:
        self._writer.run(lambda connection: run(connection, statements)).result()

    def _give_up(self, error: BaseException) -> None:
        if isinstance(error, sqlite3.Error):
            log.warning("The index of the store fell behind, and is tried again: %s", error)
            if self._index is not None:
                self._index.rollback()
        else:
            log.warning("The index of the store failed, and is made again: %s", error)
            self._is_broken = True

    def _remove(self) -> None:
        self._let_go()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._is_broken = False

    def _let_go(self) -> None:
        if self._index is not None:
            self._index.close()
        self._index = None


def run(connection: sqlite3.Connection, statements: Mapping[str, int | str]) -> None:
    """Run statements with a parameter each, one after the other."""
    for statement, parameter in statements.items():
        connection.execute(statement, (parameter,))


def folder_of(file: StoreFile) -> Path | None:
    """Return the folder beside a store's file, None for one that goes: its index is in memory."""
    return None if file.is_temporary else Path(f"{file.name.removesuffix('.sqlite3')}.index")
