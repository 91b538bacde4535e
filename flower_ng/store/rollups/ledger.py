"""Ledger: what the minutes under way add up to; on the store thread, which alone writes them."""

from collections.abc import Mapping
from itertools import chain
from typing import Final

from flower_ng.store.rollups.levels import MINUTE_S
from flower_ng.store.rollups.minutes import Minute
from flower_ng.store.rollups.tables import Key, Table
from flower_ng.store.rollups.tallies import TALLIES, Tally, merged

#: Minutes that began so lately are remembered, and older ones that just got late events.
KEPT_S: Final = 2 * MINUTE_S


class Ledger:
    """Adds what was counted to the rows of its `writer`, those of an earlier run included.

    It remembers the rows of the newest minutes, so that they are not read again each second.
    """

    def __init__(self, *, writer: str) -> None:
        self._writer = writer
        self._open: dict[int, dict[Key, Tally]] = {}

    def write(self, table: Table, minutes: Mapping[int, Minute], now: float) -> None:
        """Add minutes: all of them, or none where it raises."""
        for start in minutes.keys() - self._open.keys():
            self._open[start] = self._read(table, start)
        grown = {start: self._grown(start, minute) for start, minute in minutes.items()}
        table.put(chain.from_iterable(rows.items() for rows in grown.values()))
        for start, tallies in grown.items():
            self._open[start].update(tallies)
        for start in [old for old in self._open if old not in minutes and old <= now - KEPT_S]:
            del self._open[start]

    def _read(self, table: Table, start: int) -> dict[Key, Tally]:
        """Return the rows of a minute as they are."""
        asked = (MINUTE_S, start, self._writer)
        return {
            self._key(kind, start, name): tally
            for kind in TALLIES
            for _, name, _, tally in table.rows(
                kind, "step_s = ? AND start = ? AND writer = ?", asked
            )
        }

    def _grown(self, start: int, minute: Minute) -> dict[Key, Tally]:
        """Return the rows of a minute as they will be."""
        known = self._open[start]
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
