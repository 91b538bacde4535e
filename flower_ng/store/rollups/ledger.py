"""Ledger: what the minutes under way add up to; on the store thread, which alone writes them."""

import sqlite3
from collections.abc import Mapping
from itertools import chain
from typing import Final

from flower_ng.store.rollups.levels import MINUTE_S
from flower_ng.store.rollups.minutes import LATE_S, Minute
from flower_ng.store.rollups.tables import ROWS, Key, found, put
from flower_ng.store.rollups.tallies import TALLIES, Tally, merged

#: A minute that began so long ago gets no events any more.
OPEN_S: Final = LATE_S + 2 * MINUTE_S


class Ledger:
    """Adds what was counted to the rows of its `writer`, those of an earlier run included.

    It remembers the rows that may still grow, so that none is read again.
    """

    def __init__(self, connection: sqlite3.Connection, writer: str, now: float) -> None:
        self._writer = writer
        self._open: dict[int, dict[Key, Tally]] = {}
        for kind in TALLIES:
            self._read(connection, kind, now - OPEN_S)

    def write(
        self, connection: sqlite3.Connection, minutes: Mapping[int, Minute], now: float
    ) -> None:
        """Add minutes: all of them, or none where it raises."""
        grown = {start: self._grown(start, minute) for start, minute in minutes.items()}
        put(connection, chain.from_iterable(rows.items() for rows in grown.values()))
        for start, tallies in grown.items():
            self._open.setdefault(start, {}).update(tallies)
        self._open = {start: self._open[start] for start in self._open if start > now - OPEN_S}

    def _grown(self, start: int, minute: Minute) -> dict[Key, Tally]:
        """Return the rows of a minute as they will be."""
        known = self._open.get(start, {})
        grown: dict[Key, Tally] = {}
        for kind, name, tally in minute.rows():
            key = Key(MINUTE_S, kind, start, _storable(name), self._writer)
            grown[key] = merged(grown.get(key) or known.get(key), tally)
        return grown

    def _read(self, connection: sqlite3.Connection, kind: str, since: float) -> None:
        query = found("step_s = ? AND kind = ? AND start > ? AND writer = ?")
        asked = (MINUTE_S, kind, since, self._writer)
        (rows,) = connection.execute(query, asked).fetchone()
        for start, name, writer, tally in ROWS[kind].decode(rows):
            self._open.setdefault(start, {})[Key(MINUTE_S, kind, start, name, writer)] = tally


def _storable(name: str) -> str:
    """Return a name without what databases refuse: lone surrogates and null characters."""
    return name.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
