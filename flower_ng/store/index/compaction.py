"""Compaction chooses what is indexed again, so that deleted documents leave the index's files.

tantivy keeps a deleted document until it merges its segment, which of a large one may be never. A
segment of which all is deleted goes at once: so what is left of the one with most deleted documents
is indexed again, some of it with each commit. On the index thread.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from tantivy import DocAddress, Query

#: A segment of which a larger share is deleted is emptied: at most two documents are written again
#: for each that goes.
SHARE: Final = 0.33
#: Smaller segments are merged soon by the library itself.
LEAST_DOCUMENTS: Final = 10_000
#: Documents that are looked at at a time.
LOOK: Final = 1_000


class Deletes(msgspec.Struct, frozen=True):
    """How many documents of a segment are deleted."""

    num_deleted_docs: int


class Segment(msgspec.Struct, frozen=True):
    """A segment of the index, as the library's own file describes it."""

    segment_id: str
    max_doc: int
    deletes: Deletes | None = None

    @property
    def share(self) -> float:
        """Which share of it is deleted; of a small segment none, for it goes by itself."""
        deleted = self.deletes.num_deleted_docs if self.deletes else 0
        return deleted / self.max_doc if self.max_doc >= LEAST_DOCUMENTS else 0.0


class Meta(msgspec.Struct, frozen=True):
    """The file that the library writes with each commit, and when a merge ends."""

    segments: list[Segment]


class Compaction:
    """Empties one segment after the other.

    An index in memory, without a folder, is left as it is: it is small.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = folder and folder / "meta.json"
        self._seen = b""
        self._segments: Sequence[Segment] = ()
        self._emptied = ""
        self._next = 0

    def has_news(self) -> bool:
        """Tell whether something was committed or merged since it was asked."""
        text = self._file.read_bytes() if self._file else b""
        if text == self._seen:
            return False
        self._seen, self._segments = text, msgspec.json.decode(text, type=Meta).segments
        return True

    def rows(self, searcher: Any, schema: Any, most: int) -> Sequence[int]:
        """Return some rows to index again, about `most`; none where no segment is to be emptied.

        The searcher is of the newest state.
        """
        if len(self._segments) != searcher.num_segments:  # a merge came between
            return ()
        by_share = sorted(enumerate(self._segments), key=lambda one: one[1].share, reverse=True)
        for place, segment in by_share:
            if segment.share > SHARE and not _is_expiring(searcher, schema, place, segment):
                return self._next_rows(searcher, schema, place, segment, most)
        return ()

    def _next_rows(
        self, searcher: Any, schema: Any, place: int, segment: Segment, most: int
    ) -> Sequence[int]:
        if segment.segment_id != self._emptied:
            self._emptied, self._next = segment.segment_id, 0
        rows: list[int] = []
        while len(rows) < most and self._next < segment.max_doc:
            end = min(self._next + LOOK, segment.max_doc)
            rows += _alive(searcher, schema, place, range(self._next, end))
            self._next = end
        if not rows:  # what was given up before is left
            self._next = 0
        return rows


def _is_expiring(searcher: Any, schema: Any, place: int, segment: Segment) -> bool:
    """Tell whether most of what is deleted is of tasks that are gone: soon all of them are."""
    documents = range(0, segment.max_doc, max(1, segment.max_doc // LOOK))
    rows, living = _looked_up(searcher, schema, place, documents)
    return 2 * (len(set(rows)) - len(living)) > segment.share * len(rows)


def _alive(searcher: Any, schema: Any, place: int, documents: range) -> Sequence[int]:
    """Return the rows of those documents of a segment that are not deleted."""
    rows, living = _looked_up(searcher, schema, place, documents)
    return [rows[one.doc - documents.start] for one in living if one.segment_ord == place]


def _looked_up(
    searcher: Any, schema: Any, place: int, documents: range
) -> tuple[Sequence[int], Sequence[Any]]:
    """Return the rows of some documents, and where the living documents of these rows are."""
    rows = searcher.fast_field_values("id", [DocAddress(place, number) for number in documents])
    query = Query.term_set_query(schema, "id", rows)
    hits = searcher.search(query, limit=len(rows), count=False).hits
    return rows, [address for _, address in hits]
