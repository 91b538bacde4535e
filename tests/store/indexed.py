"""The task table with its index, without threads: sealed when a test says so."""

from dataclasses import replace
from pathlib import Path

import msgspec

from flower_ng.store import lists
from flower_ng.store.file import opened
from flower_ng.store.index import Directory, directory, opened_index
from flower_ng.store.rows import TaskRow
from flower_ng.store.sealing import Sealing, Sizes
from flower_ng.store.task_query import TaskQuery
from flower_ng.store.view import Sight
from flower_ng.store.writer import Writer
from tests.store.making import NOW, Table

#: Parts of five rows, three of which become one, up to twenty.
TINY = Sizes(least=1, usual=5, most=20, alike=3)


class IndexedTable(Table):
    """A store's file with an index of tiny parts."""

    def __init__(self, path: Path | None, sizes: Sizes = TINY) -> None:
        self.file = opened(path, warn=print, clock=lambda: NOW)
        super().__init__(self.file.connect(writes=True))
        self.index = opened_index(self.file)
        self.sealing = Sealing(self.index, _Here(self.connection), sizes)
        self.sight = Sight(self.index.attached(), has_index=True)

    @property
    def directory(self) -> Directory:
        return directory(self.index.connection)

    def seal(self) -> None:
        """Seal what there is, however little, as the thread would after a while."""
        self.sealing._sealed_at = float("-inf")
        while self.sealing.step():
            pass

    def found(self, query: TaskQuery) -> lists.Found:
        with self.sight.view() as view:
            return lists.page(view, query, NOW)

    def tasks(self, query: TaskQuery) -> list[TaskRow]:
        some = query if query.limit is not None else replace(query, limit=1000)
        return msgspec.json.decode(self.found(some).rows, type=list[TaskRow], strict=False)

    def filtered(self, query: TaskQuery) -> int:
        return self.found(query).filtered

    def ids(self, query: TaskQuery) -> list[int]:
        with self.sight.view() as view:
            return msgspec.json.decode(lists.ids(view, query, NOW))

    def delete(self, *uuids: str) -> None:
        for uuid in uuids:
            self.connection.execute("DELETE FROM task WHERE uuid = ?", (uuid,))

    def close(self) -> None:
        self.sight.connection.close()
        self.index.close()
        self.connection.close()
        self.file.close()


class _Here(Writer):
    """A writer without a thread, for tests that have none."""

    def __init__(self, connection):
        self._connection = connection

    def run(self, job):
        job(self._connection)
        return _Done()


class _Done:
    def result(self):
        return None
