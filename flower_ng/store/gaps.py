"""Gaps: periods without events, or whose events could not be kept. On the loop.

They are written by the store thread as soon as it can write, and go on over a restart.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from flower_ng.store.rollups.recorder import IngestStatus
from flower_ng.store.tables.dialect import transaction
from flower_ng.store.writing.write_behind import Records, StoreThread, WriteBehind

#: Why: no connection to the broker, a full inbox, a store that could not be written, a pause of
#: flower_ng itself.
BROKER, INBOX, STORE, STOPPED = REASONS = ("broker", "inbox", "store", "stopped")
#: What is lost for the same reason within this time of each other is one gap.
TOGETHER_S: Final = 60.0
#: Gaps remembered, and read at once; the newest.
MAX_GAPS: Final = 1000
KEPT_S: Final = 366 * 86_400.0

_WRITE: Final = (
    "INSERT INTO gap (began, why, writer, ended, lost) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (began, why, writer) DO UPDATE SET ended = excluded.ended, lost = excluded.lost"
)
_FORGET: Final = "DELETE FROM gap WHERE ended < ?"
_READ: Final = (
    "SELECT began, ended, lost, why FROM gap WHERE writer = ? ORDER BY began DESC, why LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Gap:
    """From `start` to `end` (UTC seconds; None: it goes on) something is missing; see REASONS.

    `lost` counts dropped events, or changes of tasks that could not be kept; None where nobody
    knows.
    """

    start: float
    end: float | None
    lost: int | None
    why: str


@dataclass(frozen=True, slots=True)
class IngestLook:
    """What a look at the ingest saw; `lost` changes of tasks were given up, since the start."""

    at: float
    ingest: IngestStatus
    lost: int


class Gaps:
    """The newest gaps, the oldest first; `look` is called about once a second."""

    def __init__(self, *, writer: str = "") -> None:
        self._name = writer
        self._gaps: dict[tuple[float, str], Gap] = {}
        self._unwritten: Records[tuple[float, str], Gap] = Records()
        self._behind = WriteBehind(
            "gaps", take=self._unwritten.take, write=self._store, put_back=self._unwritten.put_back
        )
        self._seen: IngestLook | None = None
        self._goes_on = False

    def open(self, writer: StoreThread, now: float, *, goes_on: bool) -> None:
        """Read what is known; blocks. A store that `goes_on` has had a pause until now.

        One that is opened again has had none; what is known is written there too.
        """
        self._goes_on = goes_on
        writer.run(partial(self._read, now=now)).result()
        self._behind.open(writer)

    def look(self, ingest: IngestStatus, lost: int, lost_since: float, now: float) -> None:
        """Compare with the look before, and have written what changed."""
        before, self._seen = self._seen, IngestLook(now, ingest, lost)
        if before is not None:
            self._lose(INBOX, ingest.dropped - before.ingest.dropped, before.at, now)
            self._lose(STORE, lost - before.lost, min(lost_since, before.at), now)
            self._compare(before, ingest)
        if ingest.connected_since is not None:
            for gap in [gap for gap in self._gaps.values() if gap.end is None]:
                self._put(replace(gap, end=max(gap.start, ingest.connected_since)))
        self._behind.start()

    def stop(self, now: float) -> None:
        """Begin a pause, and write what is not written; blocks."""
        if self._goes_on and not self._are_open():
            self._put(Gap(now, None, None, STOPPED))
        self._behind.stop()

    def flush(self) -> None:
        """Write what is not written, now; blocks."""
        self._behind.flush()

    def pause(self) -> None:
        """Write what is not written, and wait until it is opened again; blocks."""
        self._behind.stop()

    def all(self) -> tuple[Gap, ...]:
        """Return the gaps, the oldest first; not those whose events a queue had kept."""
        gaps = (gap for gap in self._gaps.values() if gap.lost is not None or gap.end != gap.start)
        return tuple(sorted(gaps, key=lambda gap: gap.start))

    def between(self, start: float, end: float) -> tuple[Gap, ...]:
        """Return the gaps that reach into a time, the oldest first."""
        return tuple(
            gap for gap in self.all() if gap.start < end and (gap.end is None or gap.end >= start)
        )

    def _compare(self, before: IngestLook, ingest: IngestStatus) -> None:
        """Note that the connection went, now or for a moment between two looks.

        Who reads slower than events come is cut off long after the oldest that is lost was sent.
        """
        was = before.ingest.connected_since
        if was is not None and was != ingest.connected_since:
            missing = ingest.missing_since
            since = before.at if missing is None or missing < was else min(before.at, missing)
            self._put(Gap(since, None, None, BROKER))

    def _lose(self, why: str, lost: int, since: float, now: float) -> None:
        if lost <= 0:
            return
        same = [gap for gap in self._gaps.values() if gap.why == why]
        last = max(same, key=lambda gap: gap.start, default=None)
        if last is not None and last.end is not None and now - last.end < TOGETHER_S:
            self._put(replace(last, end=now, lost=(last.lost or 0) + lost))
        else:
            self._put(Gap(since, now, lost, why))

    def _put(self, gap: Gap) -> None:
        key = gap.start, gap.why
        self._gaps[key] = gap
        self._unwritten.put(key, gap)
        if len(self._gaps) > MAX_GAPS:
            del self._gaps[min(self._gaps)]

    def _are_open(self) -> bool:
        return any(gap.end is None for gap in self._gaps.values())

    # On the store thread

    def _read(self, connection: sqlite3.Connection, *, now: float) -> None:
        connection.execute(_FORGET, (now - KEPT_S,))
        rows = connection.execute(_READ, (self._name, MAX_GAPS)).fetchall()
        before = dict(self._gaps)
        self._gaps = {(row[0], row[3]): Gap(*row) for row in rows} | before
        for key, gap in before.items():
            self._unwritten.put(key, gap)
        if self._goes_on and not self._are_open() and self._seen is None:  # it was killed
            (newest,) = connection.execute("SELECT max(timestamp) FROM task").fetchone()
            if newest is not None:
                self._put(Gap(min(newest, now), None, None, STOPPED))

    def _store(self, connection: sqlite3.Connection, gaps: Mapping[tuple[float, str], Gap]) -> None:
        with transaction(connection):
            for gap in gaps.values():
                row = (gap.start, gap.why, self._name, gap.end, gap.lost)
                connection.execute(_WRITE, row)
