"""Opened is what there is of a store while it is open: all its parts, or there is none."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flower_ng.store.backends.sqlite import StoreFile
from flower_ng.store.reading.threads import Reader
from flower_ng.store.sql.task_engine import TaskEngine
from flower_ng.store.writing.flush import Flusher
from flower_ng.store.writing.upkeep import Upkeep
from flower_ng.store.writing.writer import Writer

if TYPE_CHECKING:
    from flower_ng.store.index.thread import Indexing


@dataclass(frozen=True, slots=True)
class Opened:
    """The parts of a store that is open; `indexing` is None where no index is kept."""

    file: StoreFile
    writer: Writer
    flusher: Flusher
    upkeep: Upkeep
    reader: Reader
    engine: TaskEngine
    indexing: "Indexing | None" = None

    def close(self) -> None:
        """Let go of the file, when nothing is written any more; blocks for what is being read."""
        self.reader.close()
        self.writer.close()
        self.file.close()
