"""TaskIndex writes the documents of a store's tasks and commits them. On the index thread.

Which tasks changed since is noted as they are written (`writing.writer`). A commit is made so:
1. the writer raises, in `sealed`, the highest row id that may be in the index, and the epoch: each
   change to such a row is noted as one of the new epoch from now on;
2. all new rows, and those noted up to the old epoch, are taken in and committed; what changed after
   the first step is noted, so that it does not matter whether it was seen;
3. the commit is published to who reads, and said in a file beside it;
4. with the first step of the next commit, the writer forgets the notes of the old epochs.
A crash between the steps loses nothing: what is noted, or new to the file, is taken in again.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import uuid4

import msgspec
import tantivy

from flower_ng.store.index.commits import Commit
from flower_ng.store.index.compaction import Compaction
from flower_ng.store.index.documents import VERSION, Row, document, documents, register, schema

#: The library's version: it reads what others wrote only as far as it promises.
LIBRARY: Final = version("tantivy")
#: Documents that are read from the store at a time.
READ_ROWS: Final = 1_000
#: Documents that may wait in the library, which has room for 10,000.
QUEUED: Final = 9_000
#: New tasks that are taken in by one commit.
STEP_ROWS: Final = 2 * QUEUED
#: Tasks that are indexed again by one commit, so that the next is not late.
COMPACT_ROWS: Final = 4_000
#: Memory for documents that are not yet written.
HEAP_BYTES: Final = 32 << 20
#: Beside the files of the library.
FILE: Final = "flower_ng.json"

#: Has the thread that writes to the store run statements with a parameter each, and waits for that.
Write: TypeAlias = Callable[[Mapping[str, int | str]], None]

_NEXT: Final = (
    "SELECT coalesce(max(id), ?) FROM (SELECT id FROM task WHERE id > ? ORDER BY id LIMIT ?)"
)
_UNTAKEN: Final = (
    "SELECT (SELECT coalesce(max(id), 0) FROM task),"
    " (SELECT count(*) FROM stale WHERE epoch > ? AND id <= ?)"
)
_RAISE: Final = "UPDATE sealed SET id = max(id, ?), epoch = epoch + 1"
_FORGET: Final = "DELETE FROM stale WHERE epoch <= ?"
_RENAME: Final = "UPDATE meta SET value = ? WHERE key = 'index'"
_NAME: Final = "INSERT OR IGNORE INTO meta VALUES ('index', ?)"
_CHANGED: Final = "SELECT json_group_array(id) FROM stale WHERE epoch > ? AND id <= ?"
_SOME: Final = f"SELECT id FROM task WHERE id > ? AND id <= ? ORDER BY id LIMIT {READ_ROWS}"
_NEW: Final = f"({_SOME}) some CROSS JOIN task t ON t.id = some.id"
_AGAIN: Final = "json_each(?) each CROSS JOIN task t ON t.id = each.value"

_rows: Final = msgspec.json.Decoder(list[Row])


@dataclass(frozen=True, slots=True)
class _Told:
    """What the file beside the newest commit says of it."""

    version: int
    library: str
    store: str
    mark: int
    epoch: int


class TaskIndex:
    """The index in a folder, which is made anew unless it is this store's; without one, in memory.

    `published` is the newest commit, `unindexed` how many tasks are not in it as they are.
    """

    def __init__(self, folder: Path | None, connection: sqlite3.Connection, write: Write) -> None:
        self.published: Commit | None = None
        self.unindexed: int | None = None
        self._folder = folder
        self._connection = connection
        self._write = write
        self._schema = schema()
        self._name = self._store_name()
        self._queued = 0
        self._compaction = Compaction(folder)
        told = self._told(folder) if folder else None
        try:
            self._open(told.mark if told else 0, told.epoch if told else 0)
        except (ValueError, OSError):
            if told is None:
                raise
            self._open(0, 0)

    def step(self, is_wanted: Callable[[], bool] = lambda: True, again: Sequence[int] = ()) -> bool:
        """Take in what is new, and what changed, up to STEP_ROWS; return whether more is left.

        The rows of `again` are indexed again. Once it is no longer wanted, it is given up.
        """
        new, changed = self._untaken()
        if not new and not changed and not again:
            return False
        (mark,) = self._connection.execute(_NEXT, (self._mark, self._mark, STEP_ROWS)).fetchone()
        self._write({_FORGET: self._epoch, _RAISE: mark})
        (epoch,) = self._connection.execute("SELECT epoch - 1 FROM sealed").fetchone()
        self._take_in(mark, is_wanted, again)
        if not is_wanted():
            self._writer.rollback()
            return False
        self._commit(mark, epoch)
        return new > STEP_ROWS

    def compact(self, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Publish what was merged, and rid the files of some of what is outdated in them.

        For that some COMPACT_ROWS are indexed again. Once it is no longer wanted, it is given up.
        """
        if not self._compaction.has_news():
            return
        commit = self._publish(self._mark, self._epoch)
        rows = self._compaction.rows(commit.searcher, self._schema, COMPACT_ROWS)
        if rows:
            self.step(is_wanted, rows)

    def remake(self, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Take in all tasks anew, so that no file has anything of those that are gone.

        Until that is committed the newest commit stays. Once it is no longer wanted, it is given
        up.
        """
        self._name = self._store_name()
        (mark,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM task").fetchone()
        self._write({_FORGET: self._epoch, _RAISE: mark})
        (epoch,) = self._connection.execute("SELECT epoch - 1 FROM sealed").fetchone()
        self._writer.delete_all_documents()
        self._add_new(0, mark, is_wanted)
        if not is_wanted():
            self._writer.rollback()
            return
        self._commit(mark, epoch)
        self._writer.garbage_collect_files()

    def rollback(self) -> None:
        """Give up what was not published."""
        self._writer.rollback()
        self._drop_newer()

    def close(self) -> None:
        """Let go of the folder."""
        self.published = None
        del self._writer

    @property
    def bytes(self) -> int:
        """How large the index is on the disk."""
        if self._folder is None:
            return 0
        with os.scandir(self._folder) as files:
            return sum(map(_size, files))

    def _untaken(self) -> tuple[int, int]:
        """Return how many tasks are new, and how many of those that are taken in have changed."""
        asked = (self._epoch, self._mark)
        newest, changed = self._connection.execute(_UNTAKEN, asked).fetchone()
        new = max(0, newest - self._mark)
        if new > STEP_ROWS:  # ids: many of their rows may be gone
            (held,) = self._connection.execute("SELECT count(*) FROM task").fetchone()
            new = min(new, held)
        self.unindexed = new + changed
        return new, changed

    def _take_in(self, mark: int, is_wanted: Callable[[], bool], again: Sequence[int]) -> None:
        (found,) = self._connection.execute(_CHANGED, (self._epoch, self._mark)).fetchone()
        changed = sorted({*msgspec.json.decode(found, type=list[int]), *again})
        for start in range(0, len(changed), READ_ROWS):
            if is_wanted():
                some = changed[start : start + READ_ROWS]
                self._add(_AGAIN, (msgspec.json.encode(some).decode(),), some)
        self._add_new(self._mark, mark, is_wanted)

    def _add_new(self, last: int | None, mark: int, is_wanted: Callable[[], bool]) -> None:
        """Add all rows behind one up to another."""
        while last is not None and is_wanted():
            last = self._add(_NEW, (last, mark))

    def _add(
        self, tasks: str, parameters: Sequence[Any], replaced: Sequence[int] = ()
    ) -> int | None:
        """Add the rows of a relation of tasks, in the place of those `replaced`.

        Return the last of their ids, None of none. The library queues 10,000 documents, and holds
        the interpreter while it waits for room: a commit, which nobody sees, empties the queue in
        time. None of them has a row's old document deleted and its new one not yet added.
        """
        text, last = self._connection.execute(documents(tasks), parameters).fetchone()
        rows = _rows.decode(text)
        if self._queued + len(rows) > QUEUED:
            self._writer.commit()
            self._queued = 0
        for row in replaced:
            self._writer.delete_documents_by_term("id", row)
        for document_row in rows:
            self._writer.add_json(document(document_row))
        self._queued += len(rows)
        return int(last) if rows else None

    def _commit(self, mark: int, epoch: int) -> None:
        self._writer.commit()
        self._queued = 0
        self._publish(mark, epoch)
        if self._folder is not None:
            told = _Told(VERSION, LIBRARY, self._name, mark, epoch)
            new = self._folder / f"{FILE}.new"
            new.write_bytes(msgspec.json.encode(told))
            new.replace(self._folder / FILE)

    def _publish(self, mark: int, epoch: int) -> Commit:
        self._index.reload()
        self._mark, self._epoch = mark, epoch
        self.published = Commit(self._index.searcher(), self._schema, mark, epoch)
        return self.published

    def _open(self, mark: int, epoch: int) -> None:
        if self._folder is None:
            self._index = tantivy.Index(self._schema)
        else:
            if not mark:
                shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._index = tantivy.Index(self._schema, path=str(self._folder))
        register(self._index)
        self._index.config_reader("manual")
        self._writer = self._index.writer(HEAP_BYTES, 1)
        self._mark = mark
        if mark:
            self._drop_newer()
        self._publish(mark, epoch)

    def _drop_newer(self) -> None:
        """Drop what was committed before a crash or a failure, and not yet published."""
        newer = tantivy.Query.range_query(
            self._schema, "id", tantivy.FieldType.Integer, self._mark, None, include_lower=False
        )
        self._writer.delete_documents_by_query(newer)
        self._writer.commit()

    def _told(self, folder: Path) -> _Told | None:
        """Return what is told of an index that is this store's, and of our making."""
        try:
            told = msgspec.json.decode((folder / FILE).read_bytes(), type=_Told)
        except (OSError, msgspec.DecodeError):
            return None
        mark, epoch = self._connection.execute("SELECT id, epoch FROM sealed").fetchone()
        made = (told.version, told.library, told.store)
        is_ours = made == (VERSION, LIBRARY, self._name)
        return told if is_ours and told.mark <= mark and told.epoch <= epoch else None

    def _store_name(self) -> str:
        """Return what the store is known by, and have it known."""
        self._write({_NAME: uuid4().hex})
        query = "SELECT value FROM meta WHERE key = 'index'"
        return str(self._connection.execute(query).fetchone()[0])


def _size(file: os.DirEntry[str]) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # merged into another one meanwhile
        return 0


def rename(connection: sqlite3.Connection) -> None:
    """Know a store by another name: no index that was made up to now is its own any more."""
    connection.execute(_RENAME, (uuid4().hex,))
