"""Ledger: what the minutes under way add up to; on the store thread, which alone writes them."""

from collections.abc import Mapping
from itertools import chain
from typing import Final

from flower_ng.store.rollups.levels import MINUTE_S
from flower_ng.store.rollups.minutes import LATE_S, Minute
from flower_ng.store.rollups.tables import Key, Table
from flower_ng.store.rollups.tallies import TALLIES, Tally, merged

#: A minute that began so long ago gets no events any more.
OPEN_S: Final = LATE_S + 2 * MINUTE_S


class Ledger:
    """Adds what was counted to the rows of its `writer`, those of an earlier run included.

    It remembers the rows that may still grow, so that none is read again.
    """

    def __init__(self, table: Table, *, writer: str, now: float) -> None:
        self._writer = writer
        self._open: dict[int, dict[Key, Tally]] = {}
        asked = (MINUTE_S, now - OPEN_S, writer)
        for kind in TALLIES:
            rows = table.rows(kind, "step_s = ? AND start > ? AND writer = ?", asked)
            for start, name, _, tally in rows:
                self._open.setdefault(start, {})[self._key(kind, start, name)] = tally

    def write(self, table: Table, minutes: Mapping[int, Minute], now: float) -> None:
        """Add minutes: all of them, or none where it raises."""
        grown = {start: self._grown(start, minute) for start, minute in minutes.items()}
        table.put(chain.from_iterable(rows.items() for rows in grown.values()))
        for start, tallies in grown.items():
            self._open.setdefault(start, {}).update(tallies)
        self._open = {start: self._open[start] for start in self._open if start > now - OPEN_S}

    def _grown(self, start: int, minute: Minute) -> dict[Key, Tally]:
        """Return the rows of a minute as they will be."""
        known = self._open.get(start, {})
        grown: dict[Key, Tally] = {}
        for kind, name, tally in minute.rows():
            key = self._key(kind, start, _storable(name))
            grown[key] = merged(grown.get(key) or known.get(key), tally)
        return grown

    def _key(self, kind: str, start: int, name: str) -> Key:
        return Key(MINUTE_S, kind, start, name, self._writer)


def _storable(name: str) -> str:
    """Return a name without what databases refuse: lone surrogates and null characters."""
    return name.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
