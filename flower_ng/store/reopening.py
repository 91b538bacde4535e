"""Opens the history anew: a server that was away, a file that was lost under us. On the loop.

What blocks runs on a thread of asyncio's own; meanwhile changes are marked in memory.
"""

import asyncio
import logging
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from flower_ng.errors import FlowerError
from flower_ng.store.backends.damage import make_way, saved
from flower_ng.store.lifecycle import StoreLifecycle
from flower_ng.store.reading.answers import StoreParts
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


class Reopening:
    """Sees to it, from `begin` to `stop`, that a history is open again as soon as it can be.

    It learns what other dashboards of the same history noted, too.
    """

    def __init__(self, life: StoreLifecycle) -> None:
        self._life = life
        self._keeping: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look every two seconds from now on; on the running loop."""
        self._keeping = asyncio.get_running_loop().create_task(self._keep_open())

    def stop(self) -> None:
        """Open nothing any more."""
        if self._keeping is not None:
            self._keeping.cancel()

    async def _keep_open(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self._look_at_file()
            except Exception:
                log.exception("The history could not be opened again")
            if self._life.dialect.is_shared:
                await self._life.beside.follow()

    async def _look_at_file(self) -> None:
        parts = self._life.parts
        if parts is None:
            await self._reopen()
        elif not self._life.is_restoring and (fault := await asyncio.to_thread(parts.file.lost)):
            await self._replace(parts, fault)

    async def _replace(self, parts: StoreParts, fault: str) -> None:
        """Write what the lost file held, or else what is in memory, to a new one."""
        log.error("The history is lost: %s", fault)
        life, path = self._life, Path(parts.file.name)
        life.closed_why, life.parts = fault, None
        # What was handed in before is waited for.
        await asyncio.wrap_future(parts.writer.run(lambda _: None))
        parts.upkeep.stop()
        parts.flusher.pause()
        life.beside.pause()
        is_saved, aside = await asyncio.to_thread(self._move, parts, path)
        if not is_saved:
            self._mark_all()
        words = SAVED.format(fault) if is_saved else BEGUN.format(fault, len(life.marks.tasks))
        life.warn(words + (ASIDE.format(aside) if aside else ""))
        await self._reopen()

    def _move(self, parts: StoreParts, path: Path) -> tuple[bool, Path | None]:
        """Close all connections, for the last one to a lost file takes away the new one's log."""
        new: list[Path | None] = []
        if parts.indexing:
            parts.indexing.stop()
        parts.writer.run(lambda connection: new.append(saved(connection, path))).result()
        aside = make_way(path, new[0], self._life.clock())
        with suppress(sqlite3.Error):
            parts.close()
        if new[0] is not None:
            new[0].rename(path)
        return new[0] is not None, aside

    def _mark_all(self) -> None:
        """Have all that is in memory written."""
        tasks, workers = self._life.held()
        for task in tasks:
            self._life.marks.touch(task)
        self._life.marks.hosts |= {worker.hostname: worker for worker in workers}

    async def _reopen(self) -> None:
        """Try to open; what keeps it from being open is said until it is."""
        life = self._life
        try:
            parts = await asyncio.to_thread(life.open)
        except (FlowerError, OSError, *DATABASE_ERRORS) as error:
            life.closed_why = str(error)
            return
        life.parts, life.closed_why = parts, ""
        life.beside.rollups.begin(life.ingest)
        parts.upkeep.begin()
        parts.flusher.marked()
        life.beside.rewrite()
        life.reopened()
        log.warning("The history is open again, and %d tasks are written.", life.waiting)
