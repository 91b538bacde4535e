"""The task table with its index, without threads: sealed when a test says so."""

from dataclasses import replace
from pathlib import Path

import msgspec

from flower_ng.store import grouping, lists
from flower_ng.store.engine import Found
from flower_ng.store.file import opened
from flower_ng.store.keyset import Place, cursor_behind, place_of
from flower_ng.store.numbering import note_changed
from flower_ng.store.old_index import Directory, directory, opened_index
from flower_ng.store.rows import TaskRow
from flower_ng.store.sealing import Sealing, Sizes
from flower_ng.store.summaries import FACETS, Facets, FailureGroup, Histogram
from flower_ng.store.task_query import TaskQuery
from flower_ng.store.view import Sight, View
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

    def be_busy(self) -> None:
        """Have the index be kept as while much comes in, from now on."""
        self.sealing._is_busy, self.sealing._looked_at = True, float("inf")

    def seal(self) -> None:
        """Seal what there is, however little, as the thread would after a while."""
        self.sealing._sealed_at = float("-inf")
        while self.sealing.step():
            pass

    def found(self, query: TaskQuery) -> Found:
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

    def walked(self, query: TaskQuery, limit: int) -> list[str]:
        """Go from page to page by cursor; return the ids of all."""
        found, place = [], None
        while page := self._after(query, place, limit):
            found += [row.uuid for row in page]
            place = place_of(query, cursor_behind(query, page[-1]))
        return found

    def _after(self, query: TaskQuery, place: Place | None, limit: int) -> list[TaskRow]:
        with self.sight.view() as view:
            rows = lists.after(view, query, place, limit, NOW)
        return msgspec.json.decode(rows, type=list[TaskRow], strict=False)

    def count(self, query: TaskQuery) -> int:
        with self.sight.view() as view:
            return lists.count(view, query, NOW)

    def facets(self, query: TaskQuery, *, by_index: bool = True) -> Facets:
        with self.sight.view() as view:
            return grouping.facets(
                view if by_index else View(view.connection), query, FACETS, 50, NOW
            )

    def failures(self, query: TaskQuery, *, by_index: bool = True) -> list[FailureGroup]:
        with self.sight.view() as view:
            return grouping.failures(view if by_index else View(view.connection), query, 9, NOW)

    def histogram(self, query: TaskQuery, *, by_index: bool = True) -> Histogram:
        with self.sight.view() as view:
            some = view if by_index else View(view.connection)
            return grouping.histogram(some, query, 0.5, 1.5, 3, NOW)

    def delete(self, *uuids: str) -> None:
        for uuid in uuids:
            note_changed(self.connection, "uuid = ?", uuid)
            self.connection.execute("DELETE FROM task WHERE uuid = ?", (uuid,))

    def forget(self, uuid: str) -> None:
        """Forget a task as the store does."""
        self.connection.execute("PRAGMA secure_delete = ON")
        self.delete(uuid)
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.sealing.forget(self.connection, [uuid])

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
