"""Opens the history anew: a server that was away, a file that was lost under us. On the loop.

What blocks runs on a thread of asyncio's own; meanwhile changes are marked in memory.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from flower_ng.errors import FlowerError
from flower_ng.store.backends.damage import make_way, saved
from flower_ng.store.lifecycle import StoreLifecycle
from flower_ng.store.reading.answers import StoreParts
from flower_ng.store.rollups.recorder import IngestStatus
from flower_ng.store.tables.dialect import DATABASE_ERRORS

log = logging.getLogger(__name__)

#: Between two looks at the file, and two tries to open what is closed.
LOOK_S: Final = 2.0

SAVED: Final = "{} while flower_ng ran; all of it was written to a new file"
BEGUN: Final = (
    "{} while flower_ng ran. A new history was begun with the {:,} tasks in memory; older ones are"
    " missing"
)
ASIDE: Final = ". What bore its name is kept as {}"


class ReopeningStore(StoreLifecycle):
    """A store that is open again as soon as it can be."""

    _keeping: "asyncio.Task[None] | None" = None
    _is_started = False

    def start(self) -> None:
        """Do as before."""
        super().start()
        self._is_started = True

    def begin(self, ingest: Callable[[], IngestStatus] | None = None) -> None:
        """Do as before, and keep the history open, unless stopped; on the running loop."""
        if not self._is_started:
            return
        super().begin(ingest)
        self._keeping = asyncio.get_running_loop().create_task(self._keep_open())

    def stop(self) -> None:
        """Do as before, and open nothing any more."""
        self._is_started = False
        if self._keeping is not None:
            self._keeping.cancel()
        super().stop()

    async def _keep_open(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self._look_at_file()
            except Exception:
                log.exception("The history could not be opened again")
            if self._dialect.is_shared:
                await self.session_ends.follow()
                await self.told_deploys.follow()
                await self.failure_handling.follow()

    async def _look_at_file(self) -> None:
        parts = self._opened
        if parts is None:
            await self._reopen()
        elif not self._is_restoring and (fault := await asyncio.to_thread(parts.file.lost)):
            await self._replace(parts, fault)

    async def _replace(self, parts: StoreParts, fault: str) -> None:
        """Write what the lost file held, or else what is in memory, to a new one."""
        log.error("The history is lost: %s", fault)
        self._closed_why, self._opened = fault, None
        # What was handed in before is waited for.
        await asyncio.wrap_future(parts.writer.run(lambda _: None))
        parts.upkeep.stop()
        parts.flusher.pause()
        self.rollups.stop()
        self._gaps.pause()
        self.owned_notes.stop()
        self.notebook.stop()
        path = Path(parts.file.name)
        is_saved, aside = await asyncio.to_thread(self._move, parts, path)
        if not is_saved:
            self._mark_all()
        words = SAVED.format(fault) if is_saved else BEGUN.format(fault, len(self._marks.tasks))
        self._warn(words + (ASIDE.format(aside) if aside else ""))
        await self._reopen()

    def _move(self, parts: StoreParts, path: Path) -> tuple[bool, Path | None]:
        """Close all connections, for the last one to a lost file takes away the new one's log."""
        new: list[Path | None] = []
        if parts.indexing:
            parts.indexing.stop()
        parts.writer.run(lambda connection: new.append(saved(connection, path))).result()
        aside = make_way(path, new[0], self._clock())
        with suppress(sqlite3.Error):
            parts.close()
        if new[0] is not None:
            new[0].rename(path)
        return new[0] is not None, aside

    def _mark_all(self) -> None:
        """Have all that is in memory written."""
        tasks, workers = self._held()
        for task in tasks:
            self._marks.touch(task)
        self._marks.hosts |= {worker.hostname: worker for worker in workers}

    async def _reopen(self) -> None:
        """Try to open; what keeps it from being open is said until it is."""
        try:
            parts = await asyncio.to_thread(self._open)
        except (FlowerError, OSError, *DATABASE_ERRORS) as error:
            self._closed_why = str(error)
            return
        self._opened, self._closed_why = parts, ""
        self.rollups.begin(self._ingest)
        parts.upkeep.begin()
        parts.flusher.marked()
        self.session_ends.rewrite()
        self.failure_handling.rewrite()
        self.told_deploys.rewrite()
        log.warning("The history is open again, and %d tasks are written.", self.waiting)

    @property
    def waiting(self) -> int:
        """How many changed tasks are not yet written."""
        parts = self._opened
        return len(self._marks.tasks) if parts is None else parts.flusher.waiting
