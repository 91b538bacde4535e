"""The index of a SQLite store: a folder of the search library tantivy beside the file."""

from typing import TYPE_CHECKING

from flower_ng.store.backends.sqlite import StoreFile
from flower_ng.store.sql.engine import SqlEngine
from flower_ng.store.writing.writer import Writer

if TYPE_CHECKING:
    from flower_ng.store.index.engine import TantivyEngine
    from flower_ng.store.index.thread import Indexing

#: What is said where the library is not there: it has no wheel for every platform.
WITHOUT = "Lists and searches have no index and take their time: {}"


def indexing(
    file: StoreFile, writer: Writer, sql: SqlEngine
) -> "tuple[Indexing, TantivyEngine] | ImportError":
    """Return the thread that keeps the index of a store, and the engine that goes by it.

    Where the library cannot be imported, why; this is the one place that knows of that.
    """
    try:
        from flower_ng.store.index.engine import TantivyEngine  # noqa: PLC0415 - may be missing
        from flower_ng.store.index.thread import Indexing  # noqa: PLC0415
    except ImportError as error:
        return error
    kept = Indexing(file, writer)
    return kept, TantivyEngine(sql, kept.published, kept.failed)
