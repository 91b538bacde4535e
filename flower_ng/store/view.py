"""View: the store and its index as at one moment. On a reading thread.

The store is looked at before the index, never after: what the index says of a task may be newer
than what the store says, but a task that the index has not is never missing from the store.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from flower_ng.store.old_index import EMPTY, Directory, directory

Parameters = Sequence[Any] | dict[str, Any]

_STATE: Final = (
    "SELECT generation, (SELECT coalesce(max(id), 0) FROM task),"
    " EXISTS (SELECT 1 FROM stale WHERE stale.epoch > directory.epoch) FROM sealed, directory"
)
_COMMON: Final = (
    "SELECT json_group_object(trigram, n)"
    " FROM (SELECT trigram, sum(n) AS n FROM common GROUP BY trigram)"
)


@dataclass(frozen=True, slots=True)
class View:
    """What a query sees. `newest` is the highest row id; `has_stale`: some sealed rows changed."""

    connection: sqlite3.Connection
    directory: Directory = EMPTY
    newest: int = 0
    has_stale: bool = False
    #: How many tasks there are, where the writer has counted them.
    held: int | None = None
    #: How many tasks have those trigrams that many have.
    common: Callable[[], Mapping[str, int]] = dict

    def row(self, statement: str, parameters: Parameters = ()) -> tuple[Any, ...]:
        """Return the one row of a statement."""
        found: tuple[Any, ...] = self.connection.execute(statement, parameters).fetchone()
        return found


class Sight:
    """One connection, and what it last read of the index, which rarely changes.

    `held` returns how many tasks there are, None where only a count can tell.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        has_index: bool,
        held: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.connection = connection
        self._has_index = has_index
        self._held = held
        self._directory = EMPTY
        self._common: Mapping[str, int] | None = None

    @contextmanager
    def view(self, *, with_index: bool = True) -> Iterator[View]:
        """Hold what is there now, for as long as the context lasts.

        Without the index, for one statement, nothing is looked at before it.
        """
        if not (self._has_index and with_index):
            yield View(self.connection, held=self._held())
            return
        self.connection.execute("BEGIN")
        try:
            yield self._seen()
        finally:
            self.connection.execute("COMMIT")

    def _seen(self) -> View:
        generation, newest, has_stale = self.connection.execute(_STATE).fetchone()
        if generation != self._directory.generation:
            self._directory, self._common = directory(self.connection), None
        seen = (self._directory, newest, bool(has_stale), self._held())
        return View(self.connection, *seen, self._read_common)

    def _read_common(self) -> Mapping[str, int]:
        if self._common is None:
            (counts,) = self.connection.execute(_COMMON).fetchone()
            self._common = msgspec.json.decode(counts, type=dict[str, int])
        return self._common
