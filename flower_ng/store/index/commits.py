"""One committed state of the index, and the rows that changed since. On a reading thread."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from flower_ng.store.index.queries import having
from flower_ng.store.sql.engine import ReadConnection

#: More changes than this are not worth looking at beside the index: it is being made.
MOST_FRESH: Final = 30_000
#: How often is begun again because a newer commit came between.
TRIES: Final = 5

#: Counts three times as fast as a search for the best of the tasks that it counts.
_NUMBER: Final = {"number": {"value_count": {"field": "id"}}}
_LIMIT: Final = f"LIMIT {MOST_FRESH + 1}"
_CHANGED: Final = "epoch > ? AND stale.id <= ?"
_ROWS: Final = (
    f"SELECT id FROM stale WHERE {_CHANGED} {_LIMIT}",
    f"SELECT task.id FROM stale CROSS JOIN task ON task.id = stale.id WHERE {_CHANGED} {_LIMIT}",
    f"SELECT id FROM task WHERE id > ? {_LIMIT}",
)
_EACH: Final = [f"(SELECT json_group_array(id) FROM ({rows}))" for rows in _ROWS]
_FRESH: Final = f"SELECT {', '.join(_EACH)}"


@dataclass(frozen=True, slots=True)
class Commit:
    """One state of the index: rows up to `mark`, with their changes up to `epoch`."""

    searcher: Any
    schema: Any
    mark: int
    epoch: int
    _values: dict[str, Sequence[str]] = field(default_factory=dict)
    _lacking: dict[str, bool] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many tasks are in it, those included that have changed since."""
        return int(self.searcher.num_docs)

    def values(self, name: str) -> Sequence[str]:
        """Return the values that a field of few values has, in their order."""
        if name not in self._values:
            self._values[name] = sorted(
                text for text, _ in self.searcher.terms_with_prefix(name, "")
            )
        return self._values[name]

    def frequency(self, name: str, text: str) -> int:
        """Return how many tasks have a text in a field, those included that have changed since."""
        return int(self.searcher.doc_freq(name, text))

    def count(self, query: Any) -> int:
        """Return how many tasks a query finds."""
        found = self.searcher.aggregate(query, _NUMBER)
        return int(found["number"]["value"])

    def lacks(self, column: str) -> bool:
        """Tell whether some tasks have no value in a column of HAD."""
        if column not in self._lacking:
            is_seldom = self.frequency("has", column) < self.total
            self._lacking[column] = (
                is_seldom or self.count(having(self.schema, column)) < self.total
            )
        return self._lacking[column]


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a commit has not as it is at one moment of the store.

    `changed` are the rows of which the commit has an older state; `now` are those of them that are
    not gone, and all that are new.
    """

    commit: Commit
    changed: Sequence[int]
    now: Sequence[int]


@contextmanager
def fresh(
    connection: ReadConnection, published: Callable[[], Commit | None]
) -> Iterator[Fresh | None]:
    """Hold one moment of the store, and say what its index has not; None where that is too much.

    The commit is pinned before the store's moment. What the store notes of later changes is
    forgotten only once a newer commit is published: as long as none is, no note is missing.
    """
    for _ in range(TRIES):
        commit = published()
        connection.execute("BEGIN")
        try:
            found = _fresh(connection, commit) if commit else None
            if published() is commit:
                yield found
                return
        finally:
            connection.execute("COMMIT")
    yield None


def _fresh(connection: ReadConnection, commit: Commit) -> Fresh | None:
    asked = (commit.epoch, commit.mark)
    found = connection.execute(_FRESH, (*asked, *asked, commit.mark)).fetchone()
    changed, left, new = (msgspec.json.decode(rows, type=list[int]) for rows in found)
    is_much = max(len(changed), len(new)) > MOST_FRESH
    return None if is_much else Fresh(commit, changed, [*left, *new])
